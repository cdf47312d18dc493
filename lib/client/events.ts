/** Reading an actor's events: from a position that the reader keeps, waiting for new ones. */
import { compact } from "./compact.ts";
import { PositionGone } from "./errors.ts";
import type { Http } from "./http.ts";
import type { Schemas } from "./routes.ts";

/** An event as the service gives it to every listener: a CloudEvent, whose `data` the caller knows. */
export type ActorEvent<Data = unknown> = Schemas["Event"] & { readonly data?: Data };

/** The type of the event that stands for a state which was read instead of events that are gone. */
export const SNAPSHOT = "org.actingweb.client.snapshot";

export interface EventsOptions {
  /** The events after this position; `earliest` or `now` stand for the ends [`now`]. */
  readonly from?: string;
  /** Exact types, or beginnings such as `org.actingweb.list.*` [all]. */
  readonly types?: readonly string[];
  /** Events for each request [100]. */
  readonly limit?: number;
  /** How long the service waits for an event before it answers, s, 1 to 20 [20]. */
  readonly waitSeconds?: number;
  /** Ends with the newest event there is, instead of waiting for further ones [false]. */
  readonly untilNow?: boolean;
  readonly signal?: AbortSignal;
  /**
   * Called with each position up to which there is no event left, also when none came: what a reader may save while nothing
   * happens.
   */
  readonly onPosition?: (position: string) => unknown;
  /**
   * What to do about a position that is gone: `throw` rejects with PositionGone; `snapshot` yields one event of the type
   * SNAPSHOT with the state as its data, and continues from just before that state; a function gives the position to
   * continue from [`throw`].
   */
  readonly onGone?: "throw" | "snapshot" | ((gone: PositionGone) => string | Promise<string>);
}

interface Page {
  readonly events: readonly ActorEvent[];
  readonly next: string;
  readonly isUpToDate: boolean;
}

/**
 * The events of some topics, for `for await`. It survives lost connections; events come at least once and in order. It ends
 * when the signal aborts: with no error.
 *
 * @throws PositionGone unless `onGone` says otherwise; ServiceError and Unreachable when the retries are used up
 */
export async function* readEvents<Data>(
  http: Http,
  topics: string | readonly string[],
  options: EventsOptions,
): AsyncGenerator<ActorEvent<Data>, void, void> {
  const { signal, onPosition, untilNow = false } = options;
  let from = options.from ?? "now";
  try {
    for (;;) {
      signal?.throwIfAborted();
      let page: Page;
      try {
        page = await readPage(http, topics, from, options);
      } catch (error) {
        if (!(error instanceof PositionGone)) throw error;
        const { onGone = "throw" } = options;
        if (onGone === "throw") throw error;
        if (onGone === "snapshot") {
          const snapshot = await readSnapshot<Data>(http, error, signal);
          from = snapshot.position;
          yield snapshot;
        } else {
          from = await onGone(error);
        }
        continue;
      }
      for (const event of page.events) {
        yield event as ActorEvent<Data>;
        signal?.throwIfAborted();
      }
      from = page.next;
      await onPosition?.(from);
      if (untilNow && page.isUpToDate) return;
    }
  } catch (error) {
    if (signal?.aborted === true) return;
    throw error;
  }
}

async function readPage(
  http: Http,
  topics: string | readonly string[],
  from: string,
  { types, limit, waitSeconds = 20, untilNow, signal }: EventsOptions,
): Promise<Page> {
  const wait = untilNow === true ? 0 : Math.max(1, waitSeconds);
  const query = compact({ from, topics: [topics].flat().join(","), types: types?.join(","), limit, wait });
  const { data, response } = await http.send(async (api) => await api.GET("/events", { params: { query } }), {
    waitMs: wait * 1_000,
    signal,
  });
  const events = data ?? [];
  return {
    events,
    next: response.headers.get("stream-next-offset") ?? events.at(-1)?.position ?? from,
    isUpToDate: response.headers.get("stream-up-to-date") === "true",
  };
}

/** The position is asked for before the state: what happens in between comes twice, and nothing is missed. */
async function readSnapshot<Data>(http: Http, gone: PositionGone, signal?: AbortSignal): Promise<ActorEvent<Data>> {
  // Another URL than the actor's own must not get its credentials.
  if (gone.snapshot !== `${http.root}/properties`) throw gone;
  const { next } = await readPage(http, "$sys.none", "now", compact({ untilNow: true, signal }));
  const { data } = await http.send(async (api) => await api.GET("/properties"), { signal });
  return {
    specversion: "1.0",
    id: `snapshot-${next}`,
    source: http.root,
    subject: "properties",
    type: SNAPSHOT,
    time: new Date(http.machine.now()).toISOString(),
    datacontenttype: "application/json",
    position: next,
    data: data as Data,
  };
}
