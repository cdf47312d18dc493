/** The record of an inbound subscription as docs/delivery-state.md specifies it: its transitions, and who writes it. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { isDelivered, withoutCleared } from "../../../../lib/domain/log/delivery-state.ts";
import type { InboundRef } from "../../../../lib/domain/terms/refs.ts";
import { newLease } from "../../../../lib/dynamodb/lease.ts";
import { CallbackWay } from "../../../../lib/publishing/delivery/callback-way.ts";
import { DeliveryBudget } from "../../../../lib/engine/delivery-budget.ts";
import { deliverAlone } from "../../../../lib/publishing/delivery/lone-delivery.ts";
import { advanceAll } from "../../../../lib/publishing/subscribers/advance-all.ts";
import { DeliverySession, type SessionDeps } from "../../../../lib/publishing/delivery/delivery-session.ts";
import { retryRefused, runRefusedHead } from "../../../../lib/publishing/delivery/refused-heads.ts";
import { TrustCache } from "../../../../lib/publishing/delivery/trust-cache.ts";
import { NO_FAN_OUT } from "../../../../lib/engine/fan-out-result.ts";
import type { InboundHead } from "../../../../lib/publishing/subscribers/inbound-head.ts";
import type { Service } from "../../../../lib/compose/service.ts";
import { DeliveryWorld, type Subscribed } from "../../../integration/delivery/delivery-world.ts";

type State = "absent" | "idle" | "pending" | "leased" | "refused" | "retrying" | "ended";

type Event =
  | "number made"
  | "number made and leased"
  | "leased for everything"
  | "taken"
  | "failed"
  | "put off"
  | "unknown"
  | "gone"
  | "taken alone"
  | "released"
  | "lease over"
  | "due"
  | "asked for again"
  | "resync made"
  | "cleared"
  | "subscribed"
  | "ended in the log"
  | "ended";

/** The columns of the table in docs/delivery-state.md. */
const STATES = ["absent", "idle", "pending", "leased", "refused", "retrying", "ended"] as const;

type Row = Readonly<Record<State, State>>;

const row = (...next: readonly [State, State, State, State, State, State, State]): Row =>
  Object.fromEntries(STATES.map((state, index) => [state, next[index]])) as Row;

/** The table of docs/delivery-state.md. */
const TRANSITIONS: Readonly<Record<Event, Row>> = {
  "number made": row("absent", "pending", "pending", "leased", "refused", "retrying", "ended"),
  "number made and leased": row("absent", "leased", "leased", "leased", "retrying", "retrying", "ended"),
  "leased for everything": row("absent", "leased", "leased", "leased", "retrying", "retrying", "ended"),
  taken: row("absent", "idle", "pending", "idle", "refused", "idle", "ended"),
  failed: row("absent", "idle", "pending", "idle", "refused", "refused", "ended"),
  "put off": row("absent", "idle", "pending", "pending", "refused", "refused", "ended"),
  unknown: row("absent", "idle", "pending", "refused", "refused", "refused", "ended"),
  gone: row("absent", "idle", "pending", "absent", "absent", "absent", "ended"),
  "taken alone": row("absent", "idle", "pending", "leased", "refused", "retrying", "ended"),
  released: row("absent", "idle", "pending", "pending", "refused", "refused", "ended"),
  "lease over": row("absent", "idle", "pending", "pending", "refused", "refused", "ended"),
  due: row("absent", "idle", "pending", "leased", "idle", "retrying", "ended"),
  "asked for again": row("absent", "idle", "pending", "leased", "refused", "retrying", "ended"),
  "resync made": row("absent", "pending", "pending", "leased", "refused", "retrying", "ended"),
  cleared: row("absent", "idle", "idle", "leased", "refused", "retrying", "ended"),
  subscribed: row("idle", "idle", "pending", "leased", "refused", "retrying", "ended"),
  "ended in the log": row("absent", "ended", "ended", "ended", "ended", "ended", "ended"),
  ended: row("absent", "absent", "absent", "absent", "absent", "absent", "absent"),
};

const HOUR_MS = 3_600_000;
const LEASE_MS = 600_000;

/** One subscription of the peer bob, to the whole of an actor's properties, and what works on its head. */
class Stage {
  readonly world: DeliveryWorld;
  readonly service: Service;
  #subscribed: Subscribed;
  /** As it was before it was deleted. */
  #head: InboundHead;
  /** Of the lease that was acquired last. */
  #token = "none";

  private constructor(world: DeliveryWorld, subscribed: Subscribed, head: InboundHead) {
    this.world = world;
    this.service = world.host.service;
    this.#subscribed = subscribed;
    this.#head = head;
  }

