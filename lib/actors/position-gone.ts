/** The answer for a position from which no listener can continue: never another status, and where the state can be read instead. */
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";

/** @param root the root URI of the actor; undefined: the position is in the events of all. `message`: one sentence on why */
export function positionGone(root: string | undefined, message: string, field?: string): ServiceError {
  const headers = root === undefined ? undefined : { Link: `<${root}/properties>; rel="snapshot"` };
  return new ServiceError("resource.position_gone", message, compact({ headers, field }));
}
