/** Where a schedule is played: instances of the service, peers, a table, a clock, and a scheduler that lets one step happen at a time. */
import { hashMinted } from "../../../lib/actors/passphrase.ts";
import { readConfig } from "../../../lib/system/config.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { isServiceError } from "../../../lib/system/errors.ts";
import type { Service } from "../../../lib/compose/service.ts";
import type { Reply } from "../../../lib/http/reply.ts";
import { isTransient } from "../../../lib/http/transient.ts";
import type { DelayedWork, FoundWork, Json, PeerAnswer, PeerRequest } from "../../../lib/system/ports.ts";
import type { Effect } from "../faulty-table.ts";
import { MemoryTable } from "../memory-table.ts";
import { Scheduler, seeded, settled } from "../simulation/scheduler.ts";
import * as checks from "./checks.ts";
import { Deliveries } from "./deliveries.ts";
import { begun, Instance } from "./instance.ts";
import { Ledger } from "./ledger.ts";
import { ModelPeer, MOODS, REFUSING } from "./model-peer.ts";
import { checkPlaces, slices } from "./places.ts";
import { planOf, type Plan } from "./plan.ts";
import { StoredHeads } from "./stored-heads.ts";
import { VirtualTime } from "./virtual-time.ts";
import { LOG_SK } from "../../../lib/dynamodb/keys/publishing.ts";
import { watched } from "./watched-table.ts";
import { trustKey } from "../../../lib/dynamodb/keys/actors.ts";
import { ACTOR, Violation } from "./violation.ts";

/** Breaks one thing on purpose, to show that the simulation would see it. */
export type Sabotage = (table: Table) => Table;

/** The actor's owner. */
export const OWNER = `Basic ${Buffer.from("creator:passphrase").toString("base64")}`;
export const PASSPHRASE_HASH = hashMinted("passphrase");

export interface StageOptions {
  readonly sabotage?: Sabotage;
  /** Keeps what happens in `trace`. */
  readonly tracing?: boolean;
  /** Breaks the service of an instance. */
  readonly spoil?: ((service: Service) => void) | undefined;
  /** Only schedules of peers and subscriptions that do not take their callbacks. */
  readonly troubled?: boolean;
  /** Only schedules with pauses between changes. */
  readonly paced?: boolean;
}

/** Everything a schedule needs to run, and the checks after each of its steps. */
export class Stage {
  readonly plan: Plan;
  readonly table = new MemoryTable();
  readonly ledger = new Ledger();
  readonly peers: readonly ModelPeer[];
  readonly time = new VirtualTime(Date.UTC(2026, 0, 1));
  readonly random: () => number;
  /** What happened, to explain a schedule that failed. */
  readonly trace: string[] = [];
  /** The marks of changes that were answered with success since the last step. */
  readonly acknowledged: string[] = [];
  readonly #tracing: boolean;
  readonly #scheduler: Scheduler;
  readonly #config: ReturnType<typeof readConfig>;
  readonly #sabotaged: Table;
  readonly #spoil: StageOptions["spoil"];
  readonly #deliveries: Deliveries;
  /** The delay queue. */
  readonly messages: { readonly work: DelayedWork | FoundWork; readonly arrivesAt: number }[] = [];
  readonly #heads: StoredHeads;
  #instances: Instance[] = [];
  readonly #lost = new Set<string>();
  /** Faults happen; for a plan that wants them, until the schedule ends. */
  rough: boolean;
  /** Pieces of work under way. */
  running = 0;
  #ids = 0;
  #failure: { readonly error: unknown } | undefined;
  /** The table's writes that the heads, and those that the deliveries, were held against: without another, both hold still. */
  #followed = -1;
  #watched = -1;

