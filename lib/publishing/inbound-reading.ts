/** What a peer reads of its subscription to us: the diffs it has not cleared, page by page, and single ones. */
import type { Told } from "../domain/render-backlog.ts";
import type { Scope } from "../domain/scope.ts";
import { currentView } from "../domain/subscription-log.ts";
import { readsOf } from "../domain/visibility.ts";
import type { Reads } from "../domain/visibility.ts";
import type { Json, JsonObject } from "../ports.ts";
import type { InboundHead } from "./inbound-head.ts";
import type { LogWalk } from "./log-walk.ts";

/** Most bytes of diffs in one page; one diff alone may be larger. */
const MAX_PAGE_BYTES = 1_024 * 1_024;

export interface InboundReadingDeps {
  readonly walk: LogWalk;
  /** What the subscription covers, as its peer sees it; undefined when nothing is there, null when it cannot be told. */
  readonly fullState: (
    actorId: string,
    of: Scope & { readonly peerId: string },
    reads: Reads,
  ) => Promise<Json | undefined>;
}

/** Which part of a backlog. */
export interface Page {
  /** Diffs above this number. */
  readonly after: number;
  /** At most so many. */
  readonly limit: number;
}

/** Reads inbound subscriptions. Reading never clears. */
export class InboundReading {
  readonly #deps: InboundReadingDeps;

  constructor(deps: InboundReadingDeps) {
    this.#deps = deps;
  }

  /** One page of the backlog, with the number to go on after when there is more; undefined when there is no such one. */
  async poll(actorId: string, peerId: string, id: string, { after, limit }: Page): Promise<JsonObject | undefined> {
    const moved = await this.#deps.walk.toEnd(actorId, peerId, id);
    if (moved === undefined) return undefined;
    const { head } = moved;
    const data: JsonObject[] = [];
    let bytes = 0;
    let next: { readonly next?: number } = {};
    let last = after;
    let state: Promise<Json | undefined> | undefined;
    // One answer tells one state, however often its numbers say to read it.
    const stateOnce = async (): Promise<Json | undefined> => await (state ??= this.#state(head));
    for await (const told of this.#deps.walk.told(head, after, Number.MAX_SAFE_INTEGER)) {
      const entry = await entryOf(told, stateOnce);
      const more = Buffer.byteLength(JSON.stringify(entry)) + 1;
      if (data.length >= limit || (data.length > 0 && bytes + more > MAX_PAGE_BYTES)) {
        next = { next: last };
        break;
      }
      data.push(entry);
      bytes += more;
      last = told.sequence;
    }
    return { ...wireScope(head), sequence: head.state.sequence, data, ...next };
  }

  /** One diff; undefined when it is cleared, has expired or was never made. The same answer every time. */
  async one(actorId: string, peerId: string, id: string, sequence: number): Promise<JsonObject | undefined> {
    const moved = await this.#deps.walk.toEnd(actorId, peerId, id);
    if (moved === undefined) return undefined;
    const told = await this.#deps.walk.toldOne(moved.head, sequence);
    if (told === undefined) return undefined;
    return { ...wireScope(moved.head), ...(await entryOf(told, async () => await this.#state(moved.head))) };
  }

  async #state(head: InboundHead): Promise<Json | undefined> {
    return await this.#deps.fullState(head.actorId, head, readsOf(currentView(head.state).permissions));
  }
}

async function entryOf(
  { sequence, at, content }: Told,
  stateNow: () => Promise<Json | undefined>,
): Promise<JsonObject> {
  if (content !== "resync") {
    return { sequence, timestamp: at, data: content.data, overwritten: content.overwritten };
  }
  const state = await stateNow();
  // Where nothing is any more, it says so as a deletion does.
  const [data, overwritten] = state === undefined ? ["", []] : [state, [""]];
  return { sequence, timestamp: at, type: "resync", data, overwritten };
}

function wireScope({ actorId, peerId, id, target, subtarget, resource }: InboundHead): JsonObject {
  return {
    id: actorId,
    peerid: peerId,
    subscriptionid: id,
    target,
    subtarget: subtarget ?? "",
    resource: resource ?? "",
  };
}
