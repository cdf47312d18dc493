/** A consumer group: fetching and acknowledging by hand, and its administration. */
import { compact } from "./compact.ts";
import { ServiceError } from "./errors.ts";
import type { ActorEvent } from "./events.ts";
import type { Answer, Http } from "./http.ts";
import type { Schemas } from "./routes.ts";
import type { Handler, RunOptions } from "./consuming.ts";
import { Worker } from "./worker.ts";

/** The settings of a group. Settings that are left out have the service's defaults. */
export type GroupSettings = Schemas["GroupSettings"];
/** The status of a group: its settings, floor, newest position, lag, lanes and parked events. */
export type GroupStatus = Schemas["Group"];
/** The status of a group over all actors: its `lag` counts actors, and `parkedAt` names those with parked events. */
export type RootGroupStatus = Schemas["RootGroup"];
/** The exclusive right to events of a lane, for a time that can be extended. */
export type Lease = Schemas["Lease"];
/** An acknowledgement: the verdicts on events of a lease. */
export type Ack = Schemas["Ack"];
export type AckItem = NonNullable<Ack["items"]>[number];
export type Verdict = AckItem["verdict"];
/** The answer to an acknowledgement: the outcome of each verdict, and the leases that are left. */
export type Acknowledged = Schemas["Acknowledged"];
/** An event that a consumer has fetched. */
export type Fetched<Data = unknown> = Schemas["Fetched"] & { readonly event: ActorEvent<Data> };

export interface Batch<Data = unknown> {
  readonly events: readonly Fetched<Data>[];
  readonly leases: readonly Lease[];
  /**
   * How many records lie between the floor, up to which everything is done, and the newest; undefined: there was nothing to
   * fetch.
   */
  readonly lag?: number;
  readonly caughtUp: boolean;
  /** Without events: ask again after this long, ms. */
  readonly retryAfterMs?: number;
  /** The service's time of the answer, ms since 1970; undefined: the answer does not say it. */
  readonly now?: number;
}

export interface FetchOptions {
  /** Most events, at most 100 [50]. */
  readonly max?: number;
  /** How long the service waits for an event, s, at most 20 [0]. */
  readonly waitSeconds?: number;
  /** The consumer's name, as an operator sees it. */
  readonly consumer: string;
  readonly signal?: AbortSignal;
}

/** For a POST that has the same effect when it is sent twice. */
const AGAIN = { isRepeatable: true };

/**
 * A consumer group of one actor, or over all actors of a deployment. Nothing is sent before a method is called.
 *
 * @typeParam Status its status
 */
export class Group<Status extends GroupStatus | RootGroupStatus = GroupStatus> {
  readonly name: string;
  readonly #http: Http;
  readonly #settings: GroupSettings | undefined;
  readonly #path: { readonly group: string };

  constructor(http: Http, name: string, settings?: GroupSettings) {
    this.#http = http;
    this.name = name;
    this.#settings = settings;
    this.#path = { group: name };
  }

  /**
   * Makes the group with its settings, or checks that it has them. Without settings the group must exist.
   *
   * @throws ConfigDiffers with the fields that differ: `update` changes them
   */
  async declare(): Promise<Status> {
    return this.#settings === undefined ? await this.status() : await this.#put(this.#settings, {});
  }

  /**
   * Changes the settings of the group to these. Only `reset` can change `lanes`, and nothing can change `order`.
   *
   * @throws ConfigDiffers when another writer changed them meanwhile
   */
  async update(settings: GroupSettings): Promise<void> {
    const { response } = await this.#get();
    await this.#put(settings, { "if-match": response.headers.get("etag") ?? "*" });
  }

