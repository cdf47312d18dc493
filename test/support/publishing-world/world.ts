/** One random schedule of the publishing side, and what must hold during and after it. */
import { actorItem } from "../../../lib/actors/actor-record.ts";
import { hashMinted } from "../../../lib/actors/passphrase.ts";
import { readConfig } from "../../../lib/config.ts";
import type { Item, Table } from "../../../lib/dynamodb/table.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import type { Reply } from "../../../lib/http/reply.ts";
import { isTransient } from "../../../lib/http/transient.ts";
import type { DelayedWork, Json, PeerAnswer, PeerRequest } from "../../../lib/ports.ts";
import { TrustStore } from "../../../lib/trust/trust-store.ts";
import type { Fate } from "../faulty-table.ts";
import { MemoryTable } from "../memory-table.ts";
import { Scheduler, seeded, settled } from "../simulation/scheduler.ts";
import * as checks from "./checks.ts";
import { Deliveries } from "./deliveries.ts";
import { begun, Instance } from "./instance.ts";
import { Ledger, RELATIONSHIP } from "./ledger.ts";
import { ModelPeer, MOODS } from "./model-peer.ts";
import { planOf } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { inVirtualTime, VirtualTime } from "./virtual-time.ts";
import { ACTOR, Violation } from "./violation.ts";

/** Breaks one thing on purpose, to show that the simulation would see it. */
export type Sabotage = (table: Table) => Table;

const MINUTE = 60_000;
const OWNER = `Basic ${Buffer.from("creator:passphrase").toString("base64")}`;
const PASSPHRASE_HASH = hashMinted("passphrase");

