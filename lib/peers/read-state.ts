import { isArray, isObject } from "../domain/json.ts";
import { isPropertyName } from "../domain/names.ts";
import { type Place, samePlace, type Scope } from "../domain/scope.ts";
import type { JsonObject, PeerAnswer } from "../ports.ts";
import type { StatePart } from "../peer-data/incoming.ts";
import type { StateAnswer } from "../receiving/ports.ts";
import { readJson, type RemoteActor } from "./remote-actor.ts";
import type { Remote, RemoteFailure } from "./remote-answer.ts";
import { asListMark, type Inventory, type ListAbout, positionOf, valueOf } from "./state-answers.ts";
import { listOf, type PartRead, StateReader, unread } from "./state-reader.ts";

/** Plain properties of up to this many bytes together are read with one call instead of one each. */
const TOGETHER_BYTES = 1024 * 1024;
/** Calls to one peer at a time. */
const AT_ONCE = 4;

export interface StateWanted {
  readonly scope: Scope;
  /** The subscription's place, or one below it. */
  readonly place: Place;
  readonly subscriptionId: string;
  /** Places that narrower subscriptions own: not read when they are whole properties. */
  readonly carved: readonly Place[];
  /** Read from here instead of the place's own URL. It lies under the peer's root; the caller has checked. */
  readonly url?: string;
}

/**
 * Reads the state of a place from its publisher: `properties?metadata=true`, then the plain properties (in one call while
 * they are small, else each), then each list, page by page where it must be; for a peer without that form the plain
 * GETs. At most 4 calls at a time, 6 MiB each. What is larger, makes no sense or has a name that no URL can carry is in
 * `diverged`, and the rest is read all the same. `absent`: the target has no state to read; a property that does not
 * exist is a state without parts. `sequence` is the lowest position in the answers, when all of them have one.
 */
export async function readState(remote: RemoteActor, wanted: StateWanted): Promise<StateAnswer> {
  const reader = new StateReader(remote, wanted.subscriptionId);
  if (wanted.scope.target !== "properties") return readOther(reader, wanted);
  const url = foreignUrl(remote, wanted);
  return wanted.place.length === 0 ? readAll(reader, wanted, url) : readPlace(reader, wanted, url);
}

/**
 * The URL of a resync, unless it is one we would use anyway: the place's own, or that of a place around it, whose answer
 * would not be what the place holds.
 */
function foreignUrl(remote: RemoteActor, wanted: StateWanted): string | undefined {
  if (wanted.url === undefined || !URL.canParse(wanted.url)) return undefined;
  const given = new URL(wanted.url).pathname.replace(/\/+$/, "");
  const path = ["properties", ...wanted.place];
  const usual = path.map((_, index) => remote.urlOf(path.slice(0, index + 1)));
  const ours = usual.map((url) => (url === undefined ? undefined : new URL(url).pathname));
  return ours.includes(given) ? undefined : wanted.url;
}

async function readAll(reader: StateReader, wanted: StateWanted, url: string | undefined): Promise<StateAnswer> {
  let inventory: Inventory | undefined;
  if (url === undefined) {
    const known = await reader.inventory(true);
    if (!known.ok) return failed(known);
    inventory = known.value;
  }
  const names = inventory?.names.filter((name) => isWanted(name, wanted)) ?? [];
  const lists = new Map(inventory?.lists);
  const parts: StatePart[] = [];
  const each: string[] = [];
  if (inventory === undefined || (names.length > 0 && inventory.bytes <= TOGETHER_BYTES)) {
    const whole = await reader.get(url ?? ["properties"]);
    const object = whole.ok ? asObject(whole.value) : undefined;
    if (whole.ok && object !== undefined) {
      parts.push(...plainParts(object, wanted, whole.value, inventory, lists));
    } else if (inventory === undefined) {
      return whole.ok ? failed({ message: "The peer's properties are no object." }) : withoutState(whole);
    } else if (!whole.ok && unread(whole).is === "failed") return failed(whole);
    else each.push(...names);
  } else each.push(...names);
  const reads = [
    ...each.map((name) => ({ name, read: () => reader.property(name) })),
    ...[...lists]
      .filter(([name]) => isWanted(name, wanted))
      .map(([name, about]) => ({ name, read: () => reader.list(name, about) })),
  ];
  const diverged: Place[] = [];
  const failure = await readEach(reads, ({ name }, result) => {
    if (result.is === "part") parts.push(result.part);
    else if (result.is === "diverged") diverged.push([name]);
  });
  return failure === undefined ? state(reader, parts, diverged) : failed(failure);
}

function isWanted(name: string, wanted: StateWanted): boolean {
  return isPropertyName(name) && !wanted.carved.some((place) => samePlace(place, [name]));
}

/**
 * The parts in a plain answer. A list stands there as a mark; `lists` gets those that were not known yet. When the peer
 * has told us what its properties are, a value that looks like a mark is what it is.
 */
