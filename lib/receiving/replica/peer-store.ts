import { compact } from "../../system/compact.ts";
import { parseText } from "../../domain/json/json-text.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Position } from "../../domain/log/watermark.ts";
import { collectPeerGarbage } from "../../lists/list-garbage.ts";
import { fromItem } from "./replica-entry.ts";
import type { ReplicaEntry, Staleness } from "./replica-entry.ts";
import { planDiff } from "./diff-plan.ts";
import type { DiffPlan, Step } from "./diff-plan.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { StatePart } from "../../peers/publisher.ts";
import type { Applied, IncomingDiff, Replacement } from "./incoming.ts";
import { keyOfPlace, peerItems, placesIn, readPlace } from "./peer-places.ts";
import { PlaceWriter } from "./place-writer.ts";
import type { Outcome } from "./place-writer.ts";
import { isAmong, isWrittenSince, StateWriter } from "./state-writer.ts";
import type { ReadPosition, StateTarget } from "./state-writer.ts";
import { listPartition, peerPartition, placeKey, PLACE_PREFIX } from "../../dynamodb/keys/replica.ts";
import { deleteRange } from "../../dynamodb/paging.ts";
import type { Table } from "../../dynamodb/table.ts";
import type { Clock, Json } from "../../system/ports.ts";
import { listWrite, localWrite, snapshotWrite, diffWrite } from "./write-policy.ts";
import type { WritePolicy } from "./write-policy.ts";

/** Places written at the same time. */
const WRITES_AT_ONCE = 16;

/** What diffs will need, read beforehand, and kept up to date by what is applied. Made by `PeerStore.prepare`. */
export interface Prepared {
  /** By sort key; null: read, and nothing is there. */
  readonly places: Map<string, ReplicaEntry | null>;
}

/**
 * What we hold of one peer. Every write carries the position it was made at and is accepted only over a lower one, so
 * each diff counts once, in whatever order, however often and by whichever instance it is applied. Methods reject with
 * `service.unavailable` when a place does not settle, and with the table's own errors; doing it again is always safe.
 */
export class PeerStore {
  readonly #table: Table;
  readonly #actorId: string;
  readonly #peerId: string;
  readonly #writer: PlaceWriter;
  readonly #states: StateWriter;

  constructor(deps: {
    readonly table: Table;
    readonly clock: Clock;
    readonly actorId: string;
    readonly peerId: string;
  }) {
    this.#table = deps.table;
    this.#actorId = deps.actorId;
    this.#peerId = deps.peerId;
    this.#writer = new PlaceWriter(deps);
    this.#states = new StateWriter(this.#ids, this.#writer);
  }

