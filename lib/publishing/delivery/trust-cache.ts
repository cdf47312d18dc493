/** What this process knows of the peers that it delivers to: their trusts, with breaker and permissions. */
import { trustKey } from "../../dynamodb/keys/actors.ts";
import type { Item, Key, Table } from "../../dynamodb/table.ts";
import type { Clock } from "../../system/ports.ts";
import type { Commit } from "../../change-log/log-commits.ts";

/** Maximum age of a cached trust before it is read again, ms. */
const FRESH_MS = 1_000;
/** Most trusts kept. */
const MOST = 2_000;
/** Trusts read with one request. */
const AT_ONCE = 100;
const MOST_ATTEMPTS = 3;

interface CachedTrust {
  readonly item: Item | undefined;
  readonly at: number;
  readonly readOrder: number;
}

/**
 * Deliveries go by what their process last read or wrote of a trust, for a second at most: so long another process's
 * word may take.
 */
export class TrustCache {
  readonly #table: Pick<Table, "getMany">;
  readonly #clock: Clock;
  readonly #cached = new Map<string, CachedTrust>();
  #readOrder = 0;

  constructor({ table, clock }: { readonly table: Pick<Table, "getMany">; readonly clock: Clock }) {
    this.#table = table;
    this.#clock = clock;
  }

  /**
   * The item of a peer's trust, at most a second old; undefined when there is none. When it has to be read, those of
   * `ahead` that will be asked for soon come with it: one request.
   */
  async of(actorId: string, peerId: string, ahead: Iterable<string> = []): Promise<Item | undefined> {
    const requested = trustKey(actorId, peerId);
    const cached = this.#fresh(requested);
    if (cached !== undefined) return cached.item;
    const keys = [requested];
    for (const other of ahead) {
      const key = trustKey(actorId, other);
      if (keys.length === AT_ONCE) break;
      if (other !== peerId && this.#fresh(key) === undefined) keys.push(key);
    }
    for (let attempt = 1; ; attempt += 1) {
      const items = await this.read(keys);
      // Written while it was read: what is newer counts.
      const now = this.#fresh(requested);
      if (now !== undefined) return now.item;
      if (attempt === MOST_ATTEMPTS) return items.find(({ sk }) => sk === requested.sk);
    }
  }

  /** Reads trusts, whatever is known of them, and other items beside. */
  async read(trusts: readonly Key[], others: readonly Key[] = []): Promise<readonly Item[]> {
    const since = (this.#readOrder += 1);
    const items = await this.#table.getMany([...others, ...trusts]);
    for (const key of trusts) {
      const item = items.find(({ pk, sk }) => pk === key.pk && sk === key.sk);
      // What was written while it was read is newer.
      if ((this.#cached.get(nameOf(key))?.readOrder ?? 0) <= since) this.put(key, item);
    }
    return items;
  }

  /** A trust is like this now, as a write's answer says. */
  put(key: Key, item: Item | undefined, at = this.#clock.now()): void {
    const name = nameOf(key);
    this.#cached.delete(name);
    this.#cached.set(name, { item, at, readOrder: (this.#readOrder += 1) });
    for (const oldest of this.#cached.keys()) {
      if (this.#cached.size <= MOST) break;
      this.#cached.delete(oldest);
    }
  }

  /** A trust has changed in a way that only reading tells. */
  invalidate(key: Key): void {
    this.put(key, undefined, -Infinity);
  }

  /** What this process says of a peer in an actor's log is read before anything more is sent to it. */
  invalidateNamed({ actorId, records }: Pick<Commit, "actorId" | "records">): void {
    for (const { record } of records) if ("peerId" in record) this.invalidate(trustKey(actorId, record.peerId));
  }

  #fresh(key: Key): CachedTrust | undefined {
    const cached = this.#cached.get(nameOf(key));
    return cached !== undefined && Math.abs(this.#clock.now() - cached.at) <= FRESH_MS ? cached : undefined;
  }
}

const nameOf = ({ pk, sk }: Key): string => `${pk}\n${sk}`;
