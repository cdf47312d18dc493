/** A well-behaved subscriber of the simulated publisher, whose network and moods are not. */
import { sameJson } from "../../../lib/domain/json/canonical-json.ts";
import type { NamedScope } from "../../../lib/domain/diff/change-record.ts";
import { isObject } from "../../../lib/domain/json/json.ts";
import { placeOf, type Scope } from "../../../lib/domain/terms/scope.ts";
import type { Reply } from "../../../lib/http/reply.ts";
import {
  PeerFailure,
  type Json,
  type JsonObject,
  type PeerAnswer,
  type PeerRequest,
} from "../../../lib/system/ports.ts";
import { RELATIONSHIP } from "./ledger.ts";
import { Subscription, type Said } from "./peer-subscription.ts";
import { ACTOR, Violation } from "./violation.ts";

/** How the peer takes what is sent to it, or the callbacks of one subscription. */
export type Mood = "well" | "hangs" | "loses answers" | "unreachable" | Refusing;
export const MOODS: readonly Mood[] = ["refuses", "busy", "later", "unknown", "hangs", "loses answers", "unreachable"];

/** The moods in which it answers callbacks with another status than 2xx. */
export type Refusing = "refuses" | "busy" | "later" | "too many" | "unknown" | "unknown later" | "gone";
export const REFUSING: readonly Refusing[] = [
  ...(["unknown", "unknown", "unknown later", "gone", "later", "too many", "refuses"] as const),
];
/** `later`: with one of the times below. */
const ANSWERS: Readonly<Record<Refusing, { readonly status: number; readonly later?: true }>> = {
  refuses: { status: 500 },
  busy: { status: 429, later: true },
  later: { status: 503, later: true },
  "too many": { status: 429 },
  unknown: { status: 404 },
  "unknown later": { status: 404, later: true },
  gone: { status: 410 },
};
/** Seconds. */
const RETRY_AFTER: readonly number[] = [1, 7, 40, 600];
const isRefusing = (mood: Mood): mood is Refusing => mood in ANSWERS;

/** What a peer needs of the world around it. */
export interface PeerWorld {
  /** A request to the publisher; undefined when no answer came. */
  readonly ask: (
    route: string,
    params: Readonly<Record<string, string>>,
    asking: {
      readonly auth: string;
      readonly json?: Json;
      readonly headers?: Record<string, string>;
      readonly query?: string;
    },
  ) => Promise<Reply | undefined>;
  /** Compares what was received with the log. @throws Violation */
  readonly received: (peer: ModelPeer, id: string, sequence: number, said: Said) => void;
  /** A request to clear goes out. */
  readonly clears: (peer: ModelPeer, id: string, upTo: number) => void;
  /** The newest number that the subscription has; 0 when it is not known. */
  readonly newest: (peer: ModelPeer, id: string) => number;
  readonly step: () => Promise<void>;
  readonly launch: (work: () => Promise<void>) => void;
  readonly pause: (ms: number) => Promise<void>;
  readonly chance: (probability: number) => boolean;
  readonly random: () => number;
  readonly now: () => number;
}

const SUBSCRIPTION = "/{actorId}/subscriptions/{peerId}/{subscriptionId}";

export class ModelPeer {
  readonly id: string;
  readonly secret: string;
  mood: Mood = "well";
  /** Whether it says that it can take a resync. */
  readonly knowsResync: boolean;
  readonly subscriptions = new Map<string, Subscription>();
  /** Subscriptions whose callbacks it answers in their own way, by id. */
  readonly odd = new Map<string, Refusing>();
  /** The one of them that stays so for good. */
  stubborn: string | undefined;
  /** Its owner has closed its breaker: then a pause may end before its time. */
  closedByHand = false;
  /** Callbacks that failed in a way that is the peer's, and not one subscription's. */
  failures = 0;
  /** Subscriptions that it may lose: those that it has left or called ended, and when it denied one first. */
  readonly left = new Set<string>();
  readonly deniedAt = new Map<string, number>();
  /** By scope: counts the beginnings and ends of requests for callbacks. */
  readonly #asks = new Map<string, number>();
  #saysGoodbye = false;
  /** Requests to this peer under way. */
  inFlight = 0;
  readonly #world: PeerWorld;

  constructor(id: string, world: PeerWorld, knowsResync: boolean) {
    this.knowsResync = knowsResync;
    this.id = id;
    this.secret = `secret-of-${id}`.padEnd(40, "x");
    this.#world = world;
  }

  get baseUri(): string {
    return `https://${this.id}.example/${this.id}`;
  }

