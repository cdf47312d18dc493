/** One random schedule of the receiving side, and what must hold during and after it. */
import { receiveCallback } from "../../../lib/receiving/intake/receive-callback.ts";
import { runDueStream } from "../../../lib/receiving/recovery/due-streams.ts";
import { recoverStream } from "../../../lib/receiving/recovery/recover-stream.ts";
import { createReceiving, type Receiving } from "../../../lib/receiving/intake/receiving.ts";
import type { Head } from "../../../lib/receiving/stream/head.ts";
import { Verdict, type HookEvent } from "../../../lib/failed-events/hook-event.ts";
import { failedEventPrefix } from "../../../lib/dynamodb/keys/failed-events.ts";
import { itemMissing, type Table } from "../../../lib/dynamodb/table.ts";
import { isServiceError } from "../../../lib/system/errors.ts";
import { consecutiveRun } from "../../../lib/domain/log/sequencing.ts";
import type { DelayedWork, PeerRequest } from "../../../lib/system/ports.ts";
import type { Publisher } from "../../../lib/peers/publisher.ts";
import { stalePartOf } from "../../../lib/receiving/stream/stale-parts.ts";
import { STATE_PIECES } from "../../../lib/receiving/recovery/recovery-settings.ts";
import {
  OutboundSubscriptions,
  type OutboundDeps,
} from "../../../lib/receiving/subscriptions/outbound-subscriptions.ts";
import { FaultyTable, type Effect } from "../faulty-table.ts";
import { MemoryTable } from "../memory-table.ts";
import { RemoteActor } from "../../../lib/peers/remote-actor.ts";
import { RemotePublisher } from "../../../lib/peers/remote-publisher.ts";
import { ModelPublisher, ROOT, textOf, type Change } from "./model-publisher.ts";
import { anyAnswer, type Answered } from "./publisher-faults.ts";
import { PlainData } from "./plain-data.ts";
import * as checks from "./receiving-checks.ts";
import { DEADLINE_MS, headIn, KEY, failedEventsIn, Violation } from "./receiving-checks.ts";
import { Scheduler, seeded, settled } from "./scheduler.ts";
import { modesOf, type WorldModes } from "./world-modes.ts";

/** Breaks one thing on purpose, to show that the simulation would see it. */
export interface Sabotage {
  readonly table?: (table: Table) => Table;
  readonly publisher?: (publisher: Publisher) => Publisher;
}

const DIGEST = "d".repeat(64);
const MINUTE = 60_000;
const RECONCILE_MS = 60 * MINUTE;
/** Longer than any lease, and at no time at which something else is due. */
const PATIENCE_MS = 47 * MINUTE + 13_579;

export class ReceivingWorld {
  readonly #random: () => number;
  readonly #modes: WorldModes;
  readonly #scheduler: Scheduler;
  readonly #table = new MemoryTable();
  readonly #publisher = new ModelPublisher();
  readonly #messages: DelayedWork[] = [];
  readonly #ran: HookEvent[] = [];
  readonly #acknowledged = new Set<number>();
  /** The same by change: two may have one number. */
  readonly #taken = new Set<Change>();
  readonly #sabotage: Sabotage;
  /** Faults still happen. */
  #rough: boolean;
  #now = Date.UTC(2026, 0, 1);
  /** The latest time that the clock has shown: it may go back. */
  #latest = this.#now;
  #ids = 0;
  #running = 0;
  #failure: { readonly error: unknown } | undefined;
  /** The table's writes that were checked: what is stored holds still until another. */
  #checked = -1;
  /** Names that something was held under. */
  readonly #everStored = new Set<string>();
  /** Numbers whose meaning may differ: the publisher began to count again. */
  #wasReset = false;
  /** Changes still to be made. */
  #left: number;
  #backup: ReturnType<ModelPublisher["backup"]>;
  #backupAt: number;

  constructor(seed: number, sabotage: Sabotage = {}) {
    this.#random = seeded(seed);
    this.#scheduler = new Scheduler(this.#random);
    this.#sabotage = sabotage;
    this.#modes = modesOf(this.#random);
    this.#rough = this.#modes.rough;
    this.#left = 1 + Math.floor(this.#random() * 6);
    this.#backup = this.#publisher.backup();
    this.#backupAt = Math.floor(this.#random() * this.#left);
  }

