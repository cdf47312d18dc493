/** A consumer group by hand: fetch, acknowledge, and what an operator does. */
import { ServiceError } from "./errors.ts";
import type { ActorEvent } from "./events.ts";
import { queryOf, type Http } from "./http.ts";
import { Worker, type Handler, type RunOptions } from "./worker.ts";

/** What a group is made with; what is left out has the service's default. */
export interface GroupSettings {
  readonly topics: readonly string[];
  readonly types?: readonly string[];
  /** Counts when the group is made [`now`]. */
  readonly from?: string;
  /** How many consumers can work at the same time, 1 to 16 [1]. */
  readonly lanes?: number;
  readonly order?: "key" | "strict";
  readonly leaseSeconds?: number;
  readonly maxAttempts?: number;
  readonly onExhausted?: "park" | "stop";
}

/** The exclusive right to a lane's events, until it ends or is extended. */
export interface Lease {
  readonly lane: number;
  readonly token: string;
  /** ISO 8601. */
  readonly until: string;
}

/** An event that a consumer was given. */
export interface Fetched<Data = unknown> {
  readonly event: ActorEvent<Data>;
  /** 1 for the first. */
  readonly attempt: number;
  readonly lane: number;
}

export interface Batch<Data = unknown> {
  readonly events: readonly Fetched<Data>[];
  readonly leases: readonly Lease[];
  /** Records of the log from where everything is done to the newest one. */
  readonly lag?: number;
  readonly caughtUp: boolean;
  /** Without events: ask again after this long, ms. */
  readonly retryAfterMs?: number;
  /** The service's clock when it answered, ms since 1970, where the answer says so. */
  readonly now?: number;
}

/** `release` gives an event back, and counts no attempt. */
export type Verdict = "ack" | "retry" | "park" | "skip" | "stop" | "release";

export interface AckItem {
  readonly position: string;
  readonly verdict: Verdict;
  /** Of `retry`: not before this many seconds. */
  readonly delaySeconds?: number;
}

export interface Ack {
  readonly token: string;
  /** Acknowledges every event of the lease up to this position. */
  readonly upTo?: string;
  readonly items?: readonly AckItem[];
  /** Lets the lease begin again. */
  readonly extend?: boolean;
  /** Ends the lease. */
  readonly done?: boolean;
}

export interface FetchOptions {
  /** At most 100 [50]. */
  readonly max?: number;
  /** How long the service waits for an event, at most 20 [0]. */
  readonly waitSeconds?: number;
  /** The consumer's name, as an operator sees it. */
  readonly consumer: string;
  readonly signal?: AbortSignal;
}

const JSON_TYPE = { "content-type": "application/json" };

/** A consumer group of one actor. Nothing is sent before a method is called. */
export class Group {
  readonly name: string;
  readonly #http: Http;
  readonly #settings: GroupSettings | undefined;

  constructor(http: Http, name: string, settings?: GroupSettings) {
    this.#http = http;
    this.name = name;
    this.#settings = settings;
  }

  /**
   * Makes the group with its settings, or finds that it has them.
   *
   * @throws ConfigDiffers with the fields, when it has others: `update` changes them
   */
  async declare(): Promise<void> {
    if (this.#settings !== undefined) await this.#put(this.#settings, {});
  }

  /**
   * Gives the group these settings, whatever it has.
   *
   * @throws ConfigDiffers when another writer changed them meanwhile
   */
  async update(settings: GroupSettings): Promise<void> {
    const now = await this.#http.send({ method: "GET", path: this.#path(), isRepeatable: true });
    await now.body?.cancel();
    await this.#put(settings, { "if-match": now.headers.get("etag") ?? "*" });
  }

  /** Whether one event at a time is handled; the service is asked when the group was named without settings. */
  async isStrict(): Promise<boolean> {
    const { order } = this.#settings ?? (await this.status());
    return order === "strict";
  }

  /** Its settings, and where the group stands: floor, newest, lag, lanes with their holders, what is parked. */
  async status(): Promise<Readonly<Record<string, unknown>>> {
    return await this.#http.json({ method: "GET", path: this.#path(), isRepeatable: true });
  }

  /**
   * Leases what lanes are free, and gives their events. Not repeated when its answer is lost: those leases end by time.
   *
   * @throws Held when other consumers have every lane
   */
  async fetch<Data>({ max = 50, waitSeconds = 0, consumer, signal }: FetchOptions): Promise<Batch<Data>> {
    const answer = await this.#http.send({
      method: "POST",
      path: this.#path("/fetch"),
      headers: JSON_TYPE,
      body: JSON.stringify({ max, waitSeconds, consumer }),
      isRepeatable: false,
      waitMs: waitSeconds * 1_000,
      signal,
    });
    const date = Date.parse(answer.headers.get("date") ?? "");
    const now = Number.isNaN(date) ? {} : { now: date };
    if (answer.status !== 204) return { ...((await answer.json()) as Batch<Data>), ...now };
    const retryAfterMs = Number(answer.headers.get("retry-after") ?? 0) * 1_000;
    return { events: [], leases: [], caughtUp: true, retryAfterMs };
  }

  /**
   * Says what became of events. Repeatable: the same verdict again is no change.
   *
   * @throws Fenced when the lease is another consumer's by now: nothing was changed
   */
  async ack(ack: Ack): Promise<Readonly<Record<string, unknown>>> {
    return await this.#post("/ack", ack);
  }

  /** Moves the group to a position, and fences every consumer. */
  async reset(to: string, { lanes }: { readonly lanes?: number } = {}): Promise<void> {
    await this.#post("/reset", { to, lanes });
  }

  /** No consumer is given anything more until `resume`. */
  async pause(): Promise<void> {
    await this.#post("/pause", {});
  }

  async resume(): Promise<void> {
    await this.#post("/resume", {});
  }

  /**
   * Ends the group: no new lease is given. True when the last one ended within this time [0, at most 25]; else the service
   * finishes by and by.
   */
  async drain(drainSeconds = 0): Promise<boolean> {
    const path = this.#path(queryOf({ drainSeconds }));
    try {
      const answer = await this.#http.send({
        method: "DELETE",
        path,
        isRepeatable: true,
        waitMs: drainSeconds * 1_000,
      });
      return answer.status !== 202;
    } catch (error) {
      // An earlier attempt, whose answer was lost, has ended it.
      if (error instanceof ServiceError && error.status === 404) return true;
      throw error;
    }
  }

  /**
   * Works: fetches, calls the handler for each event, acknowledges. Declares the group first when it has settings. Several
   * processes that run the same group share its lanes.
   */
  run<Data = unknown>(handler: Handler<Data>, options: RunOptions = {}): Worker<Data> {
    return new Worker(this, handler, { machine: this.#http.machine, ...options });
  }

  async #put(settings: GroupSettings, headers: Readonly<Record<string, string>>): Promise<void> {
    const body = JSON.stringify(settings);
    const call = { method: "PUT", path: this.#path(), headers: { ...JSON_TYPE, ...headers }, body, isRepeatable: true };
    const answer = await this.#http.send(call);
    await answer.body?.cancel();
  }

  async #post(below: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const call = { method: "POST", path: this.#path(below), headers: JSON_TYPE, isRepeatable: true };
    const answer = await this.#http.send({ ...call, body: JSON.stringify(body) });
    const text = await answer.text();
    return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  }

  #path(below = ""): string {
    return `/groups/${encodeURIComponent(this.name)}${below}`;
  }
}
