/** One run of an actor's event hooks under one lease. */
import { MOST_FAILED_EVENTS } from "../../failed-events/failed-event.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { leaseIs, leaseOf, type Lease } from "../../dynamodb/lease.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import {
  all,
  equals,
  itemExists,
  missing,
  type Attribute,
  type Condition,
  type Item,
  type Table,
} from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import type { Clock, JsonObject, Log } from "../../system/ports.ts";
import { unsaidOf, type SysEvent } from "../listener-head.ts";
import { SAID_MS } from "../sys-events.ts";
import { signalled, type HookSignal } from "./event-hook-signals.ts";
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
  readonly failedEvents: Pick<FailedEventStore<ListenerEvent>, "record" | "count" | "of">;
  /** Makes the failed event to record. */
  readonly failing: (actorId: string, id: string, givenUp: GivenUp) => ListenerEvent;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** How long a failed event is kept, ms. */
  readonly keepMs: number;
  /** True when a listener of the actor hears `$sys`. */
  readonly isWatched: (actorId: string) => Promise<boolean>;
}

/**
 * How a run ended. `again`: it has not, because another run has left a mark, and there may be more. `lost`: another run has
 * the lease.
 */
export type RunEnd = { readonly is: "done"; readonly dueAt?: number } | { readonly is: "again" | "lost" };

/**
 * The item of an actor's event hooks, as the holder of its lease writes it.
 *
 *   leased   from the constructor on; every write is conditional on the lease
 *   ended    `end` has returned `done` (the lease is released) or `lost`
 *
 * Invariant: the write that releases the lease is conditional on `again` being unchanged since the log was read. So a run
 * that finds the lease taken and leaves a mark there has its records heard.
 */
export class EventHookRun {
  readonly #deps: RunDeps;
  readonly #actorId: string;
  readonly #lease: Lease;
  #item: Item;
  /** Attributes that follow from recorded events, and that the next write stores. */
  #unstored: Record<string, Attribute> = {};
  /** `unsaid` of the item as this run has read or written it, and the events that the next write adds. */
  #unsaid: readonly SysEvent[];
  #toSay: readonly SysEvent[] = [];

  constructor(deps: RunDeps, actorId: string, { lease, item }: { readonly lease: Lease; readonly item: Item }) {
    this.#deps = deps;
    this.#actorId = actorId;
    this.#lease = lease;
    this.#item = item;
    this.#unsaid = unsaidOf(item);
  }

  /** The stored `$sys` events that are not in the log yet. */
  get unsaid(): readonly SysEvent[] {
    return this.#unsaid;
  }

  /** The item as it was when the lease was acquired, or when `end` last returned `again`. */
  get item(): Item {
    return this.#item;
  }