  /** Takes one request of the publisher. */
  async receive(request: PeerRequest): Promise<PeerAnswer> {
    const { mood } = this;
    if (mood !== "well" && mood !== "unknown") this.failures += 1;
    if (mood === "unreachable") throw new PeerFailure("unreachable", "The peer does not answer.");
    if (mood === "hangs") {
      await this.#world.pause(request.timeoutMs ?? 10_000);
      throw new PeerFailure("timeout", "No answer came.");
    }
    const id = subscriptionOf(request);
    const refusing = isRefusing(mood) ? mood : id === undefined ? undefined : this.odd.get(id);
    if (refusing !== undefined) return this.#refuse(refusing, id);
    const answer = await this.#take(request);
    if (answer.status >= 300) this.failures += 1;
    if (mood === "loses answers") throw new PeerFailure("unreachable", "The connection broke.");
    return answer;
  }

  #refuse(refusing: Refusing, id: string | undefined): PeerAnswer {
    const { status, later } = ANSWERS[refusing];
    if (status !== 404 && status !== 410) this.failures += 1;
    if (id !== undefined && status === 404 && !this.deniedAt.has(id)) this.deniedAt.set(id, this.#world.now());
    if (id !== undefined && status === 410) {
      this.left.add(id);
      this.subscriptions.delete(id);
    }
    const seconds = RETRY_AFTER[Math.floor(this.#world.random() * RETRY_AFTER.length)];
    const headers: Record<string, string> = later === true ? { "retry-after": String(seconds) } : {};
    return { ...reply(status), headers };
  }

  async #take(request: PeerRequest): Promise<PeerAnswer> {
    const { pathname } = new URL(request.url);
    const [, , kind, what, leaf, id] = pathname.split("/");
    if (kind === "meta" && leaf === "supported") {
      const supported = this.knowsResync ? "subscriptions,subscriptionresync" : "subscriptions";
      return { status: 200, headers: { "content-type": "text/plain" }, body: Buffer.from(supported) };
    }
    if (kind !== "callbacks" || what !== "subscriptions" || id === undefined)
      return reply(kind === "callbacks" ? 204 : 404);
    if (request.credentials?.bearer !== this.secret) throw new Violation("A callback carries another bearer.");
    const body = request.json;
    if (request.method !== "POST" || !isObject(body ?? null)) return reply(204);
    return await this.#callback(id, body as JsonObject);
  }

  async #callback(id: string, body: JsonObject): Promise<PeerAnswer> {
    const sequence = Number(body["sequence"]);
    const subscription = this.subscriptions.get(id) ?? this.#adopt(id, body);
    if (body["subscriptionid"] !== id || body["id"] !== ACTOR)
      throw new Violation(`A callback names ${JSON.stringify(body)}.`);
    let said: Said;
    if (body["type"] === "resync") said = "resync";
    else if (body["data"] === undefined) {
      const fetched = await this.#fetch(subscription, sequence);
      if (fetched === undefined) return reply(503);
      said = fetched;
    } else said = { data: body["data"], overwritten: body["overwritten"] as readonly string[] };
    if (body["type"] === "resync" || body["data"] !== undefined) this.#world.received(this, id, sequence, said);
    return this.#arrive(subscription, sequence, said);
  }

  /** Of low granularity: what the number says is to be fetched before it is acknowledged. */
  async #fetch(subscription: Subscription, sequence: number): Promise<Said | undefined> {
    const params = { ...this.#params(subscription.id), sequence: String(sequence) };
    const answer = await this.#ask(`GET ${SUBSCRIPTION}/{sequence}`, params);
    if (answer?.status === 404 && sequence <= subscription.last) return "resync";
    if (answer?.status !== 200) return undefined;
    const said = entryOf(jsonOf(answer) as JsonObject);
    this.#world.received(this, subscription.id, sequence, said);
    return said;
  }

