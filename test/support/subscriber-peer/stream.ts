import { isObject, sameJson, type Json, type JsonObject } from "../publisher/json.ts";
import { ask } from "../publisher/wire.ts";
import { afterDiff, type ListDepth } from "./copy.ts";
import type { SubscriberPeer } from "./peer.ts";
import { plainState } from "./plain-state.ts";

/** How long to wait for a publisher that cannot give its state now. */
const AGAIN_MS = 100;

export interface StreamScope {
  readonly target: string;
  readonly subtarget?: string;
  readonly resource?: string;
  readonly granularity: "high" | "low" | "none";
}

/** The content of one number, whichever way it was read. */
export interface Notified {
  readonly sequence: number;
  readonly resync: boolean;
  readonly data: Json | undefined;
  readonly overwritten: readonly string[] | undefined;
}

/**
 * One subscription as its subscriber sees it: numbers in any order become a copy in the order of the numbers. Everything
 * that contradicts the contract is written down in `faults`, never thrown, so that a test can continue and check it.
 */
export class Stream {
  readonly id: string;
  readonly scope: StreamScope;
  /** Every number ever received, with its first content. */
  readonly notified = new Map<number, Notified>();
  /** Numbers in order of arrival by callback, repetitions included. */
  readonly arrivals: number[] = [];
  /** What the publisher got wrong. */
  readonly faults: string[] = [];
  /** The copy at every number that was passed one by one; undefined where nothing was at the place. */
  readonly history = new Map<number, Json | undefined>();
  #copy: Json | undefined;
  #last = 0;
  readonly #peer: SubscriberPeer;
  readonly #numbersOnly: boolean;
  readonly #waiting = new Map<number, Notified>();
  /** One thing after another changes the copy. */
  #round: Promise<unknown> = Promise.resolve();

  constructor(peer: SubscriberPeer, id: string, scope: StreamScope, numbersOnly: boolean) {
    this.#peer = peer;
    this.id = id;
    this.scope = scope;
    this.#numbersOnly = numbersOnly;
    this.#copy = scope.subtarget === undefined ? {} : undefined;
    this.history.set(0, this.#copy);
  }

  /** The copy after number `last`. */
  get copy(): Json | undefined {
    return this.#copy;
  }

  /** Everything up to this number is in the copy. */
  get last(): number {
    return this.#last;
  }

  /** The subscription at the publisher. */
  get path(): string {
    return `/subscriptions/${this.#peer.id}/${this.id}`;
  }

  /**
   * Takes a callback. False when what it points at could not be fetched: then nothing was taken. A little later it is in
   * the copy, as far as nothing before it is missing.
   */
  async take(body: JsonObject): Promise<boolean> {
    const sequence = Number(body["sequence"]);
    if (!Number.isInteger(sequence) || sequence < 1) this.faults.push(`no number: ${JSON.stringify(body)}`);
    for (const [field, own] of [
      ["id", this.#peer.publisher.id],
      ["subscriptionid", this.id],
      ["target", this.scope.target],
    ] as const) {
      if (body[field] !== own) this.faults.push(`${sequence}: ${field} is ${JSON.stringify(body[field])}`);
    }
    if (typeof body["timestamp"] !== "string" || !/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/.test(body["timestamp"])) {
      this.faults.push(`${sequence}: timestamp ${JSON.stringify(body["timestamp"])}`);
    }
    this.arrivals.push(sequence);
    const notified = notifiedOf(body, sequence);
    const url = body["url"];
    if (notified.resync || notified.data !== undefined || typeof url !== "string") {
      // The callback is noted, so it is accepted; the state is read later, in its place in the order.
      this.#soon([notified]);
      return true;
    }
    if (!url.startsWith(`${this.#peer.publisher.uri}/`)) this.faults.push(`${sequence}: url ${url}`);
    const fetched = await ask(url, { bearer: this.#peer.secret });
    if (fetched.status !== 200 || !isObject(fetched.json)) return false;
    if (fetched.json["data"] === undefined) this.faults.push(`${sequence}: nothing at ${url}`);
    this.#soon([notifiedOf(fetched.json, sequence)]);
    return true;
  }

  /** What the publisher still has, all pages: the newest number it ever made, and every entry. */
  async poll(limit?: number): Promise<{ newest: number; entries: Notified[] }> {
    const entries: Notified[] = [];
    let after = 0;
    for (;;) {
      const query = new URLSearchParams({
        after: String(after),
        ...(limit === undefined ? {} : { limit: String(limit) }),
      });
      const answer = await this.#peer.ask("GET", `${this.path}?${query.toString()}`);
      if (answer.status !== 200 || !isObject(answer.json)) throw new Error(`poll: ${answer.status} ${answer.text}`);
      const { data, next, sequence } = answer.json;
      if (!Array.isArray(data)) throw new Error(`poll without data: ${answer.text}`);
      for (const one of data) entries.push(notifiedOf(one as JsonObject, Number((one as JsonObject)["sequence"])));
      if (next === undefined) return this.#checked(Number(sequence), entries);
      after = Number(next);
    }
  }

  /** One number as the publisher gives it, or undefined when it is cleared or was never made. */
  async single(sequence: number): Promise<Notified | undefined> {
    const answer = await this.#peer.ask("GET", `${this.path}/${sequence}`);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200 || !isObject(answer.json)) throw new Error(`single: ${answer.status} ${answer.text}`);
    return notifiedOf(answer.json, sequence);
  }

  /** Says that everything up to the number is here. */
  async clear(sequence: number): Promise<number> {
    return (await this.#peer.ask("PUT", this.path, { json: { sequence } })).status;
  }

  /** Asks for what was missed and applies it. Gives the publisher's newest number. */
  async catchUp(): Promise<number> {
    const { newest, entries } = await this.poll();
    await this.#hear(entries);
    return newest;
  }

  /** Replaces the copy by the publisher's state and continues from that answer's position. Gives the position. */
  baseline(): Promise<number> {
    return this.#inOrder(() => this.#readState());
  }

  /**
   * The publisher's state of this scope and its position; asked again while it cannot give them. The copy
   * stays as it is.
   */
  async look(times = 20): Promise<{ position: number; state: Json | undefined }> {
    const { target, subtarget, resource } = this.scope;
    const path = [target, subtarget, resource].filter((part) => part !== undefined).join("/");
    const answer = await this.#peer.ask("GET", `/${path}${subtarget === undefined ? "?format=full" : ""}`, {
      headers: { "x-actingweb-subscription": this.id },
    });
    const { status, headers, text, json } = answer;
    if (status === 503 && headers["retry-after"] !== undefined && times > 1) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      return await this.look(times - 1);
    }
    if (status !== 200 && status !== 404) throw new Error(`state: ${status} ${text}`);
    const position = Number(headers["x-actingweb-sequence"] ?? Number.NaN);
    if (!Number.isInteger(position)) this.faults.push(`a state without position: ${JSON.stringify(headers)}`);
    if (status === 404) return { position, state: undefined };
    return { position, state: subtarget === undefined ? plainState(json) : valueOf(answer) };
  }

  /** Numbers that were never received, below the newest received one or up to `newest`. */
  gaps(newest = Math.max(0, ...this.notified.keys(), ...this.arrivals)): number[] {
    const seen = new Set([...this.notified.keys(), ...this.arrivals]);
    return Array.from({ length: newest }, (_, index) => index + 1).filter((number) => !seen.has(number));
  }

  /** The holes that no resync stands for: the first number received after them is a diff, or there is none. */
  unexplainedGaps(newest?: number): number[] {
    const seen = [...this.notified.values()].toSorted((one, other) => one.sequence - other.sequence);
    return this.gaps(newest).filter((gap) => seen.find(({ sequence }) => sequence > gap)?.resync !== true);
  }

  #checked(newest: number, entries: Notified[]): { newest: number; entries: Notified[] } {
    const numbers = entries.map(({ sequence }) => sequence);
    if (numbers.some((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0)))
      this.faults.push(`poll not ascending: ${numbers.join()}`);
    if (numbers.some((number) => number > newest)) this.faults.push(`poll beyond ${newest}: ${numbers.join()}`);
    return { newest, entries };
  }

  #soon(some: readonly Notified[]): void {
    this.#hear(some).catch((error: unknown) => this.faults.push(String(error)));
  }

