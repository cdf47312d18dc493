import { compact } from "../system/compact.ts";
import { isArray, isObject, own } from "../domain/json/json.ts";
import { isPathKey, pathOf } from "../domain/diff/peer-names.ts";
import { type Place, samePlace } from "../domain/terms/scope.ts";
import { isPeerName } from "../domain/terms/names.ts";
import type { Json, JsonObject, PeerAnswer } from "../system/ports.ts";
import type { PartAnswer, ReadFailure, StateListing, StateRequest } from "./publisher.ts";
import { readAnswer, readJsonAnswer, type ReadAnswer } from "./remote-answer.ts";
import { readInOrder } from "./read-in-order.ts";
import type { RemoteActor } from "./remote-actor.ts";
import { asListMarker, type Inventory, type ListAbout, positionOf, valueOf } from "./state-answers.ts";
import { listOf, StateReader, valuePart } from "./state-reader.ts";

/** Plain properties of up to this many bytes together are read with one call instead of one each. */
const TOGETHER_BYTES = 1024 * 1024;

/**
 * Lists the state of a place at its publisher: `properties?metadata=true`, then the plain properties in one call while
 * they are small; for a peer without that form the plain GETs. The listed places are then read part by part, a large list
 * page by page; at most 4 calls at a time, 6 MiB each. `absent`: the target has no state to read; a property that does not
 * exist is a state whose only part is absent. `failed`: the contents are unknown.
 */
export async function listState(remote: RemoteActor, requested: StateRequest): Promise<StateListing> {
  const reader = new StateReader(remote, requested.subscriptionId);
  if (requested.scope.target !== "properties") return listOther(reader, requested);
  const url = foreignUrl(remote, requested);
  if (requested.place.length > 0) return onePlace(reader, requested, url);
  const listed = await listAll(reader, requested, url);
  // A state that is missing at the URL of a resync may be at the usual place.
  const found = listed.is === "absent" && url !== undefined ? await listAll(reader, requested, undefined) : listed;
  if (found.is !== "failed" || requested.names === undefined || isOfPeer(found.failure)) return found;
  const byName = listing(reader, requested.names, (place) => readPlace(reader, place, undefined));
  return { ...byName, byName: true };
}

/** True when a failure is that of the peer, or of our time, rather than of what was read. */
const isOfPeer = ({ unwell, outOfTime, retryAfter }: ReadFailure): boolean =>
  unwell === true || outOfTime === true || retryAfter !== undefined;

/**
 * The URL of a resync, unless it is the place's own, which is used anyway, or that of a place around it, whose answer is not the
 * content of the place.
 */
function foreignUrl(remote: RemoteActor, requested: StateRequest): string | undefined {
  if (requested.url === undefined || !URL.canParse(requested.url)) return undefined;
  const given = new URL(requested.url).pathname.replace(/\/+$/, "");
  const path = ["properties", ...requested.place];
  const usual = path.map((_, index) => remote.urlOf(path.slice(0, index + 1)));
  const ours = usual.map((url) => (url === undefined ? undefined : new URL(url).pathname));
  return ours.includes(given) ? undefined : requested.url;
}

async function listAll(reader: StateReader, requested: StateRequest, url: string | undefined): Promise<StateListing> {
  let inventory: Inventory | undefined;
  if (url === undefined) {
    const known = await reader.inventory(true);
    if (known.is === "failed") return known;
    inventory = known.is === "value" ? known.value : undefined;
  }
  const names = new Set(inventory?.names);
  const lists = new Map(inventory?.lists);
  const atHand = new Map<string, PartAnswer>();
  if (inventory === undefined || (names.size > 0 && inventory.bytes <= TOGETHER_BYTES)) {
    const whole = asObject(readJsonAnswer(await reader.get(url ?? ["properties"]), { listed: false }));
    if (whole.is !== "value") {
      if (inventory === undefined) return whole.is === "absent" ? { is: "absent" } : whole;
      // A single property may still be readable, unless the peer itself fails.
      if (whole.is === "failed" && whole.failure.unwell === true) return whole;
    } else {
      plainPart(whole.value, { inventory, names, lists, atHand });
    }
  }
  const all = [...new Set([...names, ...lists.keys()])];
  const read = async (place: Place): Promise<PartAnswer> => {
    const [name = ""] = place;
    const about = lists.get(name);
    const known = about === undefined ? atHand.get(name) : undefined;
    if (known !== undefined) return known;
    if (!isPathKey(name)) return await reader.outOfTheWhole(place);
    if (about !== undefined) return await reader.list(name, about);
    return await reader.property(name, { listed: true });
  };
  const places = all.filter((name) => isRequested(name, requested)).map((name): Place => [name]);
  const leftOut = all.filter((name) => !isPeerName(name));
  return listing(reader, places, read, leftOut, (name) => lists.get(name)?.bytes ?? 0);
}

/** Takes the values out of a whole state in the plain form, and its lists, which appear as markers. */
function plainPart(
  { object, answer }: { readonly object: JsonObject; readonly answer: PeerAnswer },
  into: {
    readonly inventory: Inventory | undefined;
    readonly names: Set<string>;
    readonly lists: Map<string, ListAbout>;
    readonly atHand: Map<string, PartAnswer>;
  },
): void {
  const sequence = positionOf(answer.headers);
  const plain = new Set(into.inventory?.names);
  for (const [name, value] of Object.entries(object)) {
    if (into.lists.has(name)) continue;
    // A name that the peer has listed as a plain property is one, even when its value looks like a marker.
    const marker = plain.has(name) ? undefined : asListMarker(value);
    if (marker !== undefined) {
      into.lists.set(name, marker);
      continue;
    }
    into.names.add(name);
    into.atHand.set(name, { is: "part", part: compact({ place: [name], kind: "value" as const, value, sequence }) });
  }
}