  constructor(seed: number, options: StageOptions = {}) {
    const { sabotage = (table) => table, tracing = false, spoil, troubled = false, paced = false } = options;
    this.random = seeded(seed);
    this.#scheduler = new Scheduler(this.random);
    const now = (): number => this.time.now;
    const seen = (error: Violation): void => {
      this.#failure ??= { error };
    };
    this.#sabotaged = sabotage(watched(this.table, now, seen));
    this.#spoil = spoil;
    this.#tracing = tracing;
    this.plan = planOf(this.random, { troubled, paced });
    this.rough = this.plan.rough;
    this.#config = readConfig({
      ...{ BASE_URL: "https://us.example", TABLE_NAME: "t", CALLBACK_MODE: this.plan.async ? "async" : "sync" },
      ...this.plan.environment,
    });
    this.#deliveries = new Deliveries(this.table, this.plan, this.ledger);
    const begunOf = (key: string): number => this.#deliveries.begunOf(key);
    this.#heads = new StoredHeads(this.table, this.ledger, { begunOf, retentionMs: this.plan.retentionMs });
    const world = {
      ask: async (route: string, params: Readonly<Record<string, string>>, asking: Parameters<Instance["ask"]>[2]) =>
        await this.ask(route, params, asking),
      received: (peer: ModelPeer, id: string, sequence: number, said: Parameters<typeof checks.checkReceived>[4]) => {
        this.#follow();
        // To a peer whose trust goes meanwhile nothing is shown of any number.
        const trust = this.table.itemAt(trustKey(ACTOR, peer.id));
        const gone = trust === undefined || trust["ending"] === true;
        if (gone && JSON.stringify(said) === '{"data":{},"overwritten":[]}') return;
        checks.checkReceived(this.ledger, peer.id, id, sequence, said, begun.getStore() ?? 0);
      },
      clears: (peer: ModelPeer, id: string, upTo: number) => {
        this.#heads.askedToClear(peer.id, id, upTo);
      },
      newest: (peer: ModelPeer, id: string) => this.ledger.line(peer.id, id)?.entries.length ?? 0,
      step: async () => {
        await this.#scheduler.step();
      },
      launch: (work: () => Promise<void>) => {
        this.launch(work);
      },
      pause: async (ms: number) => {
        await new Promise<void>((resolve) => globalThis.setTimeout(resolve, ms));
      },
      chance: (probability: number) => this.chance(probability),
      random: () => this.random(),
      now: () => this.time.now,
    };
    this.peers = Array.from(
      { length: this.plan.peers },
      (_, index) => new ModelPeer(`p${String(index + 1)}`, world, index !== 1),
    );
  }

  /** A request of the owner. */
  async own(route: string, params: Readonly<Record<string, string>> = {}, json?: Json): Promise<Reply | undefined> {
    return await this.ask(
      route,
      { actorId: ACTOR, ...params },
      { auth: OWNER, ...(json === undefined ? {} : { json }) },
    );
  }

  /** A request to some instance; undefined when the instance dies during it. */
  async ask(
    route: string,
    params: Readonly<Record<string, string>>,
    asking: Parameters<Instance["ask"]>[2],
  ): Promise<Reply | undefined> {
    const instance = this.#instance();
    const call = async (): Promise<Reply> => await instance.ask(route, params, asking);
    this.note(`ask ${route} ${JSON.stringify(params)} ${textOf(asking.json)}`);
    const answer = await Promise.race([begun.run(this.ledger.newest, call), instance.death]);
    if (answer === "dead") return undefined;
    this.note(
      `  ${String(answer.status)} to ${route} ${answer.status >= 400 && answer.body !== undefined ? String(answer.body) : ""}`,
    );
    return answer;
  }

  /** Work that runs beside all other work. */
  launch(work: () => Promise<void>): void {
    this.running += 1;
    begun
      .run(this.ledger.newest, work)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.running -= 1;
      })
      .catch(() => undefined);
  }

  /** Work that no request began, in some instance. */
  async scheduler(work: (instance: Instance) => Promise<void>): Promise<void> {
    const instance = this.#instance();
    this.ledger.working += 1;
    try {
      await Promise.race([work(instance), instance.death]);
    } catch (error) {
      if (!isInjected(error)) throw error;
    } finally {
      this.ledger.working -= 1;
      this.ledger.workedUpTo = this.ledger.newest;
    }
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  note(line: string): void {
    if (this.#tracing) this.trace.push(line);
  }

  /** One of the living instances, or a new one. */
  #instance(): Instance {
    this.#instances = this.#instances.filter(({ dead }) => !dead);
    const index = Math.floor(this.random() * this.plan.instances);
    const known = this.#instances[index];
    if (known !== undefined) return known;
    const instance = new Instance({
      table: this.#sabotaged,
      config: this.#config,
      now: () => this.time.now,
      id: () => this.#id(),
      step: async () => {
        await this.#scheduler.step();
      },
      effect: () => this.#effect(),
      send: async (request) => await this.#send(request),
      message: (work) => {
        const asWide = work.sk === LOG_SK && this.chance(0.3);
        for (const each of asWide ? slices(work, this.ledger.newest) : [work]) this.#put(each, work.dueAt);
      },
      found: (messages) => {
        for (const { work, delaySeconds } of messages) {
          const arrivesAt = this.time.now + delaySeconds * 1_000;
          this.#put(work, arrivesAt);
          if (this.rough && this.chance(0.1)) this.#put(work, arrivesAt + Math.floor(this.random() * 300_000));
        }
      },
      depth: () => ({
        waiting: this.messages.filter(({ arrivesAt }) => arrivesAt <= this.time.now).length,
        inFlight: this.chance(0.5) ? 0 : 1,
      }),
      note: (line) => {
        this.note(line);
      },
      log: (level, message, error) => {
        this.note(`${level} ${message} ${String(error ?? "")}`);
        if (level === "error" && error !== undefined && !isInjected(error)) this.#failure ??= { error };
      },
    });
    this.#spoil?.(instance.services);
    this.#instances.push(instance);
    return instance;
  }

  async #send(request: PeerRequest): Promise<PeerAnswer> {
    const peer = this.peers.find(({ baseUri }) => request.url.startsWith(`${baseUri}/`));
    if (peer === undefined) throw new Violation(`Something was sent to ${request.url}.`);
    this.note(`  > ${peer.id} (${peer.mood}) ${request.method} ${request.url} ${textOf(request.json)}`);
    const end = this.#deliveries.begin(peer, request, this.time.now);
    try {
      return await peer.receive(request);
    } finally {
      end();
    }
  }

  /** One step that waits, or some scheduled work; false when no step waits. */
  async round(): Promise<boolean> {
    const due = this.messages.findIndex((message) => message.arrivesAt <= this.time.now);
    if (due >= 0 && this.chance(0.3)) this.#takeMessage(due);
    let gone = true;
    if (this.time.fire()) await settled();
    else if (!(await this.#scheduler.pick())) {
      const { next } = this.time;
      if (next === undefined) gone = false;
      else this.time.now = Math.max(this.time.now, next);
    }
    this.#observe();
    return gone;
  }

  /** Longer than records are kept; the table deletes some of what has expired. */
  async outlast(): Promise<void> {
    // No request lasts as long.
    for (const instance of this.#instances) instance.kill();
    this.time.now += this.plan.retentionMs;
    const expired = this.table.all().filter(({ ttl }) => typeof ttl === "number" && ttl * 1_000 <= this.time.now);
    await this.table.deleteMany(expired.filter(() => this.chance(0.7)));
  }

  /** Every message that is due arrives. */
  runMessages(): void {
    for (let index = this.messages.length - 1; index >= 0; index -= 1) {
      if ((this.messages[index]?.arrivesAt ?? 0) <= this.time.now) this.#takeMessage(index);
    }
  }

  #takeMessage(index: number): void {
    const [message] = this.messages.splice(index, 1);
    if (message === undefined) return;
    this.launch(async () => {
      await this.scheduler(async (instance) => await instance.take(message.work));
    });
  }

  /** Puts a message into the queue, unless it gets lost. */
  #put(work: DelayedWork | FoundWork, arrivesAt: number): void {
    if (!(this.rough && this.chance(0.3))) this.messages.push({ work, arrivesAt });
  }

  #observe(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#follow();
    if (this.#watched !== this.table.writes) {
      for (const peer of this.peers) this.#deliveries.watch(peer, this.time.now);
      this.#watched = this.table.writes;
    }
    for (const mark of this.acknowledged.splice(0)) {
      if (!this.ledger.recorded.has(mark))
        throw new Violation(`The change ${mark} was acknowledged and is not in the log (P1).`);
    }
  }

  /** Takes in what the last step has written. */
  #follow(): void {
    if (this.#followed === this.table.writes) return;
    this.#followed = this.table.writes;
    const { newest } = this.ledger;
    checks.absorbRecords(this.table, this.ledger);
    for (const record of this.ledger.records.slice(newest)) {
      // A peer that is granted other places than before reads them: no diff carries what was there already.
      if (record.kind === "permissions") this.peers.find(({ id }) => id === record.peerId)?.readAnew();
      if (record.kind === "subscriptions") this.#checkLost(record.peerId, record.subscriptions);
    }
    if (this.ledger.records.slice(newest).some(({ kind }) => kind === "subscriptions"))
      checkPlaces(this.table, this.ledger);
    this.#heads.follow(this.time.now);
  }

  /** No subscription ends but by its peer's word, or because it is unknown to the peer for as long as records are kept. */
  #checkLost(peerId: string, left: readonly { readonly id: string }[]): void {
    const peer = this.peers.find(({ id }) => id === peerId);
    for (const [key, { who }] of this.ledger.ended) {
      if (this.#lost.has(key) || who.peerId !== peerId || left.some(({ id }) => id === who.id)) continue;
      this.#lost.add(key);
      if (peer?.mayLose(who.id, this.plan.retentionMs - 1) !== true)
        throw new Violation(`${key}: it was ended, and its peer never said so.`);
    }
  }

  /** Some seconds, or past every lease. */
  passTime(): void {
    const step = this.plan.jumpy && this.chance(0.4) ? 70_000 : Math.floor(this.random() * 4_000);
    this.time.now += step;
    this.note(`time passes: ${String(step)}`);
  }

  /** Runs all work that can continue to its end. */
  async quiet(): Promise<void> {
    for (let steps = 0; await this.round(); steps += 1) {
      if (steps > 20_000) throw new Violation("Some work never ends.");
    }
  }

  /** Runs something until it and everything else is done. */
  async alone(work: () => Promise<void>): Promise<void> {
    this.launch(work);
    await this.quiet();
    if (this.running > 0) throw new Violation("Something waits for ever.");
  }

  #id(): string {
    this.#ids += 1;
    return String(this.#ids).padStart(32, "0").split("").reverse().join("");
  }

  #effect(): Effect {
    if (!this.rough || !this.chance(0.05)) return "ok";
    const effects: readonly Effect[] = [
      "throttle",
      "lost_answer",
      "repeat",
      "condition",
      "conflict",
      "crash",
      "crash_after",
    ];
    return effects[Math.floor(this.random() * effects.length)] ?? "ok";
  }

  /** One of the peer's subscriptions is answered in its own way from now on, or as the others again. */
  changeOddity(peer: ModelPeer): void {
    const ids = [...peer.subscriptions.keys()];
    const id = ids[Math.floor(this.random() * ids.length)];
    if (id === undefined || id === peer.stubborn) return;
    if (this.chance(0.35)) {
      peer.odd.delete(id);
      return;
    }
    const refusing = REFUSING[Math.floor(this.random() * REFUSING.length)] ?? "unknown";
    peer.odd.set(id, refusing);
    if (this.plan.stubborn && peer.stubborn === undefined && refusing !== "gone") peer.stubborn = id;
  }

  /** Every peer a mood of its own, or none. */
  changeMood(peer: ModelPeer): void {
    peer.mood = this.chance(0.5) ? "well" : (MOODS[Math.floor(this.random() * MOODS.length)] ?? "well");
  }
}

/** An error that a fault of the table has led to. */
function isInjected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const busy = isServiceError(error) && error.status === 503;
  return busy || error.name === "InjectedFault" || isTransient(error) || isInjected(error.cause);
}

const textOf = (json: Json | undefined): string => (json === undefined ? "" : JSON.stringify(json));
