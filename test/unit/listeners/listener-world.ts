/** Listeners of a scripted kind on an actor's log, over a table in memory whose requests are counted; time is the test's. */
import { LogCommits, type Commit } from "../../../lib/change-log/log-commits.ts";
import { ChangeLog, readLogHead, type LogHead } from "../../../lib/change-log/change-log.ts";
import { RecordCache } from "../../../lib/change-log/record-cache.ts";
import type { Change, LogRecord } from "../../../lib/domain/diff/change-record.ts";
import { eventsOf } from "../../../lib/domain/events/record-events.ts";
import { selects } from "../../../lib/domain/events/selection.ts";
import { newKeeperState } from "../../../lib/domain/events/keeper-state.ts";
import type { KeeperRules, Outcome } from "../../../lib/domain/events/keeper-steps.ts";
import { eventIdOf, positionAfter } from "../../../lib/domain/events/position.ts";
import type { Rate } from "../../../lib/domain/events/rate.ts";
import { actorKey } from "../../../lib/dynamodb/keys/actors.ts";
import { DueIndexTable } from "../../../lib/dynamodb/keys/due-index.ts";
import { listenerKey, type ListenerRef } from "../../../lib/dynamodb/keys/listeners.ts";
import { logHeadKey, recordPartition } from "../../../lib/dynamodb/keys/publishing.ts";
import { always, type Item, type Key, type Table } from "../../../lib/dynamodb/table.ts";
import type { DeliveryOutcome } from "../../../lib/engine/fan-out-result.ts";
import { findInScope } from "../../../lib/engine/in-scope.ts";
import { registering } from "../../../lib/engine/registration.ts";
import { FailedEventStore } from "../../../lib/failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../../../lib/failed-events/hook-event.ts";
import { ListenerDelivery } from "../../../lib/listeners/delivery.ts";
import {
  failedEventEnded,
  makeListenerHead,
  ONE_LANE,
  readListenerHead,
} from "../../../lib/listeners/listener-head.ts";
import type { ListenerWay, Noted, TargetEvent } from "../../../lib/listeners/listener-way.ts";
import type { DelayedWork } from "../../../lib/system/ports.ts";
import { idle } from "../../support/idle.ts";
import { FaultyTable, type Decide } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";

export const ACTOR = "actor";
/** The result of an attempt at the scripted target. */
export type Script = (event: TargetEvent, limitMs: number) => Outcome["is"] | Promise<Outcome["is"]>;

export interface ListenerSettings {
  readonly rules: Omit<KeeperRules, "room">;
  readonly rate?: Rate;
  readonly timeoutMs: number;
}

const SETTINGS: ListenerSettings = {
  rules: {
    ...{ order: "key", parallel: 4, maxAttempts: 10, onExhausted: "park", retryAmbiguous: true },
    ...{ breaker: { threshold: 5, recoveryMs: 60_000 }, retentionMs: 30 * 86_400_000 },
  },
  timeoutMs: 15_000,
};

interface Target {
  readonly ref: ListenerRef;
  failures: number;
}

export class ListenerWorld {
  readonly memory = new MemoryTable();
  readonly #indexed = new DueIndexTable(this.memory, 1);
  now = Date.UTC(2026, 0, 1);
  /** Every attempt, in the order in which it began. */
  readonly sent: TargetEvent[] = [];
  /** Every event that was taken, in the order of the answers. */
  readonly taken: TargetEvent[] = [];
  readonly noted: Noted[] = [];
  readonly messages: DelayedWork[] = [];
  readonly logged: string[] = [];
  readonly settings = new Map<string, ListenerSettings>();
  readonly paused = new Set<string>();
  script: Script = () => "taken";
  readonly #targets = new WeakMap<TargetEvent, ListenerRef>();
  /** Requests to the table since the last `count`. */
  requests: string[] = [];
  #ids = 0;

  async open(): Promise<this> {
    await this.memory.put({ ...actorKey(ACTOR) }, always);
    return this;
  }

