import { parseText } from "../domain/json-text.ts";
import type { Place } from "../domain/scope.ts";
import type { Position } from "../domain/watermark.ts";
import { emptyPartition, collectPeerGarbage } from "./list-garbage.ts";
import { fromItem } from "./held.ts";
import type { Held } from "./held.ts";
import { carve, planDiff } from "./diff-plan.ts";
import type { DiffPlan, Step } from "./diff-plan.ts";
import { inParallel } from "./in-parallel.ts";
import type { Applied, IncomingDiff, Replacement, StatePart } from "./incoming.ts";
import { keyOfPlace, peerItems, placesIn } from "./peer-places.ts";
import { PlaceWriter } from "./place-writer.ts";
import type { Outcome } from "./place-writer.ts";
import { listPartition, peerPartition, placeKey, PLACE_PREFIX } from "../dynamodb/keys-peer-data.ts";
import type { Table } from "../dynamodb/table.ts";
import type { Clock, Json } from "../ports.ts";
import { operationTurn, ownTurn, readTurn, valueTurn } from "./turn.ts";
import type { Turn } from "./turn.ts";

/** Places written at the same time. */
const WRITES_AT_ONCE = 16;

/** What diffs will need, read beforehand, and kept up to date by what is applied. Made by `PeerStore.prepare`. */
export interface Prepared {
  /** By sort key; null: read, and nothing is there. */
  readonly places: Map<string, Held | null>;
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
  }

  /**
   * Reads what the diffs depend on: one request per 100 places, none for values that do not depend on what is held.
   * May run before the claim is granted: what changes meanwhile is noticed by the conditions of the writes. What `known`
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
  async apply(diff: IncomingDiff, at: Position | Turn, prepared: Prepared = { places: new Map() }): Promise<Applied> {
    const plan = planDiff(diff);
    await this.#read(plan.steps, prepared);
    const outcomes = await inParallel(plan.steps, WRITES_AT_ONCE, async (step) => {
      const turn = "verdict" in at ? at : step.kind === "operation" ? operationTurn(at) : valueTurn(at);
      const key = keyOfPlace(step.place);
      const outcome = await this.#writer.step(step, turn, prepared.places.get(key));
      prepared.places.set(key, outcome.held ?? null);
      return { place: step.place, ...outcome };
    });
    if (plan.othersGo) outcomes.push(...(await this.#removeOthers(diff, plan, at, prepared)));
    return {
      reread: outcomes.flatMap((outcome) => (outcome.reread ? [outcome.place] : [])),
      changed: outcomes.flatMap((outcome) => (outcome.result === "changed" ? [outcome.place] : [])),
      skipped: outcomes.flatMap((outcome) => (outcome.result === "skipped" ? [outcome.place] : [])),
    };
  }

  /**
   * Puts the state that was read in the place of what the scope holds; what the state lacks gets a tombstone. Places
   * that hold a newer position are left. Idempotent; after a crash safe to redo, also with a higher fence. One query of
   * the scope, then one write a value, and for lists their pages: all of them each time, for a value left unwritten
   * would keep a position that a late writer can still overtake. What one peer's partition takes, about 1 000 writes a
   * second, bounds the state: some 20 000 properties in the time that one recovery has.
   */
  async replace(input: Replacement): Promise<void> {
    const { scope, carved, fence, sequence, dirtyListsUntil } = input;
    const stored = await placesIn(this.#ids, scope, carved);
    const known = new Map(stored.map((held) => [keyOfPlace(held.place), held]));
    const parts = input.parts.filter((part) => part.place.length > 0 && owns(input, part.place));
    await inParallel(parts, WRITES_AT_ONCE, async (part) => {
      const key = keyOfPlace(part.place);
      const turn = readTurn({ fence, sequence: part.sequence ?? sequence });
      await this.#part(part, carved, turn, known.get(key) ?? null, dirtyListsUntil);
    });
    const named = new Set(parts.map((part) => keyOfPlace(part.place)));
    const turn = readTurn({ fence, sequence });
    const gone = stored.filter((held) => !named.has(keyOfPlace(held.place)));
    await inParallel(gone, WRITES_AT_ONCE, (held) =>
      this.#writer.remove(held.place, turn, held, { hides: scope.length > 1 }),
    );
    if (scope.length > 1 && !named.has(keyOfPlace(scope)) && !known.has(keyOfPlace(scope))) {
      await this.#writer.remove(scope, turn, null, { hides: true });
    }
  }

  /**
   * One property or list, read again, takes the place of what is held, its mark included. A part of kind `value`
   * without a value says that nothing is there. List operations numbered up to `dirtyUntil` make a list be read again.
   */
  async putRead(part: StatePart, at: Position, dirtyUntil?: number, carved: readonly Place[] = []): Promise<void> {
    const sequence = Math.max(at.sequence, part.sequence ?? 0);
    await this.#part(part, carved, readTurn({ fence: at.fence, sequence }), undefined, dirtyUntil);
  }

  /** Takes away what a scope holds, newer positions excepted: an ended subscription, or a revoked property. */
  async removeScope(scope: Place, carved: readonly Place[], at: Position): Promise<void> {
    const stored = await placesIn(this.#ids, scope, carved);
    const turn = readTurn(at);
    await inParallel(stored, WRITES_AT_ONCE, (held) => this.#writer.remove(held.place, turn, held, { hides: false }));
  }

  /**
   * Cuts what is held down to what `seen` leaves of each value (a list: all or nothing). What goes whole gets a tombstone
   * at the position; what is cut keeps its own, so that whatever the peer sends of the rest still counts. `touched` as
   * for `ownTurn`. Safe to redo. Reads everything held of this peer, one write for each place that changes.
   */
  async restrict(seen: (value: Json, place: Place) => Json | undefined, at: Position, touched: number): Promise<void> {
    const hides = false;
    const look = async (held: Held): Promise<void> => {
      if (held.type === "list" && seen([], held.place) === undefined) {
        await this.#writer.remove(held.place, readTurn(at), held, { hides });
      }
      if (held.type !== "value") return;
      const left = await this.#writer.alter(held.place, ownTurn(touched), held, (value) => seen(value, held.place));
      // From here on not even a diff that was on its way brings it back.
      if (left.held?.type === "gone") await this.#writer.remove(held.place, readTurn(at), left.held, { hides });
    };
    let some: Held[] = [];
    for await (const item of peerItems(this.#ids, { prefix: PLACE_PREFIX, limit: WRITES_AT_ONCE * 4 })) {
      some.push(fromItem(item));
      if (some.length < WRITES_AT_ONCE * 4) continue;
      await inParallel(some, WRITES_AT_ONCE, look);
      some = [];
    }
    await inParallel(some, WRITES_AT_ONCE, look);
  }

  /** Deletes everything of this peer for good, without tombstones: only once nobody may write any more. Safe to redo. */
  async deleteAll(): Promise<void> {
    for await (const item of peerItems(this.#ids, { prefix: PLACE_PREFIX, only: ["place", "generation"] })) {
      if (item["generation"] === undefined) continue;
      const place = parseText(String(item["place"])) as Place;
      await emptyPartition(this.#table, listPartition(this.#actorId, this.#peerId, place, String(item["generation"])));
    }
    await emptyPartition(this.#table, peerPartition(this.#actorId, this.#peerId));
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
    at: Position | Turn,
    prepared: Prepared,
  ): Promise<(Outcome & { readonly place: Place })[]> {
    const named = new Set(plan.steps.map((step) => keyOfPlace(step.place)));
    const stored = await placesIn(this.#ids, diff.scope, diff.carved);
    const others = stored.filter((held) => held.type !== "gone" && !named.has(keyOfPlace(held.place)));
    return inParallel(others, WRITES_AT_ONCE, async (held) => {
      const turn = "verdict" in at ? at : valueTurn(at);
      const outcome = await this.#writer.remove(held.place, turn, held, { hides: false });
      prepared.places.set(keyOfPlace(held.place), outcome.held ?? null);
      return { place: held.place, ...outcome };
    });
  }

  #part(
    part: StatePart,
    carved: readonly Place[],
    turn: Turn,
    known: Held | null | undefined,
    dirtyUntil: number | undefined,
  ): Promise<Outcome> {
    if (part.kind === "list") {
      const { items = [], description, explanation } = part;
      const whole = {
        items,
        ...(description === undefined ? {} : { description }),
        ...(explanation === undefined ? {} : { explanation }),
        ...(dirtyUntil === undefined ? {} : { dirtyUntil }),
      };
      return this.#writer.list(part.place, turn, known, whole);
    }
    if (part.value === undefined) return this.#writer.remove(part.place, turn, known, { hides: part.place.length > 1 });
    return this.#writer.value(part.place, turn, known, carve(part.value, part.place, carved));
  }
}

function owns(input: Replacement, place: Place): boolean {
  const within = input.scope.every((segment, index) => segment === place[index]);
  return within && !input.carved.some((other) => other.every((segment, index) => segment === place[index]));
}
