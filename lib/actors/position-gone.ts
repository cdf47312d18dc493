/** The answer for a position at which no listener can begin: never another status, and where the state can be read instead. */
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";

/** @param root the root URI of the actor; `message`: one sentence on why */
export function positionGone(root: string, message: string, field?: string): ServiceError {
  const headers = { Link: `<${root}/properties>; rel="snapshot"` };
  return new ServiceError("resource.position_gone", message, { headers, ...compact({ field }) });
}