  #hear(some: readonly Notified[]): Promise<void> {
    if (this.#numbersOnly) return Promise.resolve();
    for (const notified of some) this.#compare(notified);
    return this.#inOrder(async () => {
      for (const notified of some) if (notified.sequence > this.#last) this.#waiting.set(notified.sequence, notified);
      // A resync stands for everything before it, whatever is missing there.
      const resync = Math.max(0, ...[...this.#waiting.values()].filter((one) => one.resync).map((one) => one.sequence));
      if (resync > 0) await this.#readState(resync);
      for (let next = this.#next(); next; next = this.#next()) {
        this.#waiting.delete(next.sequence);
        this.#apply(next);
      }
    });
  }

  #next(): Notified | undefined {
    return this.#waiting.get(this.#last + 1);
  }

  #apply({ sequence, data, overwritten }: Notified): void {
    try {
      if (data !== undefined) this.#copy = afterDiff(this.#copy, { data, overwritten }, this.#lists);
      if (this.#copy === undefined && this.scope.subtarget === undefined) this.#copy = {};
    } catch (error) {
      this.faults.push(`${sequence}: ${(error as Error).message}`);
    }
    this.#last = sequence;
    this.history.set(sequence, this.#copy);
  }

  get #lists(): ListDepth {
    if (this.scope.target !== "properties") return "nowhere";
    if (this.scope.subtarget === undefined) return 1;
    return this.scope.resource === undefined ? 0 : "nowhere";
  }

  /** A number says one thing for ever; permissions may empty it, and a resync's state is as new as its reading. */
  #compare(notified: Notified): void {
    const first = this.notified.get(notified.sequence);
    if (first === undefined) this.notified.set(notified.sequence, notified);
    else if (first.resync !== notified.resync) this.faults.push(`${notified.sequence}: once a resync, once not`);
    else if (!notified.resync && !sameJson(first.data, notified.data))
      this.faults.push(`${notified.sequence}: ${JSON.stringify(first.data)} became ${JSON.stringify(notified.data)}`);
  }

  async #readState(atLeast = 0): Promise<number> {
    const { position, state } = await this.look();
    if (position < atLeast) this.faults.push(`a state of ${position} after number ${atLeast}`);
    this.#copy = state;
    this.#last = Math.max(position, atLeast);
    this.history.set(this.#last, state);
    for (const number of this.#waiting.keys()) if (number <= this.#last) this.#waiting.delete(number);
    return this.#last;
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const round = this.#round.then(work);
    this.#round = round.catch(() => undefined);
    return round;
  }
}

const valueOf = (answer: { json: Json | undefined; text: string; headers: Record<string, string> }): Json =>
  (answer.headers["content-type"] ?? "").startsWith("text/plain") ? answer.text : (answer.json ?? null);

function notifiedOf(body: JsonObject, sequence: number): Notified {
  const overwritten = body["overwritten"];
  return {
    sequence,
    resync: body["type"] === "resync",
    data: body["data"],
    overwritten: Array.isArray(overwritten) ? overwritten.map(String) : undefined,
  };
}
