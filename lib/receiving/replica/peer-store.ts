import { parseText } from "../../domain/json/json-text.ts";
import type { Position } from "../../domain/log/watermark.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { listPartition, peerPartition, placeKey, PLACE_PREFIX } from "../../dynamodb/keys/replica.ts";
import { deleteRange } from "../../dynamodb/paging.ts";
import { collectPeerGarbage } from "../../lists/list-garbage.ts";
import type { StatePart } from "../../peers/publisher.ts";
import { compact } from "../../system/compact.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { Json } from "../../system/ports.ts";
import { planDiff, type DiffPlan } from "./diff-plan.ts";
import type { Applied, IncomingDiff, Replacement } from "./incoming.ts";
import {
  eachEntry,
  entriesIn,
  isOwned,
  keyOfPlace,
  peerItems,
  placesIn,
  readPlace,
  WRITES_AT_ONCE,
  type Owned,
  type Replica,
} from "./peer-places.ts";
import { altered, changeOf, removal, type FailedRead, type PlaceChange } from "./place-change.ts";
import { fromItem, type ReplicaEntry, type Staleness } from "./replica-entry.ts";
import {
  isAmong,
  isWrittenSince,
  markStale,
  putPart,
  removeRest,
  type ReadPosition,
  type StateTarget,
} from "./state-writer.ts";
import { listWrite, localWrite, snapshotWrite, diffWrite, type WritePolicy } from "./write-policy.ts";
import { writePlace, type Outcome } from "./write-place.ts";

/** What is known before diffs are applied, kept up to date while they are. Made by `PeerStore.prepare`. */
export interface Prepared {
  /** Entries by the sort keys of their places; null: read, and nothing is stored. */
  readonly places: Map<string, ReplicaEntry | null>;
  /** The plans of diffs that are not applied yet. */
  readonly plans: Map<IncomingDiff, DiffPlan>;
}

/**
 * The copy of one peer's state. Every write carries the position it was made at and is accepted only over a lower one,
 * so each diff counts once, in whatever order, however often and by whichever instance it is applied. Methods reject
 * with `service.unavailable` when other writes come first again and again, and with the table's own errors. Repeating a
 * call is always safe.
 */