  instance(decide?: Decide, epoch = 1) {
    const counting: Decide = async (operation, keys) => {
      this.requests.push(operation);
      return (await decide?.(operation, keys)) ?? "ok";
    };
    const table: Table = new FaultyTable(this.#indexed, counting);
    const clock = { now: () => this.now };
    const ids = { id: () => this.#id(), secret: () => this.#id() };
    const note = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      this.logged.push(`${message} ${String(fields?.["error"])}`);
    };
    const log = { info: () => undefined, warn: note, error: note };
    const platform = {
      ...{ clock, ids, log, random: () => 0.5, after: () => () => undefined },
      // Others go on while time passes.
      sleep: async (ms: number) => {
        this.now += ms;
        await idle(20);
      },
    };
    const queue = {
      send: (work: DelayedWork) => {
        this.messages.push(work);
        return Promise.resolve();
      },
    };
    const changeLog = new ChangeLog({ table, clock, retentionDays: 30 });
    const failedEvents = new FailedEventStore<ListenerEvent>({
      ...{ table, clock, epoch },
      source: {
        stopped: () => Promise.resolve(undefined),
        resolved: ({ actorId, source }) => {
          const id = source.split(":")[1] ?? "";
          return Promise.resolve({ write: failedEventEnded({ actorId, kind: "webhook", id }) });
        },
      },
    });
    const commits = new LogCommits({ ...platform, table, changeLog });
    const deps = {
      commits,
      ...{ ...platform, table, queue, changeLog, failedEvents, failedKeepDays: 30 },
      ...{ epoch, retentionDays: 30, incarnation: "world" },
    };
    const delivery = new ListenerDelivery(deps, this.#way());
    return { table, changeLog, failedEvents, delivery, commits };
  }

  #way(): ListenerWay<Target, Outcome["is"]> {
    return {
      kind: "webhook",
      also: () => [],
      open: (head) => {
        if (this.paused.has(head.id)) return undefined;
        const { rules, ...rest } = this.settings.get(head.id) ?? SETTINGS;
        const lanes = Object.entries(head.lanes).map(([id, state]) => ({ id, state, rules }));
        return { target: { ref: head, failures: 0 }, lanes, ...rest };
      },
      render: ({ ref }, event) =>
        Promise.resolve(async (limitMs) => {
          this.#targets.set(event, ref);
          this.sent.push(event);
          const is = await this.script(event, limitMs);
          if (is === "taken") this.taken.push(event);
          return is;
        }),
      classify: (is) => ({ is }),
      onFailure: (target) => {
        target.failures += 1;
      },
      ends: () => undefined,
      readFailed: (_, { upTo }) => Promise.resolve({ events: [], upTo, atEnd: true }),
      redriving: () => [],
      extras: (target) => {
        const own = target.failures === 0 ? {} : { own: { lastFailures: target.failures } };
        target.failures = 0;
        return own;
      },
      failureSource: ({ id }) => `webhook:${id}`,
      failing: ({ ref }, { event, number }) => ({
        ...{ id: event.id, actorId: ref.actorId, source: `webhook:${ref.id}`, sequence: number },
        ...{ topic: event.event.topic, type: event.event.type, position: event.position, event: {} },
      }),
      saying: (_, { signals }) => signals.map((event) => ({ event, data: {} })),
      noted: (_, noted) => {
        this.noted.push(noted);
        return Promise.resolve();
      },
    };
  }

  /** Registers a listener that begins at the log's end. */
  async listen(id: string, topics: readonly string[], settings?: Partial<ListenerSettings>): Promise<ListenerRef> {
    const ref = { actorId: ACTOR, kind: "webhook", id } as const;
    if (settings !== undefined) this.settings.set(id, { ...SETTINGS, ...settings });
    await this.instance().commits.commit(ACTOR, [], ({ head }) => {
      const { writes, head: change } = registering(ref, { after: { selection: { topics }, reads: true } });
      const state = newKeeperState(positionAfter(1, head.newest), { selection: { topics }, at: this.now });
      const made = makeListenerHead(ref, { [ONE_LANE]: state });
      return { records: [], writes: [made, ...writes], head: change };
    });
    return ref;
  }

  /** Commits one record, and delivers nothing yet. */
  async commit(...changes: readonly Change[]): Promise<Commit> {
    const plan = () => ({ records: [{ kind: "change", changes } as const], writes: [] });
    const made = await this.instance().commits.commit(ACTOR, [], plan);
    if (made === undefined) throw new Error("nothing was committed");
    return made;
  }

  /** Delivers a commit as its request does. */
  async publish(commit: Commit, how: { alone?: boolean; decide?: Decide } = {}): Promise<readonly DeliveryOutcome[]> {
    const { table, changeLog, delivery } = this.instance(how.decide);
    const records = commit.records.map(({ record }) => record);
    const { listeners } = await findInScope(table, ACTOR, records, commit.head);
    const cache = new RecordCache(changeLog, ACTOR, commit.records);
    return await delivery.deliver(commit, listeners, { cache, isAlone: () => how.alone === true, waitMs: 1_000 });
  }

  /** Commits one property and delivers it; a minute has passed since the last one when the request is alone. */
  async set(name: string, how: { alone?: boolean } = {}): Promise<readonly DeliveryOutcome[]> {
    this.now += how.alone === true ? 60_000 : 100;
    return await this.publish(await this.commit({ do: "set", path: [name], value: this.now }), how);
  }

  /** What the maintenance of the log does for listeners. */
  async catchUp(decide?: Decide) {
    return await this.instance(decide).delivery.catchUp(ACTOR, this.logHead(), this.deadline());
  }

  /** Works on a listener until nothing of it is due, moving time on to each due time, up to `forMs`. */
  async work(ref: ListenerRef, forMs = 0): Promise<void> {
    // Longer than a delivery without a lease may be under way.
    this.now += 5_000;
    const until = this.now + forMs;
    for (;;) {
      await this.instance().delivery.runDue(ref, this.deadline());
      const { dueAt } = this.head(ref);
      if (dueAt === undefined || dueAt > until) break;
      this.now = Math.max(this.now + 1, dueAt);
    }
    this.now = Math.max(this.now, until);
  }

  head(ref: ListenerRef) {
    const item = this.memory.itemAt(listenerKey(ref));
    if (item === undefined) throw new Error("the listener is gone");
    return readListenerHead(1, item);
  }

  /** The listener to which an attempt at an event goes. */
  targetOf(event: TargetEvent): ListenerRef {
    const ref = this.#targets.get(event);
    if (ref === undefined) throw new Error("no attempt was made at this event");
    return ref;
  }

  /** True when the listener has nothing left to do. */
  isDone(ref: ListenerRef): boolean {
    const { lanes, dueAt } = this.head(ref);
    return dueAt === undefined && Object.values(lanes).every(({ entries }) => entries.length === 0);
  }

  /** The ids of the events of the log that the listener hears, in order. */
  idsFor(ref: ListenerRef): readonly string[] {
    const selection = this.head(ref).lanes[ONE_LANE]?.selections.at(-1)?.selection;
    const records = this.memory.all().filter(({ pk }) => pk === recordPartition(ACTOR));
    return records.flatMap((item) => {
      const number = Number(item.sk);
      const record = JSON.parse(String(item["text"])) as LogRecord;
      return eventsOf(record).flatMap((event) => {
        const isSelected = selection !== undefined && selects(selection, event);
        return isSelected ? [eventIdOf({ actorId: ACTOR, record: number, at: record.at, index: event.index })] : [];
      });
    });
  }

  logHead(): LogHead {
    return readLogHead(this.memory.itemAt(logHeadKey(ACTOR)));
  }

  itemAt(key: Key): Item | undefined {
    return this.memory.itemAt(key);
  }

  deadline() {
    const end = this.now + 60_000;
    return { remaining: () => Math.max(0, end - this.now) };
  }

  #id(): string {
    this.#ids += 1;
    return this.#ids.toString(16).padStart(8, "0").padEnd(32, "0");
  }
}

/** The names of the properties that events are about. */
export const namesOf = (events: readonly TargetEvent[]): readonly string[] =>
  events.map(({ event }) => event.event.topic.split(".")[1] ?? "");
