/** What a PUT of a listener says of the settings that it was made on, and whether these are there. Pure. */
import { sameJson } from "../domain/json/canonical-json.ts";
import { namesTag } from "../http/entity-tags.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";

/** The headers of a request that say what must be there. */
export interface Preconditions {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
}

/**
 * @param what the kind of listener, for the message
 * @param tag of the settings that are there; undefined: none are
 * @throws ServiceError request.precondition_failed when a precondition does not hold
 */
export function demandPreconditions(
  what: string,
  tag: string | undefined,
  { ifMatch, ifNoneMatch }: Preconditions,
): void {
  if (ifMatch !== undefined && !namesTag(ifMatch, tag, "strong")) {
    throw failed(`The ${what} is not the one of If-Match.`);
  }
  if (ifNoneMatch !== undefined && namesTag(ifNoneMatch, tag, "weak")) {
    throw failed(`The ${what} is there already, as If-None-Match says it must not be.`);
  }
}

/** @throws ServiceError request.precondition_required, with the fields that differ, when the request has no `If-Match` */
export function demandNamed(what: string, fields: readonly string[], { ifMatch }: Preconditions): void {
  if (ifMatch !== undefined) return;
  const message = `This changes the ${what} (${fields.join(", ")}); say by If-Match which one, with the ETag of a GET.`;
  throw new ServiceError("request.precondition_required", message, { extra: { fields } });
}

/** The names of the members that differ. */
export function differencesOf(
  before: Readonly<Record<string, Json>>,
  after: Readonly<Record<string, Json>>,
): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return names.filter((name) => !sameJson(before[name] ?? null, after[name] ?? null));
}

const failed = (message: string): ServiceError => new ServiceError("request.precondition_failed", message);
