/** A consumer group by hand: fetch, acknowledge, and what an operator does. */
import { compact } from "./compact.ts";
import { ServiceError } from "./errors.ts";
import type { ActorEvent } from "./events.ts";
import type { Answer, Http } from "./http.ts";
import type { Schemas } from "./routes.ts";
import { Worker, type Handler, type RunOptions } from "./worker.ts";

/** What a group is made with; what is left out has the service's default. */
export type GroupSettings = Schemas["GroupSettings"];
/** How a group stands: its settings, floor, newest, lag, lanes, what failed. */
export type GroupStatus = Schemas["Group"];
/** How a group over all actors stands: its `lag` counts actors, and `parkedAt` names those with parked events. */
export type RootGroupStatus = Schemas["RootGroup"];
/** The exclusive right to a lane's events, until it ends or is extended. */
export type Lease = Schemas["Lease"];
/** What became of a lease's events. */
export type Ack = Schemas["Ack"];
export type AckItem = NonNullable<Ack["items"]>[number];
export type Verdict = AckItem["verdict"];
/** The outcome of each verdict, and the leases that are left. */
export type Acknowledged = Schemas["Acknowledged"];
/** An event that a consumer was given. */
export type Fetched<Data = unknown> = Schemas["Fetched"] & { readonly event: ActorEvent<Data> };

export interface Batch<Data = unknown> {
  readonly events: readonly Fetched<Data>[];
  readonly leases: readonly Lease[];
  /** Records of the log from where everything is done to the newest one; undefined: there was nothing to fetch. */
  readonly lag?: number;
  readonly caughtUp: boolean;
  /** Without events: ask again after this long, ms. */
  readonly retryAfterMs?: number;
  /** The service's clock when it answered, ms since 1970, where the answer says so. */
  readonly now?: number;
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

/** Of a POST that does the same when it comes twice. */
const AGAIN = { isRepeatable: true };

/**
 * A consumer group of one actor, or over all actors of a deployment. Nothing is sent before a method is called.
 *
 * @typeParam Status how it stands
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
   * Makes the group with its settings, or finds that it has them. Without settings the group has to be there.
   *
   * @returns where the group stands
   * @throws ConfigDiffers with the fields, when it has others: `update` changes them
   */
  async declare(): Promise<Status> {
    return this.#settings === undefined ? await this.status() : await this.#put(this.#settings, {});
  }

  /**
   * Gives the group these settings, whatever it has. Only a reset changes the lanes, and nothing the order.
   *
   * @throws ConfigDiffers when another writer changed them meanwhile
   */
  async update(settings: GroupSettings): Promise<void> {
    const { response } = await this.#get();
    await this.#put(settings, { "if-match": response.headers.get("etag") ?? "*" });
  }

  /** Its settings, and where the group stands: floor, newest, lag, lanes with their holders, what is parked. */
  async status(): Promise<Status> {
    return (await this.#get()).data;
  }

  /**
   * Leases what lanes are free, and gives their events. When the answer is lost, the same is asked for again, and given.
   *
   * @throws Held when other consumers have every lane
   */
  async fetch<Data>({ max = 50, waitSeconds = 0, consumer, signal }: FetchOptions): Promise<Batch<Data>> {
    // By its key the service gives a repetition what the first one had leased.
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
   * Says what became of events. Repeatable: the same verdict again is no change.
   *
   * @throws Fenced when the lease is another consumer's by now, and nothing was changed; or when it ended with an earlier
   *   attempt whose answer was lost
   */
  async ack(ack: Ack): Promise<Acknowledged> {
    const ask = { params: { path: this.#path }, body: ack };
    return (await this.#http.send(async (api) => await api.POST("/groups/{group}/ack", ask), AGAIN)).data;
  }

  /** Moves the group to a position, and fences every consumer. */
  async reset(to: string, { lanes }: { readonly lanes?: number } = {}): Promise<void> {
    const ask = { params: { path: this.#path }, body: { to, ...compact({ lanes }) } };
    await this.#http.send(async (api) => await api.POST("/groups/{group}/reset", ask), AGAIN);
  }

  /** No consumer is given anything more until `resume`. */
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
   * Ends the group: no new lease is given. True when the last one ended within this time [0, at most 25]; else the service
   * finishes by and by.
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
   * Works: fetches, calls the handler for each event, acknowledges. Declares the group first when it has settings. Several
   * processes that run the same group share its lanes.
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