  /** Plays the schedule to its end. @throws Violation */
  async play(): Promise<void> {
    await this.#subscribe();
    await this.#receive();
    this.#holdsWhenSmooth();
    if (this.#chance(0.5)) await this.#recoverInTrouble();
    const { publisher } = this.#modes;
    if (publisher === "reset") await this.#beginAgain();
    if (publisher === "restored") await this.#restore();
    if (publisher === "unreadable") await this.#deliverAll(this.#publisher.mend(), 0.5);
    await this.#comeToRest();
    // A number without a callback is found when the publisher is polled next.
    if (this.#modes.silent) {
      this.#now += RECONCILE_MS;
      await this.#comeToRest();
    }
    if (publisher === "lying") await this.#readAgain();
    this.#holdsEverything();
  }

  /** Changes are made and arrive, in any order and number, while the service works. */
  async #receive(): Promise<void> {
    const bag: Change[] = [];
    let clearIn = this.#modes.publisher === "cleared" ? Math.floor(this.#random() * 6) : -1;
    while (this.#left > 0 || bag.length > 0) {
      if (this.#left > 0 && (bag.length === 0 || this.#chance(0.6))) {
        const change = this.#change();
        if (!this.#publisher.isSilent(change)) bag.push(...Array<Change>(this.#copies()).fill(change));
        continue;
      }
      const [change] = bag.splice(Math.floor(this.#random() * bag.length), 1);
      if (change !== undefined) this.#send(change);
      if (clearIn === 0) this.#launch(async (receiving, table) => await this.#clearState(receiving, table));
      clearIn -= 1;
      while (this.#chance(0.7) && (await this.#round()));
      if (this.#rough && this.#chance(this.#modes.jumpy ? 0.3 : 0.05)) this.#passTime();
    }
    await this.#runOut(() => {
      if (this.#chance(this.#modes.jumpy ? 0.15 : 0.03)) this.#passTime();
    });
  }

  /** A callback that was refused because the buffer is full is sent again later. */
  #holdsWhenSmooth(): void {
    const { rough, twins, publisher } = this.#modes;
    const isPlain = publisher === "sound" || publisher === "reset" || publisher === "restored";
    const isTaken = this.#publisher.changes.every((change) => this.#taken.has(change));
    if (!rough && !twins && isPlain && isTaken) checks.checkDone(this.#table, this.#publisher.newest, this.#ran);
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
        stateVersion: this.#now,
        lastSeq: 0,
        starts: 0,
        reconcileAt: this.#now + 60 * MINUTE,
        dueAt: this.#now + 60 * MINUTE,
        activeAt: this.#now,
        version: 0,
      },
      itemMissing,
    );
  }

  /** The next change. Numbers that count again after their state was deleted append again too: then there is no list. */
  #change(): Change {
    const { publisher, twins, silent, jumpy } = this.#modes;
    if (this.#backupAt === 0) this.#backup = this.#publisher.backup();
    this.#backupAt -= 1;
    this.#left -= 1;
    const change = this.#publisher.change(this.#random, {
      lists: publisher !== "cleared",
      twin: twins && this.#chance(0.4),
      unreadable: publisher === "unreadable" && this.#chance(0.4),
    });
    // Two instances may ask at once where clocks jump: then one may clear at the publisher what the other has just
    // read.
    if (silent && twins && !jumpy && this.#chance(0.4)) this.#publisher.silence(change);
    return change;
  }

  /** A new instance of the service; what it does is cut into steps the scheduler orders. */
  #instance(): { readonly receiving: Receiving; readonly table: Table } {
    const skew = this.#modes.jumpy ? Math.floor(this.#random() * 1_000) : 0;
    const clock = { now: () => this.#now + skew };
    let dead = false;
    const step = async (): Promise<void> => {
      await this.#scheduler.step();
      if (dead) await new Promise<never>(() => undefined);
    };
    const used = this.#sabotage.table?.(this.#table) ?? this.#table;
    const table = new FaultyTable(used, async () => {
      await step();
      const effect = this.#effect();
      if (effect === "crash" || effect === "crash_after") {
        dead = true;
        this.#running -= 1;
      }
      return effect;
    });
    const receiving = createReceiving({
      logEpoch: 1,
      table,
      clock,
      ids: { id: () => this.#id(), secret: () => this.#id() },
      log: SILENT,
      random: this.#random,
      after: () => () => undefined,
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
      publishers: () => Promise.resolve(this.#port(step)),
      authenticator: {
        identify: () => Promise.resolve({ actor: true, trust: { digest: DIGEST, approved: true } }),
        approvedCheck: () => ({ check: { pk: "TRUST", sk: "TRUST" }, condition: itemMissing }),
      },
      data: () => new PlainData(table),
      state: () => Promise.resolve(null),
      openTo: () => Promise.resolve(undefined),
      forgotten: { again: () => Promise.resolve({ is: "lost" }), ended: () => Promise.resolve() },
      purgeEnded: () => Promise.resolve(),
      settings: {
        incarnation: "world",
        maxPending: this.#modes.maxPending,
        gapTimeoutMs: this.#modes.patient ? PATIENCE_MS : 5_000,
        reconcileMs: RECONCILE_MS,
        autoStorage: true,
        nestedDiffs: "merge",
        hookMaxAttempts: 5,
        hookTimeoutMs: 1_000,
        pieces: this.#modes.large ? { places: 1, bytes: 1, noteEvery: 2, leastMs: 28_000 } : STATE_PIECES,
      },
    });
    return { receiving, table };
  }

  /** The publisher over HTTP, through the very readers of the service. */
  #port(step: () => Promise<void>): Publisher {
    const http = this.#publisher.http({
      ...this.#modes,
      numbered: this.#modes.publisher !== "unnumbered",
      step,
      fault: (request) => this.#fault(request),
    });
    const publisher = new RemotePublisher(new RemoteActor({ http, baseUri: ROOT, ourId: "actor" }));
    return this.#sabotage.publisher?.(publisher) ?? publisher;
  }