function isRequested(name: string, requested: StateRequest): boolean {
  return isPeerName(name) && !requested.excludedScopes.some((place) => samePlace(place, [name]));
}

function listing(
  reader: StateReader,
  places: readonly Place[],
  read: (place: Place) => Promise<PartAnswer>,
  leftOut: readonly string[] = [],
  bytesOf: (name: string) => number = () => 0,
): Extract<StateListing, { is: "listing" }> {
  return {
    is: "listing",
    places: [...places].sort(([one = ""], [other = ""]) => (one < other ? -1 : 1)),
    leftOut,
    bytesOf: ([name = ""]) => bytesOf(name),
    read: async (some, options) => {
      const { answers, stopped } = await readInOrder(some, read, options);
      return compact({ answers, stopped, sequence: reader.position });
    },
  };
}

function onePlace(reader: StateReader, requested: StateRequest, url: string | undefined): StateListing {
  return listing(reader, [requested.place], (place) => readPlace(reader, place, url));
}

async function readPlace(reader: StateReader, place: Place, url: string | undefined): Promise<PartAnswer> {
  const path = pathOf(place);
  if (url === undefined && path.length === 0) return await reader.outOfTheWhole(place);
  const called = await reader.get(url ?? ["properties", ...path]);
  const read = readAnswer(called, { listed: false });
  if (read.is === "absent") return { is: "absent", place };
  const name = place.length === 1 && url === undefined ? place[0] : undefined;
  if (read.is === "failed") {
    // Only a list has pages; reading anything else again fails in the same way.
    const paged = read.failure.tooLarge === true && name !== undefined;
    return paged ? await reader.tooLarge(name, { count: 0, bytes: 0 }) : { is: "failed", place, failure: read.failure };
  }
  const answer = valuePart(place, read.value, url === undefined ? place.slice(path.length) : []);
  if (answer.is !== "part" || place.length > 1 || !isArray(answer.part.value)) return answer;
  const about = await listAt(reader, place[0] ?? "");
  if (about.is === "failed") return { is: "failed", place, failure: about.failure };
  if (about.value === undefined) return answer;
  const { value: items, ...part } = answer.part;
  return { is: "part", part: { ...part, ...listOf(items, about.value) } };
}

/** Whether an array is a list property or the value of an ordinary one; only the peer's overview says so. */
async function listAt(
  reader: StateReader,
  name: string,
): Promise<Exclude<ReadAnswer<ListAbout | undefined>, { is: "absent" }>> {
  const known = await reader.inventory(false);
  if (known.is === "failed") return known;
  if (known.is === "value" && known.value !== undefined) return { is: "value", value: known.value.lists.get(name) };
  const whole = asObject(readJsonAnswer(await reader.answerOf(["properties"]), { listed: false }));
  if (whole.is === "failed") return whole;
  const value = whole.is === "value" ? own(whole.value.object, name) : undefined;
  return { is: "value", value: value === undefined ? undefined : asListMarker(value) };
}

/** An app's own target: one GET, an object's members at target level, a bare value below it. */
async function listOther(reader: StateReader, requested: StateRequest): Promise<StateListing> {
  const { place, scope } = requested;
  const called = await reader.get(requested.url ?? [scope.target, ...place]);
  const read = readAnswer(called, { listed: false });
  if (read.is === "absent" || (!called.ok && isNoTarget(called.status))) return { is: "absent" };
  if (read.is === "failed") return read;
  const value = valueOf(read.value);
  if ("problem" in value) return { is: "failed", failure: { reason: value.problem, status: 200 } };
  const { json } = value;
  if (place.length === 0 && !isObject(json)) return { is: "absent" };
  const members: readonly (readonly [Place, Json])[] =
    place.length > 0 ? [[place, json]] : Object.entries(json as JsonObject).map(([name, member]) => [[name], member]);
  const sequence = positionOf(read.value.headers);
  const parts = members.map(([at, member]) => compact({ place: at, kind: "value" as const, value: member, sequence }));
  const atHand = new Map(parts.map((part) => [part.place, part]));
  const of = (at: Place): PartAnswer => {
    const part = atHand.get(at);
    return part === undefined ? { is: "absent", place: at } : { is: "part", part };
  };
  return listing(reader, [...atHand.keys()], (at) => Promise.resolve(of(at)));
}

/** The peer has no state of an app's own target; nothing of such a target is stored, so nothing else is tried. */
const isNoTarget = (status: number | undefined): boolean => status === 405 || status === 501;

function asObject(
  read: ReadAnswer<{ readonly json: Json; readonly answer: PeerAnswer }>,
): ReadAnswer<{ readonly object: JsonObject; readonly answer: PeerAnswer }> {
  if (read.is !== "value") return read;
  const { json, answer } = read.value;
  if (isObject(json)) return { is: "value", value: { object: json, answer } };
  return { is: "failed", failure: { reason: "The peer's properties are no object.", status: 200 } };
}