function plainParts(
  object: JsonObject,
  wanted: StateWanted,
  answer: PeerAnswer,
  inventory: Inventory | undefined,
  lists: Map<string, ListAbout>,
): StatePart[] {
  const sequence = positionOf(answer.headers);
  const plain = new Set(inventory?.names);
  const parts: StatePart[] = [];
  for (const [name, value] of Object.entries(object)) {
    if (!isWanted(name, wanted) || lists.has(name)) continue;
    const mark = plain.has(name) ? undefined : asListMark(value);
    if (mark !== undefined) lists.set(name, mark);
    else parts.push({ place: [name], kind: "value", value, ...(sequence === undefined ? {} : { sequence }) });
  }
  return parts;
}

/** Runs the reads, `AT_ONCE` at a time; stops at the first that failed and gives its failure. */
async function readEach<R extends { readonly read: () => Promise<PartRead> }>(
  reads: readonly R[],
  take: (of: R, result: PartRead) => void,
): Promise<RemoteFailure | undefined> {
  let failure: RemoteFailure | undefined;
  let next = 0;
  const work = async (): Promise<void> => {
    while (failure === undefined) {
      const one = reads[next];
      next += 1;
      if (one === undefined) return;
      const result = await one.read();
      if (result.is === "failed") failure ??= result.failure;
      else take(one, result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failure;
}

async function readPlace(reader: StateReader, wanted: StateWanted, url: string | undefined): Promise<StateAnswer> {
  const { place } = wanted;
  const called = await reader.get(url ?? ["properties", ...place]);
  if (!called.ok) {
    // Only a list comes in pages; anything else gives the same again.
    const name = place.length === 1 && url === undefined ? place[0] : undefined;
    const result =
      called.kind === "too_large" && name !== undefined
        ? await reader.tooLarge(name, { count: 0, bytes: 0 })
        : unread(called);
    if (result.is === "failed") return failed(result.failure);
    return state(reader, result.is === "part" ? [result.part] : [], result.is === "diverged" ? [place] : []);
  }
  const value = valueOf(called.value);
  if (value === undefined) return state(reader, [], [place]);
  const sequence = positionOf(called.value.headers);
  const positioned = sequence === undefined ? {} : { sequence };
  if (isArray(value) && place.length === 1) {
    const about = await listAt(reader, place[0] ?? "");
    if (!about.ok) return failed(about);
    if (about.value !== undefined) return state(reader, [{ place, ...listOf(value, about.value), ...positioned }], []);
  }
  return state(reader, [{ place, kind: "value", value, ...positioned }], []);
}

/** An array may be a list property or the value of an ordinary one, and only the peer's overview tells. */
async function listAt(reader: StateReader, name: string): Promise<Remote<ListAbout | undefined>> {
  const known = await reader.inventory(false);
  if (!known.ok) return known;
  if (known.value !== undefined) return { ok: true, value: known.value.lists.get(name), status: known.status };
  const whole = await reader.peek(["properties"]);
  if (!whole.ok) return unread(whole).is === "failed" ? whole : { ok: true, value: undefined, status: 0 };
  const object = asObject(whole.value);
  const value = object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
  return { ok: true, value: value === undefined ? undefined : asListMark(value), status: whole.status };
}

/** An app's own target: one GET, an object's members at target level, a bare value below it. */
async function readOther(reader: StateReader, wanted: StateWanted): Promise<StateAnswer> {
  const { place, scope } = wanted;
  const called = await reader.get(wanted.url ?? [scope.target, ...place]);
  if (!called.ok) return withoutState(called);
  const value = valueOf(called.value);
  if (value === undefined) return { is: "absent" };
  const sequence = positionOf(called.value.headers);
  const positioned = sequence === undefined ? {} : { sequence };
  if (place.length > 0) return state(reader, [{ place, kind: "value", value, ...positioned }], []);
  if (!isObject(value)) return { is: "absent" };
  const parts = Object.entries(value)
    .filter(([name]) => isWanted(name, wanted))
    .map(([name, member]): StatePart => ({ place: [name], kind: "value", value: member, ...positioned }));
  return state(reader, parts, []);
}

/** What it means for the whole that it could not be read. */
function withoutState(failure: RemoteFailure): StateAnswer {
  const gone = failure.status === 404 || failure.status === 405 || failure.status === 410 || failure.status === 501;
  return gone ? { is: "absent" } : failed(failure);
}

function state(reader: StateReader, parts: readonly StatePart[], diverged: readonly Place[]): StateAnswer {
  const sequence = reader.position;
  return { is: "state", parts, diverged, ...(sequence === undefined ? {} : { sequence }) };
}

function failed(failure: { readonly message: string }): StateAnswer {
  return { is: "failed", reason: failure.message };
}

function asObject(answer: PeerAnswer): JsonObject | undefined {
  const json = readJson(answer);
  return json !== undefined && isObject(json) ? json : undefined;
}
