/** Whether a callback fits the subscription that it names. */
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import { invalidField } from "../terms/callback-fields.ts";
import type { ParsedCallback, Resync } from "./callback-body.ts";
import type { DiffContent } from "../diff/diff-content.ts";
import { isObject } from "../json/json.ts";
import { isPeerName } from "../terms/names.ts";
import { liesUnder } from "../terms/peer-url.ts";
import { covers, type Place, placeOf, samePlace, type Scope } from "../terms/scope.ts";

/**
 * Most properties that one diff of a whole target may name: each takes a write, and all writes are made while the
 * publisher waits.
 */
export const MOST_PLACES = 1_000;

/** The place that a callback is about. */
export interface ScopeAnswer {
  /** The subscription's own place, or for a narrower resync a place below it. */
  readonly place: Place;
  /** True for a resync of a part of the subscription: it is sequenced like a diff and replaces only `place`. */
  readonly narrower: boolean;
  /** False when a resync names another scope than `place`: its `url` and `data` are not used then. */
  readonly exact: boolean;
}

/**
 * Compares the scope that a callback names with that of the stored subscription. Where a diff has target, subtarget and
 * resource, they must be the subscription's. A resync must have its target; its subtarget and resource may name a part
 * of it. A resync of a broader scope, or of one beside it, means the subscription's whole scope, read from its own URL:
 * the reference implementation resumes a whole target with one body for all subscribers.
 *
 * @throws ServiceError request.invalid with the field, and as `checkTargetData` for data that would be used
 */
export function checkScope(callback: ParsedCallback, scope: Scope): ScopeAnswer {
  if (callback.target !== undefined && callback.target !== scope.target) {
    throw invalidField("target", "is not the subscription's");
  }
  const place = placeOf(scope);
  if (callback.kind !== "resync") {
    mustAgree("subtarget", callback.subtarget, scope.subtarget);
    mustAgree("resource", callback.resource, scope.resource);
    if (callback.kind === "high") checkTargetData(callback, scope);
    return { place, narrower: false, exact: true };
  }
  const said = saidPlace(callback, scope);
  if (samePlace(said, place)) {
    if (callback.url === undefined && callback.data !== undefined) checkTargetData({ data: callback.data }, scope);
    return { place, narrower: false, exact: true };
  }
  if (covers(place, said)) {
    if (scope.target === "properties" && !isPeerName(said[0] ?? "")) {
      throw invalidField("subtarget", "is no property name");
    }
    return { place: said, narrower: true, exact: true };
  }
  return { place, narrower: false, exact: false };
}

function mustAgree(field: string, said: string | null | undefined, stored: string | undefined): void {
  if (said !== undefined && (said ?? undefined) !== stored) throw invalidField(field, "is not the subscription's");
}

/**
 * The place that a resync names. Absent parts are the subscription's; a resource without a subtarget names no place.
 */
function saidPlace(callback: Resync, scope: Scope): Place {
  const subtarget = callback.subtarget === undefined ? scope.subtarget : (callback.subtarget ?? undefined);
  if (subtarget === undefined) return [];
  const inherits = callback.resource === undefined && subtarget === scope.subtarget;
  const resource = inherits ? scope.resource : (callback.resource ?? undefined);
  return placeOf(compact({ target: scope.target, subtarget, resource }));
}

/**
 * Checks the content of a diff for a subscription of this scope, whether it was sent, polled or fetched. Names that no
 * replicated property can have are accepted here; applying the diff leaves them out.
 *
 * @throws ServiceError request.invalid when data for a whole target is no object, request.too_large when it names more
 *   than `MOST_PLACES` properties
 */
function checkTargetData(content: DiffContent, scope: Scope): void {
  if (scope.subtarget !== undefined) return;
  if (!isObject(content.data)) throw invalidField("data", "must be an object for a subscription on a whole target");
  if (scope.target !== "properties") return;
  if (Object.keys(content.data).length > MOST_PLACES) {
    throw new ServiceError("request.too_large", `data names more than ${String(MOST_PLACES)} properties.`, {
      field: "data",
    });
  }
}

/**
 * True when the content fits a subscription of this scope. Polled or fetched content that does not counts as missing.
 */
export function fitsScope(content: DiffContent, scope: Scope): boolean {
  try {
    checkTargetData(content, scope);
    return true;
  } catch {
    return false;
  }
}

/**
 * Checks the `url` of a callback before any request is made to it.
 * @throws ServiceError request.invalid when it is not under the trust's `baseuri`
 */
export function checkCallbackUrl(url: string, baseUri: string): void {
  if (!liesUnder(url, baseUri)) throw invalidField("url", "does not lie under the peer's baseuri");
}