  #fault(request: PeerRequest): Answered | undefined {
    if (!this.#rough) return undefined;
    if (this.#modes.publisher === "lying")
      return this.#chance(0.3) ? anyAnswer(request, this.#publisher, this.#random) : undefined;
    return this.#chance(0.1) ? { status: 500 } : undefined;
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
    const ids = { id: "peer", subscriptionid: "sub", target: "properties", granularity: "high" };
    const body = Buffer.from(textOf({ ...ids, ...change }));
    const isUnreadable = body.includes("NaN");
    const sender = { actorId: "actor", peerId: "peer", subscriptionId: "sub", digest: DIGEST };
    try {
      const answer = await receiveCallback(receiving, sender, { body }, this.#deadline());
      if (isUnreadable) throw new Violation("An unreadable callback was taken.");
      this.#acknowledged.add(change.sequence);
      this.#taken.add(change);
      if (!this.#wasReset && this.#modes.publisher !== "cleared")
        checks.checkAcknowledged(this.#table, this.#acknowledged);
      return answer.status;
    } catch (error) {
      // A valid callback is only delayed, never refused for good.
      if (isServiceError(error) && (error.status === 429 || error.status === 503)) return error.status;
      if (isServiceError(error) && error.status === 400 && isUnreadable) return error.status;
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
    const end = this.#now + DEADLINE_MS;
    return { remaining: () => Math.max(0, end - this.#now) };
  }

  /** One step that waits, or some scheduled work. */
  async #round(): Promise<boolean> {
    const due = this.#messages.findIndex((message) => message.dueAt <= this.#now);
    if (due >= 0 && this.#chance(0.2)) {
      this.#messages.splice(due, 1);
      this.#launch(async (receiving) => await this.#look(receiving));
    }
    const picked = await this.#scheduler.pick();
    if (this.#checked !== this.#table.writes) {
      this.#checked = this.#table.writes;
      this.#latest = Math.max(this.#latest, this.#now);
      checks.checkHead(this.#table, this.#modes.maxPending, this.#latest);
      checks.checkKept(this.#table, this.#everStored, this.#publisher.saidGone);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return picked;
  }

  async #look(receiving: Receiving): Promise<void> {
    await this.#tolerant(async () => {
      await runDueStream(receiving, KEY, this.#deadline());
    });
  }

  #passTime(): void {
    const step = this.#modes.jumpy && this.#chance(0.2) ? 40_000 : Math.floor(this.#random() * 3_000);
    this.#now += this.#modes.jumpy && this.#chance(0.1) ? -Math.min(500, step) : step;
  }

  /** The publisher begins to count again. Nothing can show what was lost of its old life by then, so nothing was. */
  async #beginAgain(): Promise<void> {
    const rough = this.#rough;
    await this.#comeToRest();
    this.#rough = rough;
    this.#wasReset = true;
    this.#publisher.reset();
    this.#acknowledged.clear();
    this.#send(this.#change());
    await this.#runOut();
  }

  /** Recoveries while things still go wrong and the publisher still changes: due ones, and such that a person asks for. */
  async #recoverInTrouble(): Promise<void> {
    const rounds = 1 + Math.floor(this.#random() * 5);
    this.#left = 4;
    for (let round = 0; round < rounds; round += 1) {
      this.#now += Math.floor(this.#random() * 20_000);
      const kind = (["catch_up", "refresh", "resync"] as const)[Math.floor(this.#random() * 5)];
      this.#launch(async (receiving) => {
        await this.#tolerant(async () => {
          if (kind === undefined) await runDueStream(receiving, KEY, this.#deadline());
          else await recoverStream(receiving, KEY, { kind }, this.#deadline());
        });
      });
      await this.#runOut(() => {
        if (this.#modes.large && this.#chance(0.1)) this.#now += Math.floor(this.#random() * 2_000);
        if (this.#left <= 0 || !this.#chance(0.1)) return;
        const change = this.#change();
        if (this.#chance(0.7)) this.#send(change);
      });
    }
  }

  async #tolerant(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isServiceError(error) && !(error instanceof Error && error.name === "InjectedFault")) throw error;
    }
  }

  /** The publisher is what it was at its backup, makes new changes under numbers that it has used, and sends them. */
  async #restore(): Promise<void> {
    // What it makes under numbers that only parts of the copy contain looks like what they contain: nothing can show
    // the difference.
    if (this.#modes.positioned && checks.isAhead(this.#table)) return;
    this.#wasReset = true;
    // A copy detects a change that was made long after it was read.
    this.#now += 10 * MINUTE;
    this.#publisher.restore(this.#backup, this.#now);
    this.#acknowledged.clear();
    const changes = Array.from({ length: 1 + Math.floor(this.#random() * 4) }, () => this.#change());
    if (this.#modes.silent) for (const change of changes) this.#publisher.silence(change);
    await this.#deliverAll(changes, 0.7);
  }

  async #deliverAll(changes: readonly Change[], probability: number): Promise<void> {
    for (const change of this.#shuffled(changes)) if (this.#chance(probability)) this.#send(change);
    await this.#runOut();
  }

  /** Sends what is not silent. */
  #send(change: Change): void {
    if (this.#publisher.isSilent(change)) return;
    this.#launch(async (receiving) => {
      await this.#deliver(receiving, change);
    });
  }

  /** Runs until no work is left. */
  async #runOut(between: () => void = () => undefined): Promise<void> {
    while (this.#running > 0 && (await this.#round())) between();
  }

  /** Runs one piece of work, and all that waits beside it, to its end. */
  async #toEnd(work: () => Promise<unknown>): Promise<void> {
    this.#running += 1;
    const done = work().finally(() => {
      this.#running -= 1;
    });
    await this.#drainSteps();
    await done;
  }

  /** As a person asks for it: whatever was said meanwhile, the state is what counts. */
  async #readAgain(): Promise<void> {
    const { receiving } = this.#instance();
    await this.#toEnd(async () => await recoverStream(receiving, KEY, { kind: "refresh" }, this.#deadline()));
    await this.#comeToRest();
  }

  /** No more faults: the publisher repeats what was not acknowledged, the sweep comes by every minute. */
  async #comeToRest(): Promise<void> {
    this.#rough = false;
    await this.#sweepAfterLease();
    for (let round = 0; round < 240; round += 1) {
      await this.#drainSteps();
      const head = headIn(this.#table);
      if (round > 2 && this.#atRest(head)) return;
      this.#now += MINUTE;
      const { receiving } = this.#instance();
      await this.#toEnd(async () => await this.#sweep(receiving));
      if (round < 3) await this.#resendMissing();
    }
    const { lastSeq, buffered, recoveryRequested } = headIn(this.#table);
    throw new Violation(
      `Never idle: lastSeq ${String(lastSeq)} of ${String(this.#publisher.newest)}, pending ${[...buffered].join()}, wanted ${String(recoveryRequested)}.`,
    );
  }

  /**
   * Whatever died while it drained: a sweep after its lease, and nothing else, applies what is buffered and next. Something
   * else may be due before it, and what the publisher sent may not be readable.
   */
  async #sweepAfterLease(): Promise<void> {
    await this.#drainSteps();
    const head = headIn(this.#table);
    const isPlain = !head.replacing && head.recoveryRequested === undefined && !head.contradicted;
    const last = consecutiveRun(head.lastSeq, head.buffered, head.buffered.size).at(-1);
    this.#now = Math.max(this.#now, head.lease?.until ?? 0) + MINUTE;
    const { receiving } = this.#instance();
    await this.#toEnd(async () => await this.#sweep(receiving));
    const { lastSeq } = headIn(this.#table);
    if (isPlain && last !== undefined && lastSeq < last) {
      throw new Violation(
        `Numbers up to ${String(last)} follow ${String(lastSeq)}, also after a lease and a sweep (R4).`,
      );
    }
  }

  #atRest(head: Head): boolean {
    return (
      head.lastSeq === this.#publisher.newest &&
      head.buffered.size === 0 &&
      head.lease === undefined &&
      head.recoveryRequested === undefined &&
      !head.contradicted &&
      failedEventsIn(this.#table) === 0
    );
  }

  async #sweep(receiving: Receiving): Promise<void> {
    const head = headIn(this.#table);
    if (head.dueAt !== undefined && head.dueAt <= this.#now) await runDueStream(receiving, KEY, this.#deadline());
    for (const item of this.#table.all().filter((each) => each.sk.startsWith(failedEventPrefix()))) {
      const part = stalePartOf(item);
      if (part !== undefined) {
        if (part.status === "parked") await receiving.staleReads.again(part, this.#deadline(), true);
        else await receiving.staleReads.runDue(item, this.#deadline());
        continue;
      }
      const failed = await receiving.failedEvents.at(item);
      // An event that was started too often stays for a person, who replays it here.
      const replayed = failed?.status === "parked" || (failed?.dueAt !== undefined && failed.dueAt <= this.#now);
      if (failed !== undefined && replayed) await receiving.hooks.retry(failed);
    }
  }

  async #resendMissing(): Promise<void> {
    for (const change of this.#publisher.changes) {
      // Where a number that is sent again is the only sign of a change, it is always repeated.
      const isOdd = this.#wasReset || this.#modes.twins || this.#modes.publisher === "unnumbered";
      if (isOdd ? this.#taken.has(change) : this.#acknowledged.has(change.sequence) || this.#chance(0.5)) continue;
      this.#send(change);
      await this.#drainSteps();
    }
  }

  async #drainSteps(): Promise<void> {
    await settled();
    while (await this.#scheduler.pick()) {
      this.#latest = Math.max(this.#latest, this.#now);
      checks.checkHead(this.#table, this.#modes.maxPending, this.#latest);
      checks.checkKept(this.#table, this.#everStored, this.#publisher.saidGone);
    }
    checks.checkHead(this.#table, this.#modes.maxPending, this.#now);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #holdsEverything(): void {
    // A restored publisher has taken back more than its unsaid changes: nothing can show that.
    const { publisher, jumpy } = this.#modes;
    if (publisher !== "restored" || this.#publisher.neverSaid.length === 0) {
      checks.checkStored(this.#table, this.#publisher);
    }
    if (this.#wasReset) return;
    checks.checkHooksRan(this.#ran, this.#publisher.newest);
    if (!jumpy && publisher !== "cleared" && publisher !== "lying") checks.checkFirstAttempts(this.#ran);
  }

  #effect(): Effect {
    if (!this.#rough || !this.#chance(0.06)) return "ok";
    const effects: readonly Effect[] = ["throttle", "lost_answer", "repeat", "condition", "crash", "crash_after"];
    return effects[Math.floor(this.#random() * effects.length)] ?? "ok";
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
