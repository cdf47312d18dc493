import { callbackBody, type Style } from "./dialect.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import type { Random } from "./random.ts";
import type { Diff, Subscription } from "./subscriptions.ts";
import type { Self, Trusts } from "./trusts.ts";
import { ask, type Answered, type Compression } from "./wire.ts";

/** How one callback is sent; every field left out means: properly. */
export interface SendOptions {
  /** Another bearer; null sends none. */
  bearer?: string | null;
  method?: "POST" | "PUT";
  compress?: Compression;
  /** Sends the place of the diff instead of its data. */
  lowGranularity?: boolean;
  /** Members that replace the honest ones; undefined takes one out. This is how the peer lies. */
  lie?: Record<string, Json | undefined>;
  /** This body instead of any. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

/** The behaviour of the network for a batch of callbacks. Everything random comes from the peer's seed. */
export interface DeliveryOptions extends SendOptions {
  /** Which numbers [everything made]. */
  sequences?: readonly number[];
  /** Numbers that get lost, or the share of them in 0..1. */
  drop?: readonly number[] | number;
  /** How often each is sent [1]. */
  times?: number;
  shuffle?: boolean;
  /** How many are under way at a time [1]. */
  inFlight?: number;
  /** Each waits a random time up to this before it goes out. */
  delayMs?: number;
  /** Called with each answer as it comes. */
  onAnswer?: (answer: Delivered) => void;
}

export interface Delivered {
  sequence: number;
  status: number;
  headers: Record<string, string>;
  body: Json | undefined;
}

/** Sends this peer's callbacks over the network of its options. */
export class Callbacks {
  readonly #self: () => Self;
  readonly #style: Style;
  readonly #trusts: Trusts;
  readonly #random: Random;

  constructor(self: () => Self, style: Style, trusts: Trusts, random: Random) {
    this.#self = self;
    this.#style = style;
    this.#trusts = trusts;
    this.#random = random;
  }

  /** Sends one diff's callback and gives what was answered. */
  async send(subscription: Subscription, diff: Diff, options: SendOptions = {}): Promise<Delivered> {
    const honest = callbackBody(
      this.#style,
      this.#self(),
      subscription,
      diff,
      options.lowGranularity === true ? "low" : subscription.granularity,
    );
    const answer = await this.post(subscription, { ...options, json: withLies(honest, options.lie) });
    return { sequence: diff.sequence, status: answer.status, headers: answer.headers, body: answer.json };
  }

  /** Posts any body to the subscription's callback path with this peer's bearer. */
  post(subscription: Subscription, options: SendOptions & { json?: Json }): Promise<Answered> {
    const trust = this.#trusts.need(subscription.peerId);
    const path = `/callbacks/subscriptions/${this.#self().id}/${subscription.id}`;
    return ask(`${trust.baseUri}${path}`, {
      method: options.method ?? "POST",
      bearer: options.bearer === null ? undefined : (options.bearer ?? trust.secret),
      compress: options.compress,
      headers: { "content-type": "application/json", ...options.headers },
      ...(options.json === undefined ? {} : { json: options.json }),
      ...(options.raw === undefined ? {} : { raw: options.raw }),
      ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    });
  }

  /** Sends a batch as the options say, and gives every answer in the order of sending. */
  async deliver(subscription: Subscription, options: DeliveryOptions = {}): Promise<Delivered[]> {
    const requested = options.sequences ?? [...subscription.made.keys()];
    const kept = requested.filter((sequence) => !this.#lost(sequence, options.drop));
    const copies = kept.flatMap((sequence) => Array.from({ length: options.times ?? 1 }, () => sequence));
    const order = options.shuffle === true ? this.#random.shuffle(copies) : copies;
    const waits = order.map(() => (options.delayMs === undefined ? 0 : this.#random.below(options.delayMs)));
    const answers: Delivered[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let round = next++; round < order.length; round = next++) {
        const diff = subscription.made.get(order[round]!);
        if (!diff) throw new Error(`subscription ${subscription.id} never made ${order[round]}`);
        const wait = waits[round] ?? 0;
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        const answer = await this.send(subscription, diff, options);
        answers[round] = answer;
        options.onAnswer?.(answer);
      }
    };
    await Promise.all(Array.from({ length: options.inFlight ?? 1 }, lane));
    return answers;
  }

  #lost(sequence: number, drop: DeliveryOptions["drop"]): boolean {
    if (drop === undefined) return false;
    return typeof drop === "number" ? this.#random.next() < drop : drop.includes(sequence);
  }
}

function withLies(honest: JsonObject, lie: SendOptions["lie"]): Json {
  if (!lie || !isObject(honest)) return honest;
  const notified = { ...honest };
  for (const [name, value] of Object.entries(lie)) {
    if (value === undefined) delete notified[name];
    else notified[name] = value;
  }
  return notified;
}