  /**
   * Stores which call starts, so that the next run knows at which call this one died.
   * @returns how many runs died at it before
   */
  async trying(id: string, position: string): Promise<number> {
    const before = tryingIn(this.#deps.epoch, this.#item);
    const isSame = before?.id === id && before.position === position;
    const trying: Trying = { id, position, deaths: isSame ? before.deaths + 1 : 0 };
    await this.#update({ trying: JSON.stringify(trying) });
    return trying.deaths;
  }

  /** Logs a signal of a hook. The next write stores its `$sys` event. */
  async signal(hook: string, signal: HookSignal, more?: JsonObject): Promise<void> {
    const { log, isWatched } = this.#deps;
    const said = signalled(log, { actorId: this.#actorId, hook }, signal, more);
    if (said !== undefined && (await isWatched(this.#actorId))) this.#toSay = [...this.#toSay, said];
  }

  /** Records the events that a cursor gives up, and stores its state. */
  async store(cursor: HookCursor): Promise<void> {
    const note = cursor.note();
    await this.#record(cursor, note);
    await this.#update({ ...this.#unstored, [stateName(cursor.id)]: printState(note.state) });
    this.#unstored = {};
    cursor.stored(note);
  }

  /** Stores the states of all cursors, and releases the lease. */
  async end(cursors: readonly HookCursor[], dueAt: number | undefined): Promise<RunEnd> {
    const notes = cursors.map((cursor) => ({ cursor, note: cursor.note() }));
    for (const { cursor, note } of notes) await this.#record(cursor, note);
    const saying = this.#saying();
    const unsaid = saying.unsaid.length === 0 ? Infinity : this.#deps.clock.now() + SAID_MS;
    const due = Math.min(dueAt ?? Infinity, unsaid);
    const states = notes.map(({ cursor, note }) => [stateName(cursor.id), printState(note.state)] as const);
    const change = {
      set: {
        starts: 0,
        ...this.#unstored,
        ...saying.set,
        ...Object.fromEntries(states),
        ...(due < Infinity && { dueAt: due }),
      },
      remove: [...RUN_ATTRIBUTES, ...(due < Infinity ? [] : ["dueAt"])],
    };
    const again = againIn(this.#item);
    const isSame = again === undefined ? missing("again") : equals("again", again);
    const key = eventHooksKey(this.#actorId);
    const { written, item } = await updateIf(this.#deps.table, key, change, all(this.#owned, isSame, saying.condition));
    if (written) {
      this.#said(saying.unsaid);
      return compact({ is: "done", dueAt } as const);
    }
    if (item === undefined || leaseOf(item)?.token !== this.#lease.token) return { is: "lost" };
    for (const { cursor, note } of notes) cursor.stored(note);
    this.#item = item;
    this.#unsaid = unsaidOf(item);
    return { is: "again" };
  }

  /** Releases the lease and stores nothing else, so that another run need not wait until it ends. Never rejects. */
  async abandon(dueAt: number): Promise<void> {
    const change = { set: { starts: 0, dueAt }, remove: RUN_ATTRIBUTES };
    try {
      await updateIf(this.#deps.table, eventHooksKey(this.#actorId), change, this.#owned);
    } catch (error) {
      this.#deps.log.warn("the lease of an actor's event hooks was not released", { actorId: this.#actorId, error });
    }
  }

  /**
   * Records events that go to a person. This comes before the cursor's state: a repetition after a crash has the same key.
   */
  async #record(cursor: HookCursor, note: ReturnType<HookCursor["note"]>): Promise<void> {
    const { clock, failedEvents, failing, keepMs, log } = this.#deps;
    const { id } = cursor;
    if (note.signals.includes("lagging")) await this.signal(id, "lagging");
    const events = cursor.givenUp(note).map((givenUp) => ({ ...givenUp, event: failing(this.#actorId, id, givenUp) }));
    const [first] = events;
    if (first === undefined) return;
    let kept = await this.#kept(
      first.event.source,
      events.map(({ event }) => event),
    );
    if (kept === 0) await this.signal(id, "failed", { parked: events.length });
    for (const { event, starts, error, ...givenUp } of events) {
      const isFull = kept >= MOST_FAILED_EVENTS;
      const stops = givenUp.stops || isFull;
      const at = clock.now();
      const run = { status: stops ? "stopped" : "parked", starts, attempts: [{ at, error }] } as const;
      await failedEvents.record(event, stops ? run : { ...run, keptUntil: at + keepMs });
      kept += 1;
      log.warn("an event was given up by its hook", { actorId: this.#actorId, hook: id, eventId: event.id, error });
      if (isFull) await this.signal(id, "full", { eventId: event.id });
      if (stops) {
        cursor.stop();
        this.#unstored = { ...this.#unstored, [pausedName(id)]: true };
      }
    }
  }

  /**
   * How many failed events of a hook are kept, without those that a run recorded before it died and this run records again.
   */
  async #kept(source: string, again: readonly ListenerEvent[]): Promise<number> {
    const { failedEvents } = this.#deps;
    const count = await failedEvents.count(this.#actorId, source);
    if (count === 0 || count > again.length) return count;
    const found = await Promise.all(again.map(async (event) => await failedEvents.of(event)));
    return count - found.filter((each) => each !== undefined).length;
  }

  /**
   * The part of the next write about `$sys` events. Its condition is needed because `sayUnsaid` removes them without the
   * lease.
   */
  #saying(): {
    readonly unsaid: readonly SysEvent[];
    readonly set: Record<string, Attribute>;
    readonly condition: Condition;
  } {
    if (this.#toSay.length === 0) return { unsaid: this.#unsaid, set: {}, condition: itemExists };
    const condition = this.#unsaid.length === 0 ? missing("unsaid") : equals("unsaid", printJson(this.#unsaid));
    const unsaid = [...this.#unsaid, ...this.#toSay];
    return { unsaid, set: { unsaid: printJson(unsaid) }, condition };
  }

  #said(unsaid: readonly SysEvent[]): void {
    this.#unsaid = unsaid;
    this.#toSay = [];
  }

  async #update(set: Record<string, Attribute>): Promise<void> {
    const key = eventHooksKey(this.#actorId);
    const saying = this.#saying();
    const change = { set: { ...set, ...saying.set } };
    const { written } = await updateIf(this.#deps.table, key, change, all(this.#owned, saying.condition));
    if (!written) throw new LeaseLost("Another run has the lease of the actor's event hooks.");
    this.#said(saying.unsaid);
  }

  get #owned(): Condition {
    return leaseIs.ownedBy(this.#lease);
  }
}

/** Another run has acquired the lease, so this one can store nothing any more. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}