  /** The settings of the group and its status: floor, newest position, lag, lanes with their holders, parked events. */
  async status(): Promise<Status> {
    return (await this.#get()).data;
  }

  /**
   * Leases free lanes, and returns their events. If the answer is lost, the request is repeated, and gets the same events.
   *
   * @throws Held when other consumers have all lanes
   */
  async fetch<Data>({ max = 50, waitSeconds = 0, consumer, signal }: FetchOptions): Promise<Batch<Data>> {
    // By the key the service recognises a repetition, and gives it what the first request leased.
    const header = { "idempotency-key": crypto.randomUUID() };
    const ask = { params: { path: this.#path, header }, body: { max, waitSeconds, consumer } };
    const { data, response } = await this.#http.send(
      async (api) => await api.POST("/groups/{group}/fetch", ask),
      compact({ isRepeatable: true, waitMs: waitSeconds * 1_000, signal }),
    );
    if (data === undefined) {
      const retryAfterMs = Number(response.headers.get("retry-after") ?? 0) * 1_000;
      return { events: [], leases: [], caughtUp: true, retryAfterMs };
    }
    const date = Date.parse(response.headers.get("date") ?? "");
    return { ...(data as Batch<Data>), ...compact({ now: Number.isNaN(date) ? undefined : date }) };
  }

  /**
   * Acknowledges events. Repeating an acknowledgement changes nothing more.
   *
   * @throws Fenced when the lease has ended, and nothing was changed; also when an earlier attempt, whose answer was lost,
   *   has ended it
   */
  async ack(ack: Ack): Promise<Acknowledged> {
    const ask = { params: { path: this.#path }, body: ack };
    return (await this.#http.send(async (api) => await api.POST("/groups/{group}/ack", ask), AGAIN)).data;
  }

  /** Moves the group to a position. All leases end, so acknowledgements of earlier fetches are refused. */
  async reset(to: string, { lanes }: { readonly lanes?: number } = {}): Promise<void> {
    const ask = { params: { path: this.#path }, body: { to, ...compact({ lanes }) } };
    await this.#http.send(async (api) => await api.POST("/groups/{group}/reset", ask), AGAIN);
  }

  /** Pauses the group: fetches get no events until `resume`. */
  async pause(): Promise<void> {
    const ask = { params: { path: this.#path } };
    await this.#http.send(async (api) => await api.POST("/groups/{group}/pause", ask), AGAIN);
  }

  /** Ends a pause or a stop. @param options `skip`: parks the event that stopped the group, instead of trying it again */
  async resume({ skip = false }: { readonly skip?: boolean } = {}): Promise<void> {
    const ask = { params: { path: this.#path }, body: { skip } };
    await this.#http.send(async (api) => await api.POST("/groups/{group}/resume", ask), AGAIN);
  }

  /**
   * Ends the group: it gives no new leases, and is deleted when the last one has ended.
   *
   * @param drainSeconds how long to wait for that, s, at most 25 [0]
   * @returns false when a lease is left; the service deletes the group later
   */
  async drain(drainSeconds = 0): Promise<boolean> {
    const ask = { params: { path: this.#path, query: { drainSeconds } } };
    try {
      const { response } = await this.#http.send(async (api) => await api.DELETE("/groups/{group}", ask), {
        waitMs: drainSeconds * 1_000,
      });
      return response.status !== 202;
    } catch (error) {
      // An earlier attempt, whose answer was lost, has ended it.
      if (error instanceof ServiceError && error.status === 404) return true;
      throw error;
    }
  }

  /**
   * Runs a worker, which fetches events, calls the handler for each, and acknowledges them. It declares the group first.
   * Several processes that run the same group share its lanes.
   */
  run<Data = unknown>(handler: Handler<Data>, options: RunOptions = {}): Worker<Data> {
    return new Worker(this, handler, { machine: this.#http.machine, ...options });
  }

  // The service answers at either root with the status of that root's groups; the routes are typed as an actor's.
  async #get(): Promise<Answer<Status>> {
    const ask = { params: { path: this.#path } };
    const answer = await this.#http.send(async (api) => await api.GET("/groups/{group}", ask));
    return answer as Answer<GroupStatus | RootGroupStatus> as Answer<Status>;
  }

  async #put(settings: GroupSettings, header: { readonly "if-match"?: string }): Promise<Status> {
    const ask = { params: { path: this.#path, header }, body: settings };
    const { data } = await this.#http.send(async (api) => await api.PUT("/groups/{group}", ask));
    return data as GroupStatus | RootGroupStatus as Status;
  }
}
