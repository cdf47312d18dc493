/** One subscription over an in-memory table whose hook the test writes; instances may die, time is the test's. */
import { composeDueWork } from "../../../../lib/compose/due-work.ts";
import { Sweep } from "../../../../lib/scheduler/sweep.ts";
import { DueIndexTable } from "../../../../lib/dynamodb/keys/due-index.ts";
import { outboundHeadKey } from "../../../../lib/dynamodb/keys/streams.ts";
import { itemMissing, type Table } from "../../../../lib/dynamodb/table.ts";
import type { Json, Log } from "../../../../lib/system/ports.ts";
import { readHead, type Head } from "../../../../lib/receiving/stream/head.ts";
import type { HookEvent } from "../../../../lib/failed-events/hook-event.ts";
import { receiveCallback } from "../../../../lib/receiving/intake/receive-callback.ts";
import { createReceiving, type Receiving } from "../../../../lib/receiving/intake/receiving.ts";
import { STATE_PIECES } from "../../../../lib/receiving/recovery/recovery-settings.ts";
import type { FailedEvent } from "../../../../lib/failed-events/failed-event.ts";
import { FaultyTable, type Decide } from "../../../support/faulty-table.ts";
import { MemoryQueue, sweepAndWork } from "../../../support/memory-queue.ts";
import { MemoryTable } from "../../../support/memory-table.ts";
import { PlainData } from "../../../support/simulation/plain-data.ts";

const MINUTE = 60_000;
const DIGEST = "d".repeat(64);
const IDS = { actorId: "actor", peerId: "peer", subscriptionId: "sub" } as const;
export const STREAM = outboundHeadKey(IDS);

/** The hook under test. A hook that never ends is a process that died in it, unless the time limit comes first. */
export type Hook = (event: HookEvent, signal: AbortSignal) => Promise<void> | void;

export class HookWorld {
  readonly table = new MemoryTable();
  readonly #indexed = new DueIndexTable(this.table, 1);
  now = Date.UTC(2026, 0, 1);
  /** Every start of the hook, in order. */
  readonly started: HookEvent[] = [];
  /** Every end without an error, in order. */
  readonly done: HookEvent[] = [];
  readonly logged: string[] = [];
  hook: Hook = () => undefined;
  state: Json = null;
  maxAttempts = 5;
  /** Callbacks of time limits that are not called off. */
  readonly limits = new Set<() => void>();
  #ids = 0;
  readonly receiving: Receiving;

  constructor() {
    this.receiving = this.instance();
  }

  /** The subscription, with nothing received yet. */
  async open(): Promise<this> {
    const now = this.now;
    const head = { target: "properties", granularity: "high", state: "live", auth: DIGEST };
    const numbers = { createdAt: now, epoch: 1, stateVersion: now, lastSeq: 0, starts: 0, activeAt: now, version: 0 };
    const due = { reconcileAt: now + 600 * MINUTE, dueAt: now + 600 * MINUTE };
    await this.#indexed.put({ ...STREAM, ...head, ...numbers, ...due }, itemMissing);
    return this;
  }

