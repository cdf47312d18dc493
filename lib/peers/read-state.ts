import { compact } from "../system/compact.ts";
import { isArray, isObject, own } from "../domain/json/json.ts";
import { isPathKey, pathOf } from "../domain/diff/peer-names.ts";
import { type Place, samePlace } from "../domain/terms/scope.ts";
import { isPeerName } from "../domain/terms/names.ts";
import type { Json, JsonObject, PeerAnswer } from "../system/ports.ts";
import type { PartAnswer, ReadFailure, StateListing, StateRequest } from "./publisher.ts";
import { readAnswer, readJsonAnswer } from "./remote-answer.ts";
import type { ReadAnswer } from "./remote-answer.ts";
import { readInOrder } from "./read-in-order.ts";
import type { RemoteActor } from "./remote-actor.ts";
import { asListMarker, type Inventory, type ListAbout, positionOf, valueOf } from "./state-answers.ts";
import { listOf, StateReader, valuePart } from "./state-reader.ts";

/** Plain properties of up to this many bytes together are read with one call instead of one each. */
const TOGETHER_BYTES = 1024 * 1024;

/**
 * Lists the state of a place at its publisher: `properties?metadata=true`, then the plain properties in one call while
 * they are small; for a peer without that form the plain GETs. What is listed is then read part by part, lists page by
 * page where it must be; at most 4 calls at a time, 6 MiB each. `absent`: the target has no state to read; a property
 * that does not exist is a state whose only part is absent. `failed`: nothing is known of what there is.
 */
export async function listState(remote: RemoteActor, requested: StateRequest): Promise<StateListing> {
  const reader = new StateReader(remote, requested.subscriptionId);
  if (requested.scope.target !== "properties") return listOther(reader, requested);
  const url = foreignUrl(remote, requested);
  if (requested.place.length > 0) return onePlace(reader, requested, url);
  const listed = await listAll(reader, requested, url);
  // What a resync's own URL does not have may be where it always is.
  const found = listed.is === "absent" && url !== undefined ? await listAll(reader, requested, undefined) : listed;
  if (found.is !== "failed" || requested.names === undefined || isOfPeer(found.failure)) return found;
  const byName = listing(reader, requested.names, (place) => readPlace(reader, place, undefined));
  return { ...byName, byName: true };
}

/** True when a failure tells of the peer, or of our time, rather than of what was read. */
const isOfPeer = ({ unwell, outOfTime, retryAfter }: ReadFailure): boolean =>
  unwell === true || outOfTime === true || retryAfter !== undefined;

/**
 * The URL of a resync, unless it is one we would use anyway: the place's own, or that of a place around it, whose answer
 * would not be what the place holds.
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
      // Each of them by itself may be readable still, unless it is the peer that fails.
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

/** Of a whole state in the plain form: its values, and the lists, which stand there as marks. */
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
    // When the peer has told us what its properties are, a value that looks like a mark is what it is.
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
    // Only a list comes in pages; anything else gives the same again.
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

/** An array may be a list property or the value of an ordinary one, and only the peer's overview tells. */
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

/** Nothing is stored of an app's own target: a peer that has no state of it there is asked no further. */
const isNoTarget = (status: number | undefined): boolean => status === 405 || status === 501;

function asObject(
  read: ReadAnswer<{ readonly json: Json; readonly answer: PeerAnswer }>,
): ReadAnswer<{ readonly object: JsonObject; readonly answer: PeerAnswer }> {
  if (read.is !== "value") return read;
  const { json, answer } = read.value;
  if (isObject(json)) return { is: "value", value: { object: json, answer } };
  return { is: "failed", failure: { reason: "The peer's properties are no object.", status: 200 } };
}
