/** One run of an actor's event hooks under one lease. */
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
  /** A failed event as it is recorded. */
  readonly failing: (actorId: string, id: string, givenUp: GivenUp) => ListenerEvent;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** How long a failed event is kept, ms. */
  readonly keepMs: number;
  /** True when somebody listens to `$sys` at the actor. */
  readonly isWatched: (actorId: string) => Promise<boolean>;
}

/** Most failed events of one hook and one actor that are kept: the next one stops the hook. */
const MOST_FAILED_EVENTS = 1_000;
/** What is to be said is in the log by then, or the hooks are due, ms. */
const SAID_MS = 60_000;

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
  /** `unsaid` of the item as this run has read or written it, and what the next write adds to it. */
  #unsaid: readonly SysEvent[];
  #toSay: readonly SysEvent[] = [];

  constructor(deps: RunDeps, actorId: string, { lease, item }: { readonly lease: Lease; readonly item: Item }) {
    this.#deps = deps;
    this.#actorId = actorId;
    this.#lease = lease;
    this.#item = item;
    this.#unsaid = unsaidOf(item);
  }

  /** What is stored to be said below `$sys`, and not in the log yet. */
  get unsaid(): readonly SysEvent[] {
    return this.#unsaid;
  }

  /** As it was acquired, or as the last refused end found it. */
  get item(): Item {
    return this.#item;
  }

  /** Notes the attempt that begins, so that the next run knows what killed this one. @returns how many died at it before */
  async trying(id: string, position: string): Promise<number> {
    const before = tryingIn(this.#deps.epoch, this.#item);
    const isSame = before?.id === id && before.position === position;
    const trying: Trying = { id, position, deaths: isSame ? before.deaths + 1 : 0 };
    await this.#update({ trying: JSON.stringify(trying) });
    return trying.deaths;
  }

  /** Somebody should know this of a hook. The next write stores what is to be said of it. */
  async signal(hook: string, signal: HookSignal, more?: JsonObject): Promise<void> {
    const { log, isWatched } = this.#deps;
    const said = signalled(log, { actorId: this.#actorId, hook }, signal, more);
    if (said !== undefined && (await isWatched(this.#actorId))) this.#toSay = [...this.#toSay, said];
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

  /** Releases the lease without storing anything, so that another run need not wait for its end. Never rejects. */
  async abandon(dueAt: number): Promise<void> {
    const change = { set: { starts: 0, dueAt }, remove: RUN_ATTRIBUTES };
    try {
      await updateIf(this.#deps.table, eventHooksKey(this.#actorId), change, this.#owned);
    } catch (error) {
      this.#deps.log.warn("the lease of an actor's event hooks was not released", { actorId: this.#actorId, error });
    }
  }

  /** Records what goes to a person; that comes first, for a crash in between records it twice under one key. */
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

  /** How many events of a hook are kept, without those that a run which died has recorded and this one records again. */
  async #kept(source: string, again: readonly ListenerEvent[]): Promise<number> {
    const { failedEvents } = this.#deps;
    const count = await failedEvents.count(this.#actorId, source);
    if (count === 0 || count > again.length) return count;
    const found = await Promise.all(again.map(async (event) => await failedEvents.of(event)));
    return count - found.filter((each) => each !== undefined).length;
  }

  /** What the next write stores to be said. `sayUnsaid` removes what is stored, without the lease. */
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
    if (!written) throw new LeaseLost("The lease of an actor's event hooks is another's.");
    this.#said(saying.unsaid);
  }

  get #owned(): Condition {
    return leaseIs.ownedBy(this.#lease);
  }
}

/** Another run has acquired the lease: nothing that this one still does is stored. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}