  /**
   * Reads what the diffs depend on: one request per 100 places, none for values that do not depend on what is held.
   * May run before the lease is granted: what changes meanwhile is noticed by the conditions of the writes. What `known`
   * holds, as earlier diffs left it, is not read again.
   */
  async prepare(diffs: readonly IncomingDiff[], known?: Prepared): Promise<Prepared> {
    const prepared: Prepared = known ?? { places: new Map() };
    await this.#read(
      diffs.flatMap((diff) => planDiff(diff).steps),
      prepared,
    );
    return prepared;
  }

  /**
   * Applies one diff at its position, exactly once in effect: one write for each place it touches, in parallel. What is
   * ambiguous or has diverged is marked durably and named in `reread`, again by every redo, until `putRead`.
   */
  async apply(
    diff: IncomingDiff,
    at: Position | WritePolicy,
    prepared: Prepared = { places: new Map() },
  ): Promise<Applied> {
    const plan = planDiff(diff);
    await this.#read(plan.steps, prepared);
    const outcomes = await mapConcurrent(plan.steps, WRITES_AT_ONCE, async (step) => {
      const policy = "verdict" in at ? at : step.kind === "operation" ? listWrite(at) : diffWrite(at);
      const key = keyOfPlace(step.place);
      const outcome = await this.#writer.step(step, policy, prepared.places.get(key));
      prepared.places.set(key, outcome.entry ?? null);
      return { place: step.place, ...outcome };
    });
    if (plan.othersGo) outcomes.push(...(await this.#removeOthers(diff, plan, at, prepared)));
    const stale = outcomes.flatMap(({ reread, entry, place }) =>
      reread && entry?.stale !== undefined ? [[place, entry.stale] as const] : [],
    );
    return compact({
      reread: outcomes.flatMap((outcome) => (outcome.reread ? [outcome.place] : [])),
      stale: stale.length > 0 ? new Map(stale) : undefined,
      changed: outcomes.flatMap((outcome) => (outcome.result === "changed" ? [outcome.place] : [])),
      skipped: outcomes.flatMap((outcome) => (outcome.result === "skipped" ? [outcome.place] : [])),
    });
  }

  /**
   * Puts the state that was read in the place of what the scope holds; what the state lacks gets a tombstone. Places
   * that hold a newer position are left. Idempotent; after a crash safe to redo, also with a higher state version. One write a
   * value, and for lists their pages, then one query of the scope: all of them each time, for a value left unwritten
   * would keep a position that a late writer can still overtake.
   */
  async replace(input: Replacement): Promise<void> {
    const { parts, stateVersion, sequence, dirtyListsUntil } = input;
    await this.putParts(input, parts, compact({ stateVersion, sequence, dirtyListsUntil }));
    await this.#states.removeRest(input, { stateVersion, sequence }, isAmong(parts.map(({ place }) => place)));
  }

  /** Writes some parts of a state that takes the place of what a scope holds; `removeRest` ends it. */
  async putParts(target: StateTarget, parts: readonly StatePart[], at: ReadPosition): Promise<void> {
    await this.#states.putParts(target, parts, at);
  }

  /**
   * Takes away what the scope holds that no write under the position's state version has touched.
   *
   * @returns false when `goesOn` ended it early: a redo goes on
   */
  async removeRest(target: StateTarget, at: Position, goesOn: () => boolean): Promise<boolean> {
    return await this.#states.removeRest(target, at, isWrittenSince(at.stateVersion), goesOn);
  }

  /**
   * Marks a place whose read said nothing: what is held stays, and only a new value or a read ends the mark.
   *
   * @returns since when the place is stale (ms); undefined for one that is not ours, or closed to us
   */
  async markStale(
    target: StateTarget,
    place: Place,
    at: Position,
    failed: { readonly reason: string; readonly again: number },
  ): Promise<number | undefined> {
    return (await this.#states.markStale(target, place, at, failed))?.stale?.since;
  }

  /** The properties of which the target holds something, each once. One request a megabyte. */
  async storedNames({ scope, excludedScopes }: StateTarget): Promise<readonly Place[]> {
    const entries = await placesIn(this.#ids, scope, excludedScopes);
    const stored = entries.flatMap(({ type, place: [name] }) =>
      type === "tombstone" || name === undefined ? [] : [name],
    );
    return [...new Set(stored)].map((name) => [name]);
  }

  /** The mark of a place, if it is stale. 1 read. */
  async staleness(place: Place): Promise<Staleness | undefined> {
    return (await readPlace(this.#ids, place))?.stale;
  }

  /**
   * One property or list, read again, takes the place of what is held, its mark included. A part of kind `value`
   * without a value says that nothing is there. List operations numbered up to `dirtyUntil` make a list be read again.
   */
  async putRead(
    part: StatePart,
    at: Position,
    dirtyUntil?: number,
    within: Pick<StateTarget, "excludedScopes" | "reads"> = { excludedScopes: [] },
  ): Promise<void> {
    const sequence = Math.max(at.sequence, part.sequence ?? 0);
    await this.#states.put(within, part, snapshotWrite({ stateVersion: at.stateVersion, sequence }), dirtyUntil);
  }

  /** Takes away what a scope holds, newer positions excepted: an ended subscription, or a revoked property. */
  async removeScope(scope: Place, excludedScopes: readonly Place[], at: Position): Promise<void> {
    const stored = await placesIn(this.#ids, scope, excludedScopes);
    const policy = snapshotWrite(at);
    await mapConcurrent(stored, WRITES_AT_ONCE, (entry) =>
      this.#writer.remove(entry.place, policy, entry, { hides: false }),
    );
  }

  /**
   * Cuts what is held down to what `visible` leaves of each value (a list: all or nothing). What goes whole gets a tombstone
   * at the position; what is cut keeps its own, so that whatever the peer sends of the rest still counts. `touched` as
   * for `localWrite`. Safe to redo. Reads everything held of this peer, one write for each place that changes.
   */
  async restrict(
    visible: (value: Json, place: Place) => Json | undefined,
    at: Position,
    touched: number,
  ): Promise<void> {
    const hides = false;
    const cutDown = async (entry: ReplicaEntry): Promise<void> => {
      if (entry.type === "list" && visible([], entry.place) === undefined) {
        await this.#writer.remove(entry.place, snapshotWrite(at), entry, { hides });
      }
      if (entry.type !== "value") return;
      const left = await this.#writer.alter(entry.place, localWrite(touched), entry, (value) =>
        visible(value, entry.place),
      );
      // From here on not even a diff that was on its way brings it back.
      if (left.entry?.type === "tombstone")
        await this.#writer.remove(entry.place, snapshotWrite(at), left.entry, { hides });
    };
    let some: ReplicaEntry[] = [];
    for await (const item of peerItems(this.#ids, { prefix: PLACE_PREFIX, limit: WRITES_AT_ONCE * 4 })) {
      some.push(fromItem(item));
      if (some.length < WRITES_AT_ONCE * 4) continue;
      await mapConcurrent(some, WRITES_AT_ONCE, cutDown);
      some = [];
    }
    await mapConcurrent(some, WRITES_AT_ONCE, cutDown);
  }

  /** Deletes everything of this peer for good, without tombstones: only once nobody may write any more. Safe to redo. */
  async deleteAll(): Promise<void> {
    for await (const item of peerItems(this.#ids, { prefix: PLACE_PREFIX, only: ["place", "generation"] })) {
      if (item["generation"] === undefined) continue;
      const place = parseText(String(item["place"])) as Place;
      const pk = listPartition(this.#actorId, this.#peerId, place, String(item["generation"]));
      await deleteRange(this.#table, { pk, prefix: "" });
    }
    await deleteRange(this.#table, { pk: peerPartition(this.#actorId, this.#peerId), prefix: "" });
    await collectPeerGarbage(this.#table, this.#actorId, this.#peerId);
  }

  get #ids(): { readonly table: Table; readonly actorId: string; readonly peerId: string } {
    return { table: this.#table, actorId: this.#actorId, peerId: this.#peerId };
  }

  async #read(steps: readonly Step[], prepared: Prepared): Promise<void> {
    const needed = steps
      .filter((step) => step.kind !== "merge" || !step.exact)
      .filter((step) => !prepared.places.has(keyOfPlace(step.place)))
      .map((step) => placeKey(this.#actorId, this.#peerId, step.place));
    const keys = [...new Map(needed.map((key) => [key.sk, key])).values()];
    const [only] = keys;
    if (only === undefined) return;
    for (const key of keys) prepared.places.set(key.sk, null);
    const one = keys.length === 1 ? await this.#table.get(only) : undefined;
    const items = keys.length === 1 ? (one === undefined ? [] : [one]) : await this.#table.getMany(keys);
    for (const item of items) prepared.places.set(item.sk, fromItem(item));
  }

  async #removeOthers(
    diff: IncomingDiff,
    plan: DiffPlan,
    at: Position | WritePolicy,
    prepared: Prepared,
  ): Promise<(Outcome & { readonly place: Place })[]> {
    const named = new Set(plan.steps.map((step) => keyOfPlace(step.place)));
    const stored = await placesIn(this.#ids, diff.scope, diff.excludedScopes);
    const others = stored.filter((entry) => entry.type !== "tombstone" && !named.has(keyOfPlace(entry.place)));
    return mapConcurrent(others, WRITES_AT_ONCE, async (entry) => {
      const policy = "verdict" in at ? at : diffWrite(at);
      const outcome = await this.#writer.remove(entry.place, policy, entry, { hides: false });
      prepared.places.set(keyOfPlace(entry.place), outcome.entry ?? null);
      return { place: entry.place, ...outcome };
    });
  }
}
