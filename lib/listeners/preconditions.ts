/** The preconditions of a PUT of a listener: `If-Match` and `If-None-Match` against the stored settings. Pure. */
import { sameJson } from "../domain/json/canonical-json.ts";
import { namesTag } from "../http/entity-tags.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";

/** The precondition headers of a request. */
export interface Preconditions {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
}

/**
 * Demands that the preconditions of a request hold.
 *
 * @param what the kind of listener, for the message
 * @param tag the entity tag of the stored settings; undefined: there are none
 * @throws ServiceError request.precondition_failed when one does not hold
 */
export function demandPreconditions(
  what: string,
  tag: string | undefined,
  { ifMatch, ifNoneMatch }: Preconditions,
): void {
  if (ifMatch !== undefined && !namesTag(ifMatch, tag, "strong")) {
    throw failed(`The settings of the ${what} are not those of If-Match; read them again with GET.`);
  }
  if (ifNoneMatch !== undefined && namesTag(ifNoneMatch, tag, "weak")) {
    throw failed(`The ${what} exists already; leave out If-None-Match to change it.`);
  }
}

/**
 * Demands `If-Match` for a change.
 * @throws ServiceError request.precondition_required with the names of the fields that differ
 */
export function demandNamed(what: string, fields: readonly string[], { ifMatch }: Preconditions): void {
  if (ifMatch !== undefined) return;
  const message = `The ${what} has other settings (${fields.join(", ")}); to change them, send If-Match with the ETag of a GET.`;
  throw new ServiceError("request.precondition_required", message, { extra: { fields } });
}

/** The names of the members that differ, sorted. */
export function differencesOf(
  before: Readonly<Record<string, Json>>,
  after: Readonly<Record<string, Json>>,
): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return names.filter((name) => !sameJson(before[name] ?? null, after[name] ?? null));
}

const failed = (message: string): ServiceError => new ServiceError("request.precondition_failed", message);
