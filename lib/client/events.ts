/** Reads events from a position that the caller keeps, and waits for new ones. */
import { compact } from "./compact.ts";
import { PositionGone } from "./errors.ts";
import type { Http } from "./http.ts";
import type { Schemas } from "./routes.ts";

/** An event as every listener gets it: a CloudEvent. `Data` is the type of its data, which the caller knows. */
export type ActorEvent<Data = unknown> = Schemas["Event"] & { readonly data?: Data };

/** The type of the event that the client makes when it reads the state in place of events that have expired. */
export const SNAPSHOT = "org.actingweb.client.snapshot";

export interface EventsOptions {
  /** Events after this position; `earliest` and `now` are the ends of the log [`now`]. */
  readonly from?: string;
  /** Exact types, or prefixes such as `org.actingweb.list.*` [all]. */
  readonly types?: readonly string[];
  /** Most events of one request [100]. */
  readonly limit?: number;
  /** How long the service waits for an event before it answers, s, 1 to 20 [20]. */
  readonly waitSeconds?: number;
  /** Ends after the newest event instead of waiting for further ones [false]. */
  readonly untilNow?: boolean;
  readonly signal?: AbortSignal;
  /**
   * Called with each position up to which all events were yielded, also when there were none: a reader can save it even
   * while nothing happens.
   */
  readonly onPosition?: (position: string) => unknown;
  /**
   * What happens when events after the position have expired. `throw` rejects with PositionGone. `snapshot` yields one
   * event of the type SNAPSHOT with the state as its data, and continues from right before that state. A function returns
   * the position to continue from [`throw`].
   */
  readonly onGone?: "throw" | "snapshot" | ((gone: PositionGone) => string | Promise<string>);
}

interface Page {
  readonly events: readonly ActorEvent[];
  readonly next: string;
  readonly isUpToDate: boolean;
}

/**
 * The events of some topics, for `for await`: at least once and in order, also over lost connections. It ends without an
 * error when the signal aborts.
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

/** Reads the position before the state: an event in between comes twice, and none is missed. */
async function readSnapshot<Data>(http: Http, gone: PositionGone, signal?: AbortSignal): Promise<ActorEvent<Data>> {
  // No other URL may get the actor's credentials.
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
