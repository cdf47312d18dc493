import { inParallel } from "../peer-data/in-parallel.ts";
import type { StorageStats } from "../peer-data/peer-reader.ts";
import type { Deadline, JsonObject } from "../ports.ts";
import type { Head } from "../receiving/head.ts";
import type { TrustRecord } from "../trust/trust-record.ts";

export interface PeerOverviewDeps {
  readonly trusts: {
    page(
      actorId: string,
      options: { readonly after?: string; readonly limit: number },
    ): Promise<{ readonly trusts: readonly TrustRecord[]; readonly next?: string }>;
  };
  readonly heads: { live(actorId: string, peerId: string): Promise<readonly Head[]> };
  readonly reader: (actorId: string, peerId: string) => { stats(): Promise<StorageStats> };
}

/** Peers looked at together: what each of them holds is counted by reading its places. */
const AT_ONCE = 5;
/** With less time left (ms) the rest is left to the next page. */
const LEAST_MS = 10_000;

/** The peers of an actor, with what is known and held of each. */
export class PeerOverview {
  readonly #deps: PeerOverviewDeps;

  constructor(deps: PeerOverviewDeps) {
    this.#deps = deps;
  }

  /**
   * One page, by peer id. One query for the trusts, then two or more for each peer: its subscriptions, and one per
   * megabyte held of it. Ends early, with `next`, when time runs out.
   */
  async page(
    actorId: string,
    options: { readonly after?: string; readonly limit: number },
    deadline: Deadline,
  ): Promise<{ readonly data: readonly JsonObject[]; readonly next?: string }> {
    const { trusts, next } = await this.#deps.trusts.page(actorId, options);
    const data: JsonObject[] = [];
    for (let from = 0; from < trusts.length; from += AT_ONCE) {
      const last = trusts[from - 1];
      if (last !== undefined && deadline.remaining() < LEAST_MS) return { data, next: last.peerId };
      const some = trusts.slice(from, from + AT_ONCE);
      data.push(...(await inParallel(some, AT_ONCE, async (trust) => await this.#one(trust))));
    }
    return { data, ...(next === undefined ? {} : { next }) };
  }

  async #one(trust: TrustRecord): Promise<JsonObject> {
    const { actorId, peerId, capabilities } = trust;
    const [stored, heads] = await Promise.all([
      this.#deps.reader(actorId, peerId).stats(),
      this.#deps.heads.live(actorId, peerId),
    ]);
    return {
      peerid: peerId,
      relationship: trust.relationship,
      approved: trust.approved,
      capabilities:
        capabilities === undefined
          ? null
          : { ...capabilities, fetchedAt: new Date(capabilities.fetchedAt).toISOString() },
      // Nothing is delivered to peers yet, so nothing has failed; publishing brings the breaker itself.
      breaker: { state: "closed", failures: 0 },
      stored: { scalarCount: stored.scalarCount, listCount: stored.listCount, bytes: stored.bytes },
      subscriptions: { inbound: 0, outbound: heads.length },
    };
  }
}
