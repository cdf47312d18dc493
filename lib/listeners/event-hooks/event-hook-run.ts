/** One run of an actor's event hooks under one lease. */
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import { leaseIs, type Lease } from "../../dynamodb/lease.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { all, equals, missing, type Attribute, type Condition, type Item, type Table } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { HookCursor, GivenUp } from "./hook-cursor.ts";
import {
  againIn,
  eventHooksKey,
  pausedName,
  printState,
  RUN_ATTRIBUTES,
  stateName,
  tryingIn,
  type Trying,
} from "./event-hooks-item.ts";

export interface RunDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly failedEvents: Pick<FailedEventStore<ListenerEvent>, "record">;
  /** A failed event as it is recorded. */
  readonly failing: (actorId: string, id: string, givenUp: GivenUp) => ListenerEvent;
  /** How long a failed event is kept, ms. */
  readonly keepMs: number;
}

/** How a run ended: `again`: somebody came meanwhile, so there may be more. `lost`: the lease is another's. */
export type RunEnd = { readonly is: "done"; readonly dueAt?: number } | { readonly is: "again" | "lost" };

/**
 * The item of an actor's event hooks while its holder writes it.
 *
 *   held    by the constructor, until `end` is done; every write is conditional on the lease
 *   ended   `end` returned `done` (the lease is released) or `lost`
 *
 * Invariant: a run that ends has heard the log up to the newest mark of `again` that it has seen.
 */
export class EventHookRun {
  readonly #deps: RunDeps;
  readonly #actorId: string;
  readonly #lease: Lease;
  #item: Item;
  /** What follows from events that were recorded, until a write has it. */
  #unstored: Record<string, Attribute> = {};

  constructor(deps: RunDeps, actorId: string, { lease, item }: { readonly lease: Lease; readonly item: Item }) {
    this.#deps = deps;
    this.#actorId = actorId;
    this.#lease = lease;
    this.#item = item;
  }

  /** As it was acquired, or as the last refused end found it. */
  get item(): Item {
    return this.#item;
  }

  /** Notes the attempt that begins, so that the next run knows what killed this one. @returns how many died at it before */
  async trying(id: string, position: string): Promise<number> {
    const before = tryingIn(this.#item);
    const isSame = before?.id === id && before.position === position;
    const trying: Trying = { id, position, deaths: isSame ? before.deaths + 1 : 0 };
    await this.#update({ trying: JSON.stringify(trying) });
    return trying.deaths;
  }

  /** Stores the events that a cursor gives up, and how far it has come. */
  async store(cursor: HookCursor): Promise<void> {
    const note = cursor.note();
    await this.#record(cursor, note);
    await this.#update({ ...this.#unstored, [stateName(cursor.id)]: printState(note.state) });
    this.#unstored = {};
    cursor.stored(note);
  }

  /** Stores how far all cursors have come, and releases the lease. */
  async end(cursors: readonly HookCursor[], dueAt: number | undefined): Promise<RunEnd> {
    const notes = cursors.map((cursor) => ({ cursor, note: cursor.note() }));
    for (const { cursor, note } of notes) await this.#record(cursor, note);
    const states = notes.map(({ cursor, note }) => [stateName(cursor.id), printState(note.state)] as const);
    const change = {
      set: { starts: 0, ...this.#unstored, ...Object.fromEntries(states), ...compact({ dueAt }) },
      remove: [...RUN_ATTRIBUTES, ...(dueAt === undefined ? ["dueAt"] : [])],
    };
    const again = againIn(this.#item);
    const isSame = again === undefined ? missing("again") : equals("again", again);
    const key = eventHooksKey(this.#actorId);
    const { written, item } = await updateIf(this.#deps.table, key, change, all(this.#owned, isSame));
    if (written) return compact({ is: "done", dueAt } as const);
    if (item === undefined || item["leaseToken"] !== this.#lease.token) return { is: "lost" };
    for (const { cursor, note } of notes) cursor.stored(note);
    this.#item = item;
    return { is: "again" };
  }

  /** Records what goes to a person; that comes first, for a crash in between records it twice under one key. */
  async #record(cursor: HookCursor, note: ReturnType<HookCursor["note"]>): Promise<void> {
    const { clock, failedEvents, failing, keepMs, log } = this.#deps;
    const { id } = cursor;
    for (const givenUp of cursor.givenUp(note)) {
      const { stops, starts, error } = givenUp;
      const event = failing(this.#actorId, id, givenUp);
      const at = clock.now();
      const run = { status: stops ? "stopped" : "parked", starts, attempts: [{ at, error }] } as const;
      await failedEvents.record(event, stops ? run : { ...run, keptUntil: at + keepMs });
      log.warn("an event was given up by its hook", { actorId: this.#actorId, hook: id, eventId: event.id, error });
      if (stops) this.#unstored = { ...this.#unstored, [pausedName(id)]: true };
    }
  }

  async #update(set: Record<string, Attribute>): Promise<void> {
    const key = eventHooksKey(this.#actorId);
    const { written } = await updateIf(this.#deps.table, key, { set }, this.#owned);
    if (!written) throw new LeaseLost("The lease of an actor's event hooks is another's.");
  }

  get #owned(): Condition {
    return leaseIs.ownedBy(this.#lease);
  }
}

/** Another run has acquired the lease: nothing that this one still does is stored. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}
