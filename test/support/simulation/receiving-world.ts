/** One random schedule of the receiving side, and what must hold during and after it. */
import { createReceiving } from "../../../lib/receiving/receiving.ts";
import type { Receiving } from "../../../lib/receiving/receiving.ts";
import type { Head } from "../../../lib/receiving/head.ts";
import { Verdict } from "../../../lib/receiving/hook-event.ts";
import type { HookEvent } from "../../../lib/receiving/hook-event.ts";
import { dueShards, parkedPrefix } from "../../../lib/dynamodb/keys.ts";
import { itemMissing } from "../../../lib/dynamodb/table.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { isServiceError } from "../../../lib/errors.ts";
import type { DelayedWork } from "../../../lib/ports.ts";
import { OutboundSubscriptions } from "../../../lib/subscriptions/outbound-subscriptions.ts";
import type { OutboundDeps } from "../../../lib/subscriptions/outbound-subscriptions.ts";
import { FaultyTable } from "../faulty-table.ts";
import type { Fate } from "../faulty-table.ts";
import { MemoryTable } from "../memory-table.ts";
import { ModelPublisher } from "./model-publisher.ts";
import type { Change } from "./model-publisher.ts";
import { PlainData } from "./plain-data.ts";
import * as checks from "./receiving-checks.ts";
import { headIn, KEY, parkedIn, Violation } from "./receiving-checks.ts";
import { Scheduler, seeded, settled } from "./scheduler.ts";

/** Breaks one thing on purpose, to show that the simulation would see it. */
export type Sabotage = (table: Table) => Table;

const DIGEST = "d".repeat(64);
const MINUTE = 60_000;
const RECONCILE_MS = 60 * MINUTE;

export class ReceivingWorld {
  readonly #random: () => number;
  readonly #scheduler: Scheduler;
  readonly #table = new MemoryTable();
  readonly #publisher = new ModelPublisher();
  readonly #messages: DelayedWork[] = [];
  readonly #ran: HookEvent[] = [];
  readonly #acknowledged = new Set<number>();
  readonly #sabotage: Sabotage;
  /** Faults happen, instances crash, messages get lost. */
  #rough: boolean;
  /** Clocks jump over claims: instances freeze past them. */
  readonly #jumpy: boolean;
  readonly #positioned: boolean;
  readonly #maxPending: number;
  readonly #resets: boolean;
  /** The owner deletes the stream's state somewhere in the middle. */
  readonly #clears: boolean;
  #now = Date.UTC(2026, 0, 1);
  #ids = 0;
  #running = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Numbers whose meaning may differ: the publisher began anew. */
  #wasReset = false;

  constructor(seed: number, sabotage: Sabotage = (table) => table) {
    this.#random = seeded(seed);
    this.#scheduler = new Scheduler(this.#random);
    this.#sabotage = sabotage;
    this.#rough = this.#chance(0.7);
    this.#jumpy = this.#rough && this.#chance(0.3);
    this.#positioned = this.#chance(0.5);
    this.#maxPending = this.#chance(0.3) ? 2 : 100;
    this.#resets = this.#chance(0.08);
    this.#clears = !this.#resets && this.#chance(0.1);
  }