export class PeerStore {
  readonly #replica: Replica;

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /**
   * Plans the diffs and reads what they depend on: one request per 100 places, none for values that do not depend on
   * what is stored. May run before the lease is granted: the conditions of the writes notice what changes meanwhile.
   * Entries that `known` contains, as earlier diffs left them, are not read again.
   */
  async prepare(diffs: readonly IncomingDiff[], known?: Prepared): Promise<Prepared> {
    const prepared: Prepared = known ?? { places: new Map(), plans: new Map() };
    const plans = diffs.map((diff) => [diff, planDiff(diff)] as const);
    for (const [diff, plan] of plans) prepared.plans.set(diff, plan);
    const needed = plans
      .flatMap(([, plan]) => plan.steps)
      .filter((step) => step.kind !== "merge" || !step.exact)
      .filter((step) => !prepared.places.has(keyOfPlace(step.place)))
      .map((step) => placeKey(this.#replica.actorId, this.#replica.peerId, step.place));
    const keys = [...new Map(needed.map((key) => [key.sk, key])).values()];
    const [only] = keys;
    if (only === undefined) return prepared;
    for (const key of keys) prepared.places.set(key.sk, null);
    const { table } = this.#replica;
    const items = keys.length === 1 ? [await table.get(only)] : await table.getMany(keys);
    for (const item of items) if (item !== undefined) prepared.places.set(item.sk, fromItem(item));
    return prepared;
  }

  /**
   * Applies one diff at its position, exactly once in effect: one write for each place it touches, in parallel. Places
   * that are ambiguous or have diverged are marked durably and named in `reread`, again by every redo, until `putRead`.
   *
   * @param prepared from `prepare`; a diff that it does not contain is prepared first
   */
  async apply(diff: IncomingDiff, at: Position | WritePolicy, prepared?: Prepared): Promise<Applied> {
    const { places, plans } = prepared?.plans.has(diff) === true ? prepared : await this.prepare([diff], prepared);
    const { steps, othersGo } = plans.get(diff) ?? planDiff(diff);
    plans.delete(diff);
    const write = async (
      place: Place,
      policyAt: (at: Position) => WritePolicy,
      change: PlaceChange,
    ): Promise<Outcome & { readonly place: Place }> => {
      const key = keyOfPlace(place);
      const policy = "verdict" in at ? at : policyAt(at);
      const outcome = await writePlace(this.#replica, { place, policy, known: places.get(key) }, change);
      places.set(key, outcome.entry ?? null);
      return { place, ...outcome };
    };
    const outcomes = await mapConcurrent(steps, WRITES_AT_ONCE, (step) =>
      write(step.place, step.kind === "operation" ? listWrite : diffWrite, changeOf(step)),
    );
    if (othersGo) {
      const named = isAmong(steps.map(({ place }) => place));
      const stored = await placesIn(this.#replica, diff);
      const others = stored.filter((entry) => entry.type !== "tombstone" && !named(entry));
      for (const entry of others) places.set(keyOfPlace(entry.place), entry);
      outcomes.push(
        ...(await mapConcurrent(others, WRITES_AT_ONCE, ({ place }) => write(place, diffWrite, removal(false)))),
      );
    }
    const stale = outcomes.flatMap(({ reread, entry, place }) =>
      reread && entry?.stale !== undefined ? [[place, entry.stale] as const] : [],
    );
    const placesOf = (which: (outcome: Outcome) => boolean): readonly Place[] =>
      outcomes.filter(which).map(({ place }) => place);
    return compact({
      reread: placesOf(({ reread }) => reread),
      stale: stale.length > 0 ? new Map(stale) : undefined,
      changed: placesOf(({ result }) => result === "changed"),
      skipped: placesOf(({ result }) => result === "skipped"),
    });
  }

  /**
   * Replaces what the scope contains by the state that was read; what the state lacks gets a tombstone. Places with a
   * newer position are left. Safe to repeat, after a crash also with a higher state version. One write a value, and for
   * lists their pages, then one query of the scope: all of them each time, for a value left unwritten would keep a
   * position that a late writer can still overtake.
   */
  async replace(input: Replacement): Promise<void> {
    const { parts, stateVersion, sequence, dirtyListsUntil } = input;
    await this.putParts(input, parts, compact({ stateVersion, sequence, dirtyListsUntil }));
    await removeRest(this.#replica, input, { stateVersion, sequence }, isAmong(parts.map(({ place }) => place)));
  }

  /**
   * Writes some parts of a state that replaces what a scope contains; `removeRest` ends it. One write a value, for lists
   * their pages. Parts outside the target are left out.
   */
  async putParts(target: StateTarget, parts: readonly StatePart[], at: ReadPosition): Promise<void> {
    const { stateVersion, dirtyListsUntil } = at;
    const owned = parts.filter(({ place }) => place.length > 0 && isOwned(target, place));
    await mapConcurrent(owned, WRITES_AT_ONCE, async (part) => {
      const sequence = part.sequence ?? at.sequence;
      await putPart(this.#replica, target, part, compact({ stateVersion, sequence, dirtyListsUntil }));
    });
  }

  /**
   * Removes what the scope contains and no write under the position's state version, or a later one, has touched.
   *
   * @returns false when `goesOn` ended it early; a repeated call continues
   */
  async removeRest(target: StateTarget, at: Position, goesOn: () => boolean): Promise<boolean> {
    return await removeRest(this.#replica, target, at, isWrittenSince(at.stateVersion), goesOn);
  }

  /**
   * Marks a place whose read failed: the stored entry stays, and only a new value or a read ends the mark.
   *
   * @returns since when the place is stale (ms); undefined for one that is not ours, or closed to us
   */
  async markStale(target: StateTarget, place: Place, at: Position, failed: FailedRead): Promise<number | undefined> {
    return (await markStale(this.#replica, target, place, at, failed))?.stale?.since;
  }

  /** The properties of which the target contains something, each once. One request a megabyte. */
  async storedNames(target: StateTarget): Promise<readonly Place[]> {
    const stored = (await placesIn(this.#replica, target)).flatMap(({ type, place: [name] }) =>
      type === "tombstone" || name === undefined ? [] : [name],
    );
    return [...new Set(stored)].map((name) => [name]);
  }

  /** The mark of a place, if it is stale. 1 read. */
  async staleness(place: Place): Promise<Staleness | undefined> {
    return (await readPlace(this.#replica, place))?.stale;
  }

  /**
   * Replaces a stored property or list, and its mark, by what was read again. A part of kind `value` without a value says
   * that nothing is there. A list operation numbered up to `dirtyUntil` makes the list be read again.
   */
  async putRead(
    part: StatePart,
    { stateVersion, ...at }: Position,
    dirtyUntil?: number,
    within: Pick<StateTarget, "excludedScopes" | "reads"> = { excludedScopes: [] },
  ): Promise<void> {
    const sequence = Math.max(at.sequence, part.sequence ?? 0);
    await putPart(this.#replica, within, part, compact({ stateVersion, sequence, dirtyListsUntil: dirtyUntil }));
  }

  /** Removes what an ended subscription owned, newer positions excepted. */
  async removeScope(owned: Owned, at: Position): Promise<void> {
    const policy = snapshotWrite(at);
    await mapConcurrent(await placesIn(this.#replica, owned), WRITES_AT_ONCE, (known) =>
      writePlace(this.#replica, { place: known.place, policy, known }, removal(false)),
    );
  }

  /**
   * Reduces every stored value to what `visible` leaves of it (a list: all or nothing). A place of which nothing is left
   * gets a tombstone at the position; a reduced one keeps its own, so that what the peer sends of the rest still counts.
   * Safe to repeat. Reads everything stored of this peer, one write for each place that changes.
   *
   * @param touched as for `localWrite`
   */
  async restrict(
    visible: (value: Json, place: Place) => Json | undefined,
    at: Position,
    touched: number,
  ): Promise<void> {
    const remove = async (known: ReplicaEntry): Promise<void> => {
      await writePlace(this.#replica, { place: known.place, policy: snapshotWrite(at), known }, removal(false));
    };
    const reduce = async (known: ReplicaEntry): Promise<void> => {
      const { place, type } = known;
      if (type === "list" && visible([], place) === undefined) await remove(known);
      if (type !== "value") return;
      const change = altered((value) => visible(value, place));
      const { entry } = await writePlace(this.#replica, { place, policy: localWrite(touched), known }, change);
      // At the position of the grant, so that not even a diff that is under way brings the place back.
      if (entry?.type === "tombstone") await remove(entry);
    };
    await eachEntry(entriesIn(this.#replica, { scope: [], excludedScopes: [] }), reduce);
  }

  /** Deletes everything of this peer for good, without tombstones: only once nothing may write any more. Safe to repeat. */
  async deleteAll(): Promise<void> {
    const { table, actorId, peerId } = this.#replica;
    for await (const item of peerItems(this.#replica, { prefix: PLACE_PREFIX, only: ["place", "generation"] })) {
      if (item["generation"] === undefined) continue;
      const place = parseText(String(item["place"])) as Place;
      await deleteRange(table, { pk: listPartition(this.#replica, place, String(item["generation"])), prefix: "" });
    }
    await deleteRange(table, { pk: peerPartition(actorId, peerId), prefix: "" });
    await collectPeerGarbage(table, actorId, peerId);
  }
}