  /** Another instance of the service on the same table, which may fail. */
  instance(decide?: Decide): Receiving {
    const table: Table = decide === undefined ? this.#indexed : new FaultyTable(this.#indexed, decide);
    const note = (message: string): void => void this.logged.push(message);
    const log: Log = { info: note, warn: note, error: note };
    return createReceiving({
      logEpoch: 1,
      table,
      clock: { now: () => this.now },
      ids: { id: () => this.#id(), secret: () => this.#id() },
      log,
      random: () => 0.5,
      after: (_ms, callback) => {
        this.limits.add(callback);
        return () => void this.limits.delete(callback);
      },
      queue: { send: () => Promise.resolve() },
      runner: {
        handles: () => true,
        run: async (event, signal) => {
          this.started.push(event);
          await this.hook(event, signal);
          this.done.push(event);
        },
      },
      publishers: () => Promise.resolve(undefined),
      authenticator: {
        identify: () => Promise.resolve({ actor: true, trust: { digest: DIGEST, approved: true } }),
        approvedCheck: () => ({ check: { pk: "TRUST", sk: "TRUST" }, condition: itemMissing }),
      },
      data: () => new PlainData(table),
      state: () => Promise.resolve(this.state),
      openTo: () => Promise.resolve(undefined),
      forgotten: { again: () => Promise.resolve({ is: "lost" }), ended: () => Promise.resolve() },
      purgeEnded: () => Promise.resolve(),
      settings: {
        ...{ incarnation: "world", maxPending: 100, gapTimeoutMs: 5_000, reconcileMs: 600 * MINUTE },
        ...{ autoStorage: true, nestedDiffs: "merge", hookTimeoutMs: 10_000, hookMaxAttempts: this.maxAttempts },
        pieces: STATE_PIECES,
      },
    });
  }

  /** One callback, as the publisher sends it; its status. */
  async deliver(sequence: number, receiving = this.receiving, data: Json = { [`p${String(sequence)}`]: sequence }) {
    const callback = { id: IDS.peerId, subscriptionid: IDS.subscriptionId, target: "properties", granularity: "high" };
    const timestamp = new Date(this.now).toISOString();
    const body = Buffer.from(JSON.stringify({ ...callback, sequence, timestamp, data }));
    const answer = await receiveCallback(receiving, { ...IDS, digest: DIGEST }, { body }, this.deadline());
    return answer.status;
  }

  /** A delivery on an instance that dies in it: resolves when the hook was begun, or the table failed. */
  async deliverAndDie(sequence: number, decide?: Decide): Promise<void> {
    await new Promise<void>((resolve) => {
      const hook = this.hook;
      this.hook = () => {
        this.hook = hook;
        resolve();
        return new Promise<never>(() => undefined);
      };
      const dying = this.instance(async (operation, keys) => {
        const effect = (await decide?.(operation, keys)) ?? "ok";
        if (effect === "crash" || effect === "crash_after") {
          this.hook = hook;
          setImmediate(resolve);
        }
        return effect;
      });
      void this.deliver(sequence, dying);
    });
    this.limits.clear();
  }

  /** The every-minute sweep, `minutes` from now. */
  async sweep(minutes = 1, receiving = this.receiving): Promise<void> {
    this.now += minutes * MINUTE;
    const table = this.#indexed;
    const log: Log = {
      info: () => undefined,
      warn: () => undefined,
      error: (message, fields) => void this.logged.push(`${message} ${String(fields?.["error"])}`),
    };
    const clock = { now: () => this.now };
    const none = { resume: () => Promise.resolve() } as never;
    const runDue = composeDueWork({
      table,
      clock,
      hub: none,
      log,
      receiving,
      ownership: none,
      grants: none,
      maintenance: none,
      breakerRecovery: none,
      refusedHeads: none,
      deliverSlice: none,
      capabilities: none,
      trust: none,
      deletion: none,
      dueOfListeners: () => [],
      webhooks: none,
      groups: none,
      rootGroups: none,
    });
    const queue = new MemoryQueue();
    const sweep = new Sweep({ table, queue, clock, random: () => 0, log, dueShards: 1 });
    await sweepAndWork({ table, queue, clock, log, runDue, sweep }, this.deadline());
  }

  /** Everything that failed, in the order of the stream. */
  async failedEvents(): Promise<readonly FailedEvent[]> {
    return (await this.receiving.failedEvents.page(IDS.actorId, { limit: 1_000 })).events;
  }

  head(): Head {
    const item = this.table.itemAt(STREAM);
    if (item === undefined) throw new Error("the subscription is gone");
    return readHead(item);
  }

  /** Lets every time limit that stands run out. */
  timeOut(): void {
    for (const limit of [...this.limits]) limit();
  }

  deadline(): { remaining(): number } {
    const end = this.now + 60_000;
    return { remaining: () => Math.max(0, end - this.now) };
  }

  #id(): string {
    this.#ids += 1;
    return this.#ids.toString(16).padStart(8, "0").padEnd(32, "0");
  }
}

/** The numbers of events, in order. */
export const numbersOf = (events: readonly { readonly sequence: number }[]): number[] =>
  events.map(({ sequence }) => sequence);
