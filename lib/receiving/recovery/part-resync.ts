/** A resync callback for less than its subscription covers: it is sequenced like a diff and replaces only its place. */
import { compact } from "../../system/compact.ts";
import { isArray, isObject, own } from "../../domain/json/json.ts";
import { covers, placeOf, type Place } from "../../domain/terms/scope.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import type { StatePart, Publisher, ReadFailure } from "../../peers/publisher.ts";
import type { Json } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";
import type { ReceivedData } from "../stream/ports.ts";
import { reread } from "./reread.ts";

/** What a resync callback for one place says of where its state is. */
export interface PartResync {
  readonly sequence: number;
  readonly place: Place;
  /** Read from here; else `data` is the state; else the place's own URL is read. */
  readonly url?: string;
  readonly data?: Json;
}

export interface PartRead {
  /** What the place holds at the publisher, lists as arrays; null when nothing is there, or it is closed to us. */
  readonly state: Json;
  /** The store holds it, as far as narrower subscriptions do not own it. */
  readonly stored: boolean;
  /** Places that must be read from the publisher. */
  readonly reread: readonly Place[];
}

/**
 * Reads the state of the place and, with `data`, stores it. Gives a failure when the read failed; then nothing has
 * changed.
 */
export async function resyncPart(
  publisher: Publisher | undefined,
  data: ReceivedData | undefined,
  head: Head,
  sent: PartResync,
  open?: () => Promise<Reads | undefined>,
): Promise<PartRead | ReadFailure> {
  const { place, sequence, url } = sent;
  const foreign = head.excludedScopes.some((other) => covers(other, place));
  const store = foreign ? undefined : data;
  const whole = placeOf(head.scope).length === 0 && place.length === 1;
  if (url === undefined && sent.data !== undefined) {
    const part = partOf(place, sent.data);
    if (whole)
      await store?.putRead(part, { stateVersion: head.stateVersion, sequence }, undefined, {
        excludedScopes: head.excludedScopes,
      });
    return partRead(part, store !== undefined, whole ? [] : await setWithin(store, head, sequence, part));
  }
  if (publisher === undefined) return { reason: "The trust with this peer is not approved." };
  const read = await reread(publisher, whole ? store : undefined, head, place, sequence, compact({ url, open }));
  if (read.is === "failed") return read.failure;
  if (read.is === "hidden") return { state: null, stored: false, reread: [] };
  return partRead(read.part, store !== undefined, whole ? [] : await setWithin(store, head, sequence, read.part));
}

function partRead(part: StatePart, stored: boolean, again: readonly Place[]): PartRead {
  const state = part.kind === "list" ? (part.items ?? []) : (part.value ?? null);
  return { state, stored, reread: again };
}

/**
 * Sets what lies inside a value that is kept as one, literally. The content may include later diffs already. Applying
 * those again changes nothing, so the number of the read need not be known.
 */
async function setWithin(
  data: ReceivedData | undefined,
  head: Head,
  sequence: number,
  part: StatePart,
): Promise<readonly Place[]> {
  if (data === undefined) return [];
  const scope = placeOf(head.scope);
  const path = part.place.slice(scope.length);
  const pointer = path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  const diff = {
    scope,
    excludedScopes: head.excludedScopes,
    data: path.reduceRight<Json>((inner, key) => Object.fromEntries([[key, inner]]), part.value ?? ""),
    overwritten: part.value === undefined ? [] : [pointer],
    nested: "merge" as const,
  };
  return (await data.apply(diff, { stateVersion: head.stateVersion, sequence })).reread;
}

/** The part that the data of a resync callback stands for; a list is `{"_list": true, "items": […]}`. */
export function partOf(place: Place, data: Json): StatePart {
  const items = place.length === 1 && isObject(data) && own(data, "_list") === true ? own(data, "items") : undefined;
  return items !== undefined && isArray(items) ? { place, kind: "list", items } : { place, kind: "value", value: data };
}