export class PublishingWorld {
  readonly plan: Plan;
  readonly table = new MemoryTable();
  readonly ledger = new Ledger();
  readonly peers: readonly ModelPeer[];
  readonly time = new VirtualTime(Date.UTC(2026, 0, 1));
  readonly random: () => number;
  /** What happened, for whoever looks into a schedule that failed. */
  readonly trace: string[] = [];
  /** The marks of changes that were answered with success since the last step. */
  readonly acknowledged: string[] = [];
  readonly #tracing: boolean;
  readonly #scheduler: Scheduler;
  readonly #config: ReturnType<typeof readConfig>;
  readonly #sabotaged: Table;
  readonly #deliveries: Deliveries;
  readonly #messages: DelayedWork[] = [];
  readonly #seen = new Map<string, Item>();
  #instances: Instance[] = [];
  #rough: boolean;
  #running = 0;
  #ids = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    seed: number,
    { sabotage = (table) => table, tracing = false }: { sabotage?: Sabotage; tracing?: boolean } = {},
  ) {
    this.random = seeded(seed);
    this.#scheduler = new Scheduler(this.random);
    this.#sabotaged = sabotage(this.table);
    this.#tracing = tracing;
    this.plan = planOf(this.random);
    this.#rough = this.plan.rough;
    this.#config = readConfig({
      ...{ BASE_URL: "https://us.example", TABLE_NAME: "t", CALLBACK_MODE: this.plan.async ? "async" : "sync" },
      ...this.plan.environment,
    });
    this.#deliveries = new Deliveries(this.table, this.ledger, this.plan);
    const world = {
      ask: async (route: string, params: Readonly<Record<string, string>>, asking: Parameters<Instance["ask"]>[2]) =>
        await this.ask(route, params, asking),
      told: (peer: ModelPeer, id: string, sequence: number, said: Parameters<typeof checks.checkTold>[4]) => {
        checks.checkTold(this.ledger, peer.id, id, sequence, said, begun.getStore() ?? 0);
      },
      newest: (peer: ModelPeer, id: string) => this.ledger.line(peer.id, id)?.told.length ?? 0,
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
    };
    this.peers = Array.from({ length: this.plan.peers }, (_, index) => new ModelPeer(`p${String(index + 1)}`, world));
  }

  /** Plays the schedule to its end. @throws Violation */
  async play(): Promise<void> {
    await inVirtualTime(this.time, this.random, async () => {
      await this.#setUp();
      for (const act of this.plan.acts) {
        this.note(`act ${act.what}`);
        this.launch(async () => {
          await act.run(this);
        });
        while (this.chance(0.75) && (await this.#turn()));
        if (this.#rough && this.chance(this.plan.jumpy ? 0.2 : 0.05)) this.#passTime();
      }
      while (this.#running > 0 && (await this.#turn())) if (this.chance(0.02)) this.#passTime();
      await this.#comeToRest();
      await this.#catchUp();
      for (const peer of this.peers)
        for (const each of peer.subscriptions.values()) checks.checkCopy(this.ledger, peer, each);
      await this.#leaveNothing();
    });
  }

  async #setUp(): Promise<void> {
    const createdAt = this.time.now;
    const actor = { id: ACTOR, creator: "creator", passphraseHash: PASSPHRASE_HASH, passphraseBits: 160, createdAt };
    await this.table.put(actorItem(actor), always);
    const trusts = new TrustStore(this.table);
    for (const { id, baseUri, secret } of this.peers) {
      await trusts.create({
        ...{ actorId: ACTOR, peerId: id, baseUri, type: "urn:peer", relationship: RELATIONSHIP, secret, desc: "" },
        ...{ approved: true, peerApproved: true, verified: true, verificationToken: "v", createdAt, revision: 1 },
        ending: false,
      });
    }
  }

  /** A request of the owner. */
  async own(route: string, params: Readonly<Record<string, string>> = {}, json?: Json): Promise<Reply | undefined> {
    return await this.ask(
      route,
      { actorId: ACTOR, ...params },
      { auth: OWNER, ...(json === undefined ? {} : { json }) },
    );
  }

  /** A request to some instance; undefined when it dies over it. */
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

  /** Something that goes on beside everything else. */
  launch(work: () => Promise<void>): void {
    this.#running += 1;
    begun
      .run(this.ledger.newest, work)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running -= 1;
      })
      .catch(() => undefined);
  }

  /** Work that no request began, in some instance. */
  async clockwork(work: (instance: Instance) => Promise<void>): Promise<void> {
    const instance = this.#instance();
    try {
      await Promise.race([work(instance), instance.death]);
    } catch (error) {
      if (!isInjected(error)) throw error;
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
      fate: () => this.#fate(),
      send: async (request, isDead) => await this.#send(request, isDead),
      message: (work) => {
        if (!(this.#rough && this.chance(0.3))) this.#messages.push(work);
      },
      note: (line) => {
        this.note(line);
      },
      log: (level, message, error) => {
        this.note(`${level} ${message} ${String(error ?? "")}`);
        if (level === "error" && error !== undefined && !isInjected(error)) this.#failure ??= { error };
      },
    });
    this.#instances.push(instance);
    return instance;
  }

  async #send(request: PeerRequest, isDead: () => boolean): Promise<PeerAnswer> {
    const peer = this.peers.find(({ baseUri }) => request.url.startsWith(`${baseUri}/`));
    if (peer === undefined) throw new Violation(`Something was sent to ${request.url}.`);
    this.note(`  > ${peer.id} (${peer.mood}) ${request.method} ${request.url} ${textOf(request.json)}`);
    const end = this.#deliveries.begin(peer, request, isDead);
    try {
      return await peer.receive(request);
    } finally {
      end();
    }
  }

  /** One step of somebody, or something of the clockwork; false when nobody waits. */
  async #turn(): Promise<boolean> {
    const due = this.#messages.findIndex((message) => message.dueAt <= this.time.now);
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

  #takeMessage(index: number): void {
    const [work] = this.#messages.splice(index, 1);
    if (work === undefined) return;
    this.launch(async () => {
      await this.clockwork(async (instance) => await instance.take(work));
    });
  }

  #observe(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    checks.absorbRecords(this.table, this.ledger);
    checks.followHeads(this.table, this.ledger, this.#seen);
    for (const mark of this.acknowledged.splice(0)) {
      if (!this.ledger.marks.has(mark))
        throw new Violation(`The change ${mark} was acknowledged and is not in the log (P1).`);
    }
  }

  #passTime(): void {
    const step = this.plan.jumpy && this.chance(0.2) ? 70_000 : Math.floor(this.random() * 4_000);
    this.time.now += step;
    this.note(`time passes: ${String(step)}`);
  }

  /** No more faults, every peer is well: the sweep comes by every minute until nothing is left to do. */
  async #comeToRest(): Promise<void> {
    this.#rough = false;
    for (const peer of this.peers) peer.mood = "well";
    for (const at of this.ledger.suspensions) {
      const place = `${at.target}${at.subtarget === undefined ? "" : "/{subtarget}"}`;
      const path = place.replace(at.target, "{target}");
      await this.#alone(async () => {
        await this.own(`DELETE /{actorId}/suspensions/${path}`, { ...at });
      });
    }
    let left: string | undefined = "not looked";
    for (let round = 0; round < 60 && left !== undefined; round += 1) {
      while (this.#messages.length > 0 && (this.#messages[0]?.dueAt ?? 0) <= this.time.now) this.#takeMessage(0);
      await this.#alone(async () => {
        await this.clockwork(async (instance) => await instance.sweep());
      });
      left = round < 2 ? "not looked twice" : checks.unrest(this.table, this.ledger, this.time.now);
      this.time.now += MINUTE;
      this.note(`a minute passes: ${String(left)}`);
    }
    if (left !== undefined) throw new Violation(`Never came to rest: ${left} (P3, P4, P5).`);
  }

  /** Every peer takes stock and brings its copies up to date. */
  async #catchUp(): Promise<void> {
    for (const peer of this.peers) {
      await this.#alone(async () => {
        if (!(await peer.takeStock())) return;
        for (const subscription of peer.subscriptions.values()) {
          for (let tries = 0; tries < 3; tries += 1) await peer.recover(subscription);
        }
      });
    }
  }

  /** Delivered, cleared, and looked after: then nothing of the traffic is stored any more. */
  async #leaveNothing(): Promise<void> {
    for (const peer of this.peers) {
      await this.#alone(async () => {
        for (const each of [...peer.subscriptions.values()]) await peer.clear(each);
      });
    }
    for (let round = 0; round < 3; round += 1) {
      this.time.now += 10 * MINUTE;
      await this.#alone(async () => {
        await this.clockwork(async (instance) => await instance.sweep());
      });
    }
    const { lines } = this.ledger;
    if (lines.size > 0 && this.plan.strict) checks.checkTrimmed(this.table, this.ledger);
  }

  /** Runs something until it and everything else is done. */
  async #alone(work: () => Promise<void>): Promise<void> {
    this.launch(work);
    for (let steps = 0; await this.#turn(); steps += 1) {
      if (steps > 20_000) throw new Violation("Something goes on for ever.");
    }
    if (this.#running > 0) throw new Violation("Something waits for ever.");
  }

  #id(): string {
    this.#ids += 1;
    return String(this.#ids).padStart(32, "0").split("").reverse().join("");
  }

  #fate(): Fate {
    if (!this.#rough || !this.chance(0.05)) return "ok";
    const fates: readonly Fate[] = [
      "throttle",
      "lost_answer",
      "repeat",
      "condition",
      "conflict",
      "crash",
      "crash_after",
    ];
    return fates[Math.floor(this.random() * fates.length)] ?? "ok";
  }

  /** Every peer a mood of its own, or none. */
  changeMood(peer: ModelPeer): void {
    peer.mood = this.chance(0.5) ? "well" : (MOODS[Math.floor(this.random() * MOODS.length)] ?? "well");
  }
}

/** An error that a fault of the table has led to. */
function isInjected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "InjectedFault" || isTransient(error) || isInjected(error.cause);
}

const textOf = (json: Json | undefined): string => (json === undefined ? "" : JSON.stringify(json));
