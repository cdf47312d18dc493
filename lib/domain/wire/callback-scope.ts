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
 * Most properties that one diff of a whole target may name: each is a write of its own, and all of them must be made
 * while the publisher waits.
 */
export const MOST_PLACES = 1_000;

/** Which place a callback is about, and whether what it carries describes exactly that place. */
export interface ScopeAnswer {
  /** The subscription's own place, or for a narrower resync the place below it. */
  readonly place: Place;
  /** True for a resync of less than the subscription covers: it is sequenced like a diff and replaces only `place`. */
  readonly narrower: boolean;
  /** False when a resync speaks of another scope than `place`: its `url` and `data` are then of no use. */
  readonly exact: boolean;
}

/**
 * Compares what the body says of its scope with the stored subscription. A diff's target, subtarget and resource must be
 * the subscription's wherever given; a resync's target must, its subtarget and resource may name a part of it. A resync
 * of anything else (broader, or beside it) stands for the subscription's whole scope, read from its own URL: the
 * reference resumes a whole target with one body for everybody. Throws `request.invalid` naming the field, also when data
 * that would be used does not fit (`checkTargetData`).
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

/** Where the body says nothing of a part it means the subscription's. A resource without a subtarget names nothing. */
function saidPlace(callback: Resync, scope: Scope): Place {
  const subtarget = callback.subtarget === undefined ? scope.subtarget : (callback.subtarget ?? undefined);
  if (subtarget === undefined) return [];
  const inherits = callback.resource === undefined && subtarget === scope.subtarget;
  const resource = inherits ? scope.resource : (callback.resource ?? undefined);
  return placeOf(compact({ target: scope.target, subtarget, resource }));
}

/**
 * Throws `request.invalid` unless the content fits a subscription of this scope: target-level data is an object;
 * `request.too_large` when it names more than `MOST_PLACES` of the `properties`. For polled and fetched diffs as for sent
 * ones. A name that no copied property can have is left out when the data is applied, and refuses nothing.
 */
export function checkTargetData(content: DiffContent, scope: Scope): void {
  if (scope.subtarget !== undefined) return;
  if (!isObject(content.data)) throw invalidField("data", "must be an object for a subscription on a whole target");
  if (scope.target !== "properties") return;
  if (Object.keys(content.data).length > MOST_PLACES) {
    throw new ServiceError("request.too_large", `data names more than ${String(MOST_PLACES)} properties.`, {
      field: "data",
    });
  }
}

/** True when `checkTargetData` takes the content. What does not fit counts as missing wherever it was asked for. */
export function fitsScope(content: DiffContent, scope: Scope): boolean {
  try {
    checkTargetData(content, scope);
    return true;
  } catch {
    return false;
  }
}

/**
 * Throws `request.invalid` when the `url` of a callback does not lie under the trust's `baseuri`. To be asked before any
 * request is made for it.
 */
export function checkCallbackUrl(url: string, baseUri: string): void {
  if (!liesUnder(url, baseUri)) throw invalidField("url", "does not lie under the peer's baseuri");
}
