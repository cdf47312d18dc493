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
import type { DelayedWork, PeerRequest } from "../../../lib/ports.ts";
import { stalePartOf } from "../../../lib/receiving/stale-parts.ts";
import { STATE_PIECES } from "../../../lib/receiving/state-replacement.ts";
import { OutboundSubscriptions } from "../../../lib/subscriptions/outbound-subscriptions.ts";
import type { OutboundDeps } from "../../../lib/subscriptions/outbound-subscriptions.ts";
import { FaultyTable } from "../faulty-table.ts";
import type { Fate } from "../faulty-table.ts";
import { MemoryTable } from "../memory-table.ts";
import { RemoteActor } from "../../../lib/peers/remote-actor.ts";
import { RemotePublisher } from "../../../lib/peers/remote-publisher.ts";
import { ModelPublisher, ROOT, textOf } from "./model-publisher.ts";
import type { Change } from "./model-publisher.ts";
import { anyAnswer } from "./publisher-faults.ts";
import type { Answered } from "./publisher-faults.ts";
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
  /** The same by change: two may have one number. */
  readonly #taken = new Set<Change>();
  readonly #sabotage: Sabotage;
  /** Faults happen, instances crash, messages get lost. */
  #rough: boolean;
  /** Clocks jump over claims: instances freeze past them. */
  readonly #jumpy: boolean;
  readonly #positioned: boolean;
  readonly #together: boolean;
  readonly #maxPending: number;
  readonly #resets: boolean;
  /** The owner deletes the stream's state somewhere in the middle. */
  readonly #clears: boolean;
  /** The publisher gives some numbers to two changes. */
  readonly #twins: boolean;
  /** It is restored from a backup somewhere in the middle, and counts on from there. */
  readonly #restores: boolean;
  /** Some values cannot be read until they are mended. */
  readonly #unreadable: boolean;
  /** It answers any status to any read. */
  readonly #lies: boolean;
  /** A state takes several runs. */
  readonly #large: boolean;
  #now = Date.UTC(2026, 0, 1);
  #ids = 0;
  #running = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Names that something was held under. */
  readonly #everHeld = new Set<string>();
  /** Numbers whose meaning may differ: the publisher began anew. */
  #wasReset = false;

  constructor(seed: number, sabotage: Sabotage = (table) => table) {
    this.#random = seeded(seed);
    this.#scheduler = new Scheduler(this.#random);
    this.#sabotage = sabotage;
    this.#rough = this.#chance(0.7);
    this.#jumpy = this.#rough && this.#chance(0.3);
    this.#positioned = this.#chance(0.5);
    this.#together = this.#chance(0.5);
    this.#maxPending = this.#chance(0.3) ? 2 : 100;
    this.#resets = this.#chance(0.08);
    this.#clears = !this.#resets && this.#chance(0.1);
    const odd = this.#resets || this.#clears ? 1 : this.#random();
    this.#twins = odd < 0.25 && !this.#positioned;
    this.#restores = odd >= 0.25 && odd < 0.4;
    this.#unreadable = odd >= 0.4 && odd < 0.55;
    this.#lies = odd >= 0.55 && odd < 0.7;
    this.#large = this.#chance(0.3);
  }

  /** Plays the schedule to its end. @throws Violation */
  async play(): Promise<void> {
    await this.#subscribe();
    const backupAt = Math.floor(this.#random() * 6);
    let backup = this.#publisher.backup();
    const changes = Array.from({ length: 1 + Math.floor(this.#random() * 6) }, (_, index) => {
      if (index === backupAt) backup = this.#publisher.backup();
      return this.#change();
    });
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
    const plain = !this.#clears && !this.#twins && !this.#unreadable && !this.#lies;
    if (smooth && plain && changes.every(({ sequence }) => this.#acknowledged.has(sequence))) {
      checks.checkDone(this.#table, this.#publisher.newest, this.#ran);
    }
    if (this.#rough && this.#chance(0.6)) await this.#recoverInTrouble();
    if (this.#resets) await this.#startAnew();
    if (this.#restores) await this.#restore(backup);
    if (this.#unreadable) await this.#deliverAll(this.#publisher.mend(), 0.5);
    await this.#comeToRest();
    if (this.#lies) await this.#readAnew();
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
    return this.#publisher.change(this.#random, {
      lists: !this.#clears,
      twin: this.#twins && this.#chance(0.4),
      unreadable: this.#unreadable && this.#chance(0.4),
    });
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
      publishers: () => Promise.resolve(this.#port(step)),
      senders: {
        look: () => Promise.resolve({ actor: true, trust: { digest: DIGEST, approved: true } }),
        approvedCheck: () => ({ check: { pk: "TRUST", sk: "TRUST" }, condition: itemMissing }),
      },
      data: () => new PlainData(table),
      state: () => Promise.resolve(null),
      openTo: () => Promise.resolve(undefined),
      forgotten: { again: () => Promise.resolve({ is: "lost" }), ended: () => Promise.resolve() },
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
        pieces: this.#large ? { places: 1, bytes: 1, noteEvery: 2, leastMs: 28_000 } : STATE_PIECES,
      },
    });
    return { receiving, table };
  }

  /** The publisher over HTTP, through the very readers of the service. */
  #port(step: () => Promise<void>): RemotePublisher {
    const http = this.#publisher.http({
      ...{ positioned: this.#positioned, together: this.#together, step },
      fault: (request) => this.#fault(request),
    });
    return new RemotePublisher(new RemoteActor({ http, baseUri: ROOT, ourId: "actor" }));
  }

  #fault(request: PeerRequest): Answered | undefined {
    if (!this.#rough) return undefined;
    if (this.#lies) return this.#chance(0.3) ? anyAnswer(request, this.#publisher, this.#random) : undefined;
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
      const answer = await receiving.receiver.receive(sender, { body }, this.#deadline());
      if (isUnreadable) throw new Violation("An unreadable callback was taken.");
      this.#acknowledged.add(change.sequence);
      this.#taken.add(change);
      if (!this.#wasReset && !this.#clears) checks.checkAcknowledged(this.#table, this.#acknowledged);
      return answer.status;
    } catch (error) {
      // What is valid is only ever put off.
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
    checks.checkKept(this.#table, this.#everHeld, this.#publisher.saidGone);
    if (this.#failure !== undefined) throw this.#failure.error;
    return picked;
  }

  async #look(receiving: Receiving): Promise<void> {
    await this.#tolerant(async () => {
      await receiving.dueStreams.look(KEY, this.#deadline());
    });
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

  /** Recoveries while things still go wrong, and the publisher still changes: due ones, and such that a person asks for. */
  async #recoverInTrouble(): Promise<void> {
    for (let round = 0; round < 6; round += 1) {
      this.#now += Math.floor(this.#random() * 20_000);
      const kind = (["catch_up", "refresh", "resync"] as const)[Math.floor(this.#random() * 9)];
      this.#launch(async (receiving) => {
        await this.#tolerant(async () => {
          if (kind === undefined) await receiving.dueStreams.look(KEY, this.#deadline());
          else await receiving.recovery.run(KEY, { kind }, this.#deadline());
        });
      });
      if (this.#chance(0.4)) await this.#deliverAll([this.#change()], 0.6);
      while (this.#running > 0 && (await this.#turn())) {
        if (this.#large && this.#chance(0.1)) this.#now += Math.floor(this.#random() * 2_000);
      }
    }
  }

  async #tolerant(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isServiceError(error) && !(error instanceof Error && error.name === "InjectedFault")) throw error;
    }
  }

  /** The publisher is what it was at its last backup, makes new changes under numbers that it has used, and sends them. */
  async #restore(backup: ReturnType<ModelPublisher["backup"]>): Promise<void> {
    // Numbers that the copy contains without knowing their content look like any other: nothing could tell.
    if (this.#positioned && headIn(this.#table).digests.includes("-")) return;
    this.#wasReset = true;
    this.#publisher.restore(backup);
    this.#acknowledged.clear();
    const changes = Array.from({ length: 1 + Math.floor(this.#random() * 4) }, () => this.#change());
    await this.#deliverAll(changes, 0.7);
  }

  async #deliverAll(changes: readonly Change[], probability: number): Promise<void> {
    for (const change of this.#shuffled(changes)) {
      if (!this.#chance(probability)) continue;
      this.#launch(async (receiving) => {
        await this.#deliver(receiving, change);
      });
    }
    while (this.#running > 0 && (await this.#turn()));
  }

  /** As a person asks for it: whatever was said meanwhile, the state is what counts. */
  async #readAnew(): Promise<void> {
    const { receiving } = this.#instance();
    this.#running += 1;
    const read = receiving.recovery.run(KEY, { kind: "refresh" }, this.#deadline()).finally(() => {
      this.#running -= 1;
    });
    await this.#drainSteps();
    await read;
    await this.#comeToRest();
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
      !head.contradicted &&
      parkedIn(this.#table) === 0
    );
  }

  async #sweep(receiving: Receiving): Promise<void> {
    const head = headIn(this.#table);
    if (head.dueAt !== undefined && head.dueAt <= this.#now) await receiving.dueStreams.look(KEY, this.#deadline());
    for (const item of this.#table.all().filter((each) => each.sk.startsWith(parkedPrefix()))) {
      const part = stalePartOf(item);
      if (part !== undefined) {
        if (part.status === "parked") await receiving.staleReads.again(part, this.#deadline(), true);
        else await receiving.staleReads.look(item, this.#deadline());
        continue;
      }
      const parked = await receiving.parked.at(item);
      // What was begun too often stays for a person, who replays it here.
      const replayed = parked?.status === "parked" || (parked?.dueAt !== undefined && parked.dueAt <= this.#now);
      if (parked !== undefined && replayed) await receiving.hooks.again(parked);
    }
  }

  async #resendMissing(): Promise<void> {
    for (const change of this.#publisher.changes) {
      // A number sent again by a publisher that began anew is the only sign of it: that one is always repeated.
      const isOdd = this.#wasReset || this.#twins;
      if (isOdd ? this.#taken.has(change) : this.#acknowledged.has(change.sequence) || this.#chance(0.5)) continue;
      this.#launch(async (receiving) => {
        await this.#deliver(receiving, change);
      });
      await this.#drainSteps();
    }
  }

  async #drainSteps(): Promise<void> {
    await settled();
    while (await this.#scheduler.pick()) {
      checks.checkHead(this.#table, this.#maxPending);
      checks.checkKept(this.#table, this.#everHeld, this.#publisher.saidGone);
    }
    checks.checkHead(this.#table, this.#maxPending);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #holdsEverything(): void {
    checks.checkStored(this.#table, this.#publisher);
    if (this.#wasReset) return;
    checks.checkTold(this.#ran, this.#publisher.newest);
    if (!this.#jumpy && !this.#clears && !this.#lies) checks.checkFirstAttempts(this.#ran);
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