  #arrive(subscription: Subscription, sequence: number, said: Said): PeerAnswer {
    if (sequence <= subscription.last) return reply(200);
    subscription.keep(sequence, said);
    if (subscription.busy) return reply(202);
    subscription.drain();
    if (subscription.isStale || subscription.pending.size > 0) this.requestRecovery(subscription);
    return reply(201);
  }

  /** Some time later the backlog or the state is read, as after a gap. */
  requestRecovery(subscription: Subscription): void {
    if (subscription.busy || !this.#world.chance(0.5)) return;
    this.#world.launch(async () => {
      await this.recover(subscription);
    });
  }

  /** Brings a subscription up to date: from the backlog when that has no hole, else from the state. */
  async recover(subscription: Subscription): Promise<void> {
    if (subscription.busy) return;
    subscription.busy = true;
    try {
      const polled = await this.#poll(subscription);
      if (polled && subscription.isStale) await this.#readState(subscription);
      subscription.drain();
    } finally {
      subscription.busy = false;
    }
  }

  /** False when nothing could be read. */
  async #poll(subscription: Subscription): Promise<boolean> {
    const answer = await this.#ask(`GET ${SUBSCRIPTION}`, this.#params(subscription.id));
    if (answer?.status === 404 || answer?.status === 410) {
      this.subscriptions.delete(subscription.id);
      return false;
    }
    if (answer?.status !== 200) return false;
    const body = jsonOf(answer) as { sequence: number; data: JsonObject[]; next?: number };
    subscription.polled = body.sequence;
    const numbers = body.data.map((entry) => Number(entry["sequence"]));
    if (numbers.some((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0))) {
      throw new Violation(`${this.id}/${subscription.id}: a poll lists ${numbers.join()}.`);
    }
    for (const entry of body.data) {
      const sequence = Number(entry["sequence"]);
      const said = entryOf(entry);
      this.#world.received(this, subscription.id, sequence, said);
      subscription.keep(sequence, said);
    }
    subscription.drain();
    if (body.next === undefined && subscription.last < body.sequence) {
      // The backlog has a hole: what is missing was cleared by time.
      subscription.stale += 1;
    }
    if (body.next === undefined && this.#world.chance(0.5)) await this.clear(subscription);
    return true;
  }

  /** Lets the publisher forget what is here. */
  async clear(subscription: Subscription): Promise<boolean> {
    const json = { sequence: subscription.last };
    this.#world.clears(this, subscription.id, subscription.last);
    const answer = await this.#ask(`PUT ${SUBSCRIPTION}`, this.#params(subscription.id), { json });
    if (answer !== undefined && answer.status === 400)
      throw new Violation(`${this.id}: clearing ${String(subscription.last)} is refused.`);
    return answer?.status === 204;
  }

  async #readState(subscription: Subscription): Promise<void> {
    const { stale } = subscription;
    const newest = this.#world.newest(this, subscription.id);
    const [name, ...path] = placeOf(subscription.scope);
    if (subscription.scope.target !== "properties") {
      // There is no state to read: what is newest is all there is.
      subscription.read = stale;
      subscription.last = Math.max(subscription.last, subscription.polled);
      return;
    }
    const headers = { "x-actingweb-subscription": subscription.id };
    const answer =
      name === undefined
        ? await this.#ask("GET /{actorId}/properties", { actorId: ACTOR }, { query: "format=full", headers })
        : path.length === 0
          ? await this.#ask("GET /{actorId}/properties/{name}", { actorId: ACTOR, name }, { headers })
          : await this.#ask(
              "GET /{actorId}/properties/{name}/{path+}",
              { actorId: ACTOR, name, path: path.join("/") },
              { headers },
            );
    if (answer === undefined || (answer.status !== 200 && answer.status !== 404)) return;
    const position = answer.headers["x-actingweb-sequence"];
    // The publisher cannot give a position while others keep writing: a later read has it.
    if (position === undefined) return;
    const sequence = Number(position);
    if (sequence < newest)
      throw new Violation(
        `${this.id}/${subscription.id}: state at ${position}, though ${String(newest)} was made before (P6).`,
      );
    subscription.copy.replace(answer.status === 404 ? undefined : plain(jsonOf(answer)));
    subscription.read = stale;
    // Numbers that came meanwhile and are part of what was read go with it.
    subscription.last = Math.max(subscription.last, sequence);
  }

  /** Subscribes, or subscribes again with another granularity. */
  async subscribe(scope: Scope, granularity: NamedScope["granularity"]): Promise<void> {
    const json = {
      target: scope.target,
      subtarget: scope.subtarget ?? null,
      resource: scope.resource ?? null,
      granularity,
    };
    const there = (): Subscription | undefined =>
      [...this.subscriptions.values()].find(({ scope: other }) => sameJson({ ...other }, { ...scope }));
    const key = JSON.stringify(scope);
    const asks = (): number => this.#asks.get(key) ?? 0;
    const ask = (callbacks: Exclude<NamedScope["granularity"], "none">): void => {
      this.#asks.set(key, asks() + 1);
      there()?.narrow(callbacks);
    };
    const before = asks();
    // Whether the request has its effect or not: an answer that is lost leaves the peer to think so.
    if (granularity !== "none") ask(granularity);
    const answer = await this.#ask(
      "POST /{actorId}/subscriptions/{peerId}",
      { actorId: ACTOR, peerId: this.id },
      { json },
    );
    if (granularity !== "none") ask(granularity);
    if (answer?.status !== 201) return;
    const id = String((jsonOf(answer) as JsonObject)["subscriptionid"]);
    const known = this.subscriptions.get(id) ?? this.#adopt(id, scope);
    known.changeTo(granularity);
    // Which of the two the publisher has served last is not known.
    if (granularity === "none" && asks() !== before) known.narrow("high");
    await this.recover(known);
  }

  /** Its copies hold less, or more, than it may see. */
  readAnew(): void {
    for (const subscription of this.subscriptions.values()) subscription.stale += 1;
  }

  /** Ends a subscription. */
  async leave(subscription: Subscription): Promise<void> {
    this.left.add(subscription.id);
    const answer = await this.#ask(`DELETE ${SUBSCRIPTION}`, this.#params(subscription.id));
    if (answer?.status === 204 || answer?.status === 404) this.subscriptions.delete(subscription.id);
  }

  /** Ends the trust, and with it everything. */
  async goodbye(): Promise<void> {
    this.#saysGoodbye = true;
    const params = { actorId: ACTOR, relationship: RELATIONSHIP, peerId: this.id };
    await this.#ask("DELETE /{actorId}/trust/{relationship}/{peerId}", params);
  }

  /** What makes it right that one of its subscriptions ends; undefined when nothing does. */
  mayLose(id: string, after: number): boolean {
    const denied = this.deniedAt.get(id);
    return this.#saysGoodbye || this.left.has(id) || (denied !== undefined && this.#world.now() - denied >= after);
  }

  /** Learns of the subscriptions it has without knowing, for the answer to a request was lost. */
  async takeStock(): Promise<boolean> {
    const answer = await this.#ask("GET /{actorId}/subscriptions/{peerId}", { actorId: ACTOR, peerId: this.id });
    if (answer?.status !== 200) return false;
    const { data } = jsonOf(answer) as { data: JsonObject[] };
    for (const each of data) {
      const known =
        this.subscriptions.get(String(each["subscriptionid"])) ?? this.#adopt(String(each["subscriptionid"]), each);
      known.changeTo(each["granularity"] as NamedScope["granularity"]);
    }
    return true;
  }

  #adopt(id: string, scope: JsonObject | Scope): Subscription {
    const text = (value: unknown): string | undefined =>
      typeof value === "string" && value !== "" ? value : undefined;
    const { subtarget, resource } = scope as Record<string, unknown>;
    const own: Scope = {
      target: String(scope["target" as keyof typeof scope]),
      ...(text(subtarget) === undefined ? {} : { subtarget: String(subtarget) }),
      ...(text(resource) === undefined ? {} : { resource: String(resource) }),
    };
    const made = new Subscription(`${this.id}/${id}`, id, own);
    this.subscriptions.set(id, made);
    return made;
  }

  #params(id: string): Record<string, string> {
    return { actorId: ACTOR, peerId: this.id, subscriptionId: id };
  }

  async #ask(
    route: string,
    params: Record<string, string>,
    more: { readonly json?: Json; readonly headers?: Record<string, string>; readonly query?: string } = {},
  ): Promise<Reply | undefined> {
    return await this.#world.ask(route, params, { auth: `Bearer ${this.secret}`, ...more });
  }
}

/** The subscription that a callback is of; undefined for other requests. */
function subscriptionOf({ url }: PeerRequest): string | undefined {
  const [, , kind, what, , id] = new URL(url).pathname.split("/");
  return kind === "callbacks" && what === "subscriptions" ? id : undefined;
}

const reply = (status: number): PeerAnswer => ({ status, headers: {}, body: new Uint8Array() });

function entryOf(entry: JsonObject): Said {
  if (entry["type"] === "resync") return "resync";
  return { data: entry["data"] ?? null, overwritten: (entry["overwritten"] ?? []) as readonly string[] };
}

/** The body of an answer. */
export function jsonOf(answer: Reply): Json {
  const text = answer.body === undefined ? "" : Buffer.from(answer.body).toString();
  return answer.headers["content-type"]?.startsWith("text/plain") === true ? text : (JSON.parse(text) as Json);
}

/** Properties as they are read, lists as arrays. */
export function plain(value: Json): Json {
  if (!isObject(value)) return value;
  if (value["_list"] === true) return value["items"] ?? [];
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name,
      isObject(part) && part["_list"] === true ? (part["items"] ?? []) : part,
    ]),
  );
}