  /** Plays the schedule to its end. @throws Violation */
  async play(): Promise<void> {
    await this.#subscribe();
    const changes = Array.from({ length: 1 + Math.floor(this.#random() * 6) }, () => this.#change());
    const deliveries = this.#shuffled(changes.flatMap((change) => Array<Change>(this.#copies()).fill(change)));
    const smooth = !this.#rough;
    const clearAt = this.#clears ? Math.floor(this.#random() * deliveries.length) : -1;
    for (const [index, change] of deliveries.entries()) {
      this.#launch(async (receiving) => {
        await this.#deliver(receiving, change);
      });
      if (index === clearAt) this.#launch(async (receiving, table) => await this.#clearState(receiving, table));
      while (this.#chance(0.7) && (await this.#turn()));
      if (this.#rough && this.#chance(this.#jumpy ? 0.3 : 0.05)) this.#passTime();
    }
    while (this.#running > 0 && (await this.#turn())) if (this.#chance(this.#jumpy ? 0.15 : 0.03)) this.#passTime();
    // What was refused because all slots were taken is only sent again below.
    if (smooth && !this.#clears && changes.every(({ sequence }) => this.#acknowledged.has(sequence))) {
      checks.checkDone(this.#table, this.#publisher.newest, this.#ran);
    }
    if (this.#resets) await this.#startAnew();
    await this.#comeToRest();
    this.#holdsEverything();
  }

  async #subscribe(): Promise<void> {
    await this.#table.put(
      {
        ...KEY,
        target: "properties",
        granularity: "high",
        createdAt: this.#now,
        state: "live",
        auth: DIGEST,
        epoch: 1,
        fence: this.#now,
        lastSeq: 0,
        starts: 0,
        reconcileAt: this.#now + 60 * MINUTE,
        dueAt: this.#now + 60 * MINUTE,
        dueShard: dueShards[0] ?? "",
        activeAt: this.#now,
        version: 0,
      },
      itemMissing,
    );
  }

  /** The next change. Numbers that count again after their state was deleted append again too: then there is no list. */
  #change(): Change {
    return this.#publisher.change(this.#random, { lists: !this.#clears });
  }

  /** A new instance of the service; what it does is cut into steps the scheduler orders. */
  #instance(): { readonly receiving: Receiving; readonly table: Table } {
    const skew = this.#jumpy ? Math.floor(this.#random() * 1_000) : 0;
    const clock = { now: () => this.#now + skew };
    let dead = false;
    const step = async (): Promise<void> => {
      await this.#scheduler.step();
      if (dead) await new Promise<never>(() => undefined);
    };
    const table = new FaultyTable(this.#sabotage(this.#table), async () => {
      await step();
      const fate = this.#fate();
      if (fate === "crash" || fate === "crash_after") {
        dead = true;
        this.#running -= 1;
      }
      return fate;
    });
    const receiving = createReceiving({
      table,
      clock,
      ids: { id: () => this.#id(), secret: () => this.#id() },
      log: SILENT,
      random: this.#random,
      later: () => () => undefined,
      queue: {
        send: (work) => {
          if (!(this.#rough && this.#chance(0.3))) this.#messages.push(work);
          return Promise.resolve();
        },
      },
      runner: {
        handles: () => true,
        run: async (event) => {
          await step();
          this.#ran.push(event);
          if (this.#rough && this.#chance(0.05)) throw new Verdict("retry");
        },
      },
      publishers: () =>
        Promise.resolve(
          this.#publisher.port({
            positioned: this.#positioned,
            step,
            fails: () => this.#rough && this.#chance(0.1),
          }),
        ),
      senders: {
        look: () => Promise.resolve({ actor: true, trust: { digest: DIGEST, approved: true } }),
        approvedCheck: () => ({ check: { pk: "TRUST", sk: "TRUST" }, condition: itemMissing }),
      },
      data: () => new PlainData(table),
      state: () => Promise.resolve(null),
      bury: () => Promise.resolve(),
      settings: {
        claimFence: "world",
        maxPending: this.#maxPending,
        gapTimeoutMs: 5_000,
        reconcileMs: RECONCILE_MS,
        autoStorage: true,
        nestedDiffs: "merge",
        hookMaxAttempts: 5,
        hookTimeoutMs: 1_000,
      },
    });
    return { receiving, table };
  }

  #launch(work: (receiving: Receiving, table: Table) => Promise<void>): void {
    const { receiving, table } = this.#instance();
    this.#running += 1;
    work(receiving, table)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running -= 1;
      })
      .catch(() => undefined);
  }

  async #deliver(receiving: Receiving, change: Change): Promise<number> {
    const body = Buffer.from(
      JSON.stringify({ id: "peer", subscriptionid: "sub", target: "properties", ...change, granularity: "high" }),
    );
    const sender = { actorId: "actor", peerId: "peer", subscriptionId: "sub", digest: DIGEST };
    try {
      const answer = await receiving.receiver.receive(sender, { body }, this.#deadline());
      this.#acknowledged.add(change.sequence);
      if (!this.#wasReset && !this.#clears) checks.checkAcknowledged(this.#table, this.#acknowledged);
      return answer.status;
    } catch (error) {
      // What is valid is only ever put off.
      if (isServiceError(error) && (error.status === 429 || error.status === 503)) return error.status;
      if (error instanceof Violation) throw error;
      if (error instanceof Error && error.name === "InjectedFault") return 500;
      throw error;
    }
  }

  /** As the owner's request does; refused while another holds the stream. */
  async #clearState(receiving: Receiving, table: Table): Promise<void> {
    const used: Pick<OutboundDeps, "table" | "clock" | "log" | "receiving" | "settings"> = {
      table,
      clock: { now: () => this.#now },
      log: SILENT,
      receiving,
      settings: { reconcileMs: RECONCILE_MS, autoStorage: true },
    };
    try {
      await new OutboundSubscriptions(used as OutboundDeps).clearState(headIn(this.#table), this.#deadline());
      this.#acknowledged.clear();
    } catch (error) {
      if (!isServiceError(error) && !(error instanceof Error && error.name === "InjectedFault")) throw error;
    }
  }

  #deadline(): { remaining(): number } {
    const end = this.#now + 30_000;
    return { remaining: () => Math.max(0, end - this.#now) };
  }

  /** One step of somebody, or something of the clockwork. */
  async #turn(): Promise<boolean> {
    const due = this.#messages.findIndex((message) => message.dueAt <= this.#now);
    if (due >= 0 && this.#chance(0.2)) {
      this.#messages.splice(due, 1);
      this.#launch(async (receiving) => await this.#look(receiving));
    }
    const picked = await this.#scheduler.pick();
    checks.checkHead(this.#table, this.#maxPending);
    if (this.#failure !== undefined) throw this.#failure.error;
    return picked;
  }

  async #look(receiving: Receiving): Promise<void> {
    try {
      await receiving.dueStreams.look(KEY, this.#deadline());
    } catch (error) {
      if (!isServiceError(error) && !(error instanceof Error && error.name === "InjectedFault")) throw error;
    }
  }

  #passTime(): void {
    const step = this.#jumpy && this.#chance(0.2) ? 40_000 : Math.floor(this.#random() * 3_000);
    this.#now += this.#jumpy && this.#chance(0.1) ? -Math.min(500, step) : step;
  }

  /** The publisher begins anew. What was lost of its old life by then nothing could tell: so nothing was. */
  async #startAnew(): Promise<void> {
    const rough = this.#rough;
    await this.#comeToRest();
    this.#rough = rough;
    this.#wasReset = true;
    this.#publisher.reset();
    this.#acknowledged.clear();
    const change = this.#change();
    this.#launch(async (receiving) => {
      await this.#deliver(receiving, change);
    });
    while (this.#running > 0 && (await this.#turn()));
  }

  /** No more faults: the publisher repeats what was not acknowledged, the sweep comes by every minute. */
  async #comeToRest(): Promise<void> {
    this.#rough = false;
    for (let round = 0; round < 240; round += 1) {
      await this.#drainSteps();
      const head = headIn(this.#table);
      if (round > 2 && this.#atRest(head)) return;
      this.#now += MINUTE;
      const { receiving } = this.#instance();
      this.#running += 1;
      const sweep = this.#sweep(receiving).finally(() => {
        this.#running -= 1;
      });
      await this.#drainSteps();
      await sweep;
      if (round < 3) await this.#resendMissing();
    }
    const { lastSeq, pending, wanted } = headIn(this.#table);
    throw new Violation(
      `Never came to rest: lastSeq ${String(lastSeq)} of ${String(this.#publisher.newest)}, pending ${[...pending].join()}, wanted ${String(wanted)}.`,
    );
  }

  #atRest(head: Head): boolean {
    return (
      head.lastSeq === this.#publisher.newest &&
      head.pending.size === 0 &&
      head.claim === undefined &&
      head.wanted === undefined &&
      parkedIn(this.#table) === 0
    );
  }

  async #sweep(receiving: Receiving): Promise<void> {
    const head = headIn(this.#table);
    if (head.dueAt !== undefined && head.dueAt <= this.#now) await receiving.dueStreams.look(KEY, this.#deadline());
    for (const item of this.#table.all().filter((each) => each.sk.startsWith(parkedPrefix()))) {
      const parked = await receiving.parked.at(item);
      // What was begun too often stays for a person, who replays it here.
      const replayed = parked?.status === "parked" || (parked?.dueAt !== undefined && parked.dueAt <= this.#now);
      if (parked !== undefined && replayed) await receiving.hooks.again(parked);
    }
  }

  async #resendMissing(): Promise<void> {
    for (const change of this.#publisher.changes) {
      // A number sent again by a publisher that began anew is the only sign of it: that one is always repeated.
      if (this.#acknowledged.has(change.sequence) || (!this.#wasReset && this.#chance(0.5))) continue;
      this.#launch(async (receiving) => {
        await this.#deliver(receiving, change);
      });
      await this.#drainSteps();
    }
  }

  async #drainSteps(): Promise<void> {
    await settled();
    while (await this.#scheduler.pick()) checks.checkHead(this.#table, this.#maxPending);
    checks.checkHead(this.#table, this.#maxPending);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #holdsEverything(): void {
    checks.checkStored(this.#table, this.#publisher);
    if (this.#wasReset) return;
    checks.checkTold(this.#ran, this.#publisher.newest);
    if (!this.#jumpy && !this.#clears) checks.checkFirstAttempts(this.#ran);
  }

  #fate(): Fate {
    if (!this.#rough || !this.#chance(0.06)) return "ok";
    const fates: readonly Fate[] = ["throttle", "lost_answer", "repeat", "condition", "crash", "crash_after"];
    return fates[Math.floor(this.#random() * fates.length)] ?? "ok";
  }

  #copies(): number {
    if (!this.#rough) return 1 + Math.floor(this.#random() * 2);
    return Math.floor(this.#random() * 3);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #id(): string {
    this.#ids += 1;
    return String(this.#ids).padStart(32, "0").split("").reverse().join("");
  }

  #shuffled<T>(values: readonly T[]): readonly T[] {
    return values
      .map((value) => ({ value, at: this.#random() }))
      .sort((one, other) => one.at - other.at)
      .map(({ value }) => value);
  }
}

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