  static async in(state: State): Promise<Stage> {
    const world = await DeliveryWorld.begin();
    const subscribed = await world.subscriber("bob");
    await world.set("a", 0);
    // From here on only what a test does sends callbacks.
    world.host.service.fanOut.publish = () => Promise.resolve(NO_FAN_OUT);
    const stage = new Stage(world, subscribed, await world.head(subscribed));
    for (const event of PATHS[state]) await stage.happens(event);
    return stage;
  }

  get #ref(): InboundRef {
    return { actorId: this.world.actor.id, peerId: "bob", id: this.#subscribed.id };
  }

  async head(): Promise<InboundHead> {
    const found = await this.service.inboundHeads.get(this.#ref);
    return (this.#head = found ?? this.#head);
  }

  /** The state as docs/delivery-state.md defines it. */
  async state(): Promise<State> {
    const head = await this.service.inboundHeads.get(this.#ref);
    if (head === undefined) return "absent";
    if (head.state.ended) return "ended";
    if (this.service.cursors.isLeased(head)) return head.refused === undefined ? "leased" : "retrying";
    if (head.refused !== undefined) return "refused";
    return head.state.sequence > withoutCleared(head.delivery, head.state.cleared).tried ? "pending" : "idle";
  }

  async happens(event: Event): Promise<void> {
    const { inbound, refusedHeads } = this.service;
    switch (event) {
      case "number made":
        await this.world.set("a", this.world.host.now++);
        await this.service.cursors.advance(await this.head(), { newest: await this.#newest() });
        return;
      case "number made and leased":
        await this.world.set("a", this.world.host.now++);
        await this.#lease(false);
        return;
      case "leased for everything":
        await this.#lease(true);
        return;
      case "taken alone":
        await this.world.set("a", this.world.host.now++);
        await this.#deliverAlone();
        return;
      case "released":
        await (await this.#session()).end();
        return;
      case "lease over":
        this.world.host.now += LEASE_MS + 60_000;
        return;
      case "due":
        this.world.host.now = Math.max(this.world.host.now, (await this.head()).dueAt ?? 0);
        await runRefusedHead(refusedHeads, this.world.actor.id, this.#ref, { remaining: () => 60_000 });
        return;
      case "asked for again":
        await retryRefused(this.service, await this.head());
        return;
      case "resync made":
        await this.service.cursors.makeResync(await this.head());
        return;
      case "cleared":
        await this.service.cursors.clear(await this.head(), (await this.head()).state.sequence);
        return;
      case "subscribed":
        this.#subscribed = await this.world.subscribe(this.#subscribed.peer);
        return;
      case "ended in the log": {
        const record = { kind: "subscriptions", peerId: "bob", subscriptions: [] } as const;
        await this.service.commits.commit(this.world.actor.id, [], () => ({ records: [record], writes: [] }));
        await this.service.cursors.advance(await this.head(), { newest: await this.#newest(), store: "eager" });
        return;
      }
      case "ended":
        await inbound.end(this.#ref, { notifyPeer: false });
        return;
      default:
        await (await this.#session(event)).deliver();
    }
  }

  async #newest(): Promise<number> {
    return await this.service.changeLog.newest(this.world.actor.id);
  }

  async #lease(always: boolean): Promise<void> {
    const { clock, ids, config, cursors } = this.service;
    const lease = newLease({ clock, ids, incarnation: config.incarnation }, LEASE_MS);
    const options = { newest: await this.#newest(), lease: { ...lease, always } };
    const advanced = await cursors.advance(await this.head(), options);
    if (advanced?.leased === true) this.#token = lease.token;
  }

  /** Sends the number of the newest record as a change does whose request is alone. */
  async #deliverAlone(): Promise<void> {
    const { changeLog, clock, config, trusts } = this.service;
    const [head, from] = [await this.head(), await this.#newest()];
    const { advanced } = await advanceAll(changeLog, [head], from, { carry: true });
    const [ahead, trust] = [advanced[0], await trusts.get(this.world.actor.id, "bob")];
    if (ahead === undefined || trust === undefined) throw new Error("there is nothing to deliver");
    const time = DeliveryBudget.from(clock, 60_000);
    const deps = { ...this.#deps("taken"), cursors: this.service.cursors, incarnation: config.incarnation };
    const alone = { from, until: clock.now(), isMet: () => false };
    await deliverAlone(deps, { head, ahead, alone, trust, time, records: changeLog });
  }

  #deps(answer?: Exclude<Event, "ended">): SessionDeps {
    const { table, clock, log, cursors, breakers, permissions, inbound } = this.service;
    const statuses: Partial<Record<Event, number>> = { taken: 204, unknown: 404, gone: 410, "put off": 503 };
    const status = (answer === undefined ? undefined : statuses[answer]) ?? 500;
    const headers: Record<string, string> = answer === "put off" ? { "retry-after": "30" } : {};
    const http = { send: () => Promise.resolve({ status, headers, body: new Uint8Array() }) };
    const way = { clock, log, http, gzip: false, rootOf: (id: string) => id, plainFromNow: () => Promise.resolve() };
    return {
      table,
      clock,
      log,
      cursors,
      breakers,
      permissions,
      trustCache: new TrustCache({ table, clock }),
      way: new CallbackWay(way),
      timeoutMs: 1_000,
      random: () => 0,
      sleep: () => Promise.resolve(),
      retries: 0,
      refusalMs: 24 * HOUR_MS,
      keepMs: HOUR_MS,
      replayMax: 100,
      wakeHead: () => Promise.resolve(),
      ended: async (head) => {
        await inbound.end(head, { notifyPeer: false });
      },
    };
  }

  /** The session of the holder; of one that holds nothing where no lease was acquired. */
  async #session(answer?: Exclude<Event, "ended">): Promise<DeliverySession> {
    const { clock, trusts } = this.service;
    const trust = await trusts.get(this.world.actor.id, "bob");
    if (trust === undefined) throw new Error("bob has no trust");
    return new DeliverySession(this.#deps(answer), {
      head: await this.head(),
      token: this.#token,
      trust,
      time: DeliveryBudget.from(clock, 60_000),
      records: this.service.changeLog,
      everything: true,
    });
  }
}

/** How a stage gets into a state, from idle with one delivered number. */
const PATHS: Readonly<Record<State, readonly Event[]>> = {
  absent: ["ended"],
  idle: [],
  pending: ["number made"],
  leased: ["number made and leased"],
  refused: ["number made and leased", "unknown"],
  retrying: ["number made and leased", "unknown", "lease over", "leased for everything"],
  ended: ["number made", "ended in the log"],
};

const EVENTS = Object.keys(TRANSITIONS) as Event[];

/** The events that only the holder of the lease brings about, and the end. */
const BY_HOLDER: ReadonlySet<Event> = new Set(["taken", "failed", "put off", "unknown", "gone", "released", "ended"]);

describe.each(STATES)("a subscription that is %s", (state) => {
  it("is so at the start of each transition", async () => {
    const stage = await Stage.in(state);
    expect(await stage.state()).toBe(state);
  });

  it.each(EVENTS.map((event) => [event, TRANSITIONS[event][state]] as const))(
    "after the event '%s' is %s",
    async (event, next) => {
      const stage = await Stage.in(state);
      const before = await stage.head();
      await stage.happens(event);
      expect(await stage.state()).toBe(next);
      const after = await stage.head();
      // Invariants 3, 5 and 8 of docs/delivery-state.md.
      expect(after.refused === undefined).toBe(after.dueAt === undefined);
      if (!BY_HOLDER.has(event)) expect(after.lease?.token ?? before.lease?.token).toBe(after.lease?.token);
      if (after.id === before.id) expect(after.delivery.tried).toBeGreaterThanOrEqual(before.delivery.tried);
    },
  );
});

it("keeps what was delivered, and what was tried, through every event but the end", async () => {
  const stage = await Stage.in("pending");
  for (const event of EVENTS.filter((each) => each !== "ended" && each !== "gone" && each !== "ended in the log")) {
    const { delivery: before } = await stage.head();
    await stage.happens(event);
    const { delivery: after, state } = await stage.head();
    const numbers = Array.from({ length: state.sequence }, (_, index) => index + 1).slice(state.cleared);
    expect(numbers.filter((number) => isDelivered(before, number) && !isDelivered(after, number))).toEqual([]);
  }
});

const LIB = fileURLToPath(new URL("../../../../lib", import.meta.url));
const OWNER = "publishing/subscribers/inbound-head.ts";
/** A write of a head's key, or of one of the attributes that only a head has. */
const WRITES = [
  /\b(?:update|put|delete)(?:If)?(?:\(|: )[^;]{0,60}\b(?:inboundHeadKey|headKey)\(/,
  /\b(?:set|add): \{[^}]*\b(?:delivery|refused|renewed|acknowledgedAt|sequence)\b/,
  /\bremove: \[[^\]]*"(?:delivery|refused|renewed|acknowledgedAt)"/,
];

it("nothing but inbound-head.ts spells an attribute of a head in a write", () => {
  const sources = readdirSync(LIB, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.startsWith("receiving/"),
  );
  const writing = sources.filter((name) => {
    const source = readFileSync(join(LIB, name), "utf8");
    return WRITES.some((write) => write.test(source));
  });
  expect(writing).toEqual([OWNER]);
});
