/** Caches the trusts of the peers that this process delivers to, with their breakers and permissions. */
import { trustKey } from "../../dynamodb/keys/actors.ts";
import type { Change, Item, Key, Table } from "../../dynamodb/table.ts";
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
 * A delivery uses what its process last read or wrote of a trust, for a second at most. A change by another process takes
 * effect within that second.
 */
export class TrustCache {
  readonly #table: Pick<Table, "getMany">;
  readonly #clock: Clock;
  readonly #cached = new Map<string, CachedTrust>();
  /** The reads under way, by the names of the trusts; they do not reject. */
  readonly #reading = new Map<string, Promise<unknown>>();
  #readOrder = 0;

  constructor({ table, clock }: { readonly table: Pick<Table, "getMany">; readonly clock: Clock }) {
    this.#table = table;
    this.#clock = clock;
  }

  /**
   * The item of a peer's trust, at most a second old; undefined when there is none. One request when it has to be read,
   * which also reads the trusts of `ahead`, because they are needed soon.
   */
  async of(actorId: string, peerId: string, ahead: Iterable<string> = []): Promise<Item | undefined> {
    const requested = trustKey(actorId, peerId);
    // Deliveries that find their trusts old at the same time read them once.
    const reading = this.#reading.get(nameOf(requested));
    if (reading !== undefined) await reading;
    const cached = this.#fresh(requested);
    if (cached !== undefined) return cached.item;
    const keys = [requested];
    for (const other of ahead) {
      const key = trustKey(actorId, other);
      if (keys.length === AT_ONCE) break;
      if (other === peerId || this.#reading.has(nameOf(key))) continue;
      if (this.#fresh(key) === undefined) keys.push(key);
    }
    for (let attempt = 1; ; attempt += 1) {
      // Where the table is so slow that a batch is old by its end, one trust alone is not.
      const items = await this.read(attempt === 1 ? keys : [requested]);
      // When it was written while it was read, the write counts.
      const now = this.#fresh(requested);
      if (now !== undefined) return now.item;
      if (attempt === MOST_ATTEMPTS) return items.find(({ sk }) => sk === requested.sk);
    }
  }

  /** Reads trusts, whether they are cached or not, and other items in the same request. */
  async read(trusts: readonly Key[], others: readonly Key[] = []): Promise<readonly Item[]> {
    const reading = this.#read(trusts, others);
    const settled = reading.catch(() => undefined);
    const names = trusts.map(nameOf);
    for (const name of names) this.#reading.set(name, settled);
    try {
      return await reading;
    } finally {
      for (const name of names) if (this.#reading.get(name) === settled) this.#reading.delete(name);
    }
  }

  async #read(trusts: readonly Key[], others: readonly Key[]): Promise<readonly Item[]> {
    const since = (this.#readOrder += 1);
    const begun = this.#clock.now();
    const items = await this.#table.getMany([...others, ...trusts]);
    // A throttled batch is read in parts, the first of them long before the last.
    const readAt = trusts.length + others.length === 1 ? this.#clock.now() : begun;
    for (const key of trusts) {
      const item = items.find(({ pk, sk }) => pk === key.pk && sk === key.sk);
      // A write that happened during the read is newer.
      if ((this.#cached.get(nameOf(key))?.readOrder ?? 0) <= since) this.put(key, item, readAt);
    }
    return items;
  }

  /** Caches a trust as the answer of a write has it. */
  put(key: Key, item: Item | undefined, at = this.#clock.now()): void {
    const name = nameOf(key);
    this.#cached.delete(name);
    this.#cached.set(name, { item, at, readOrder: (this.#readOrder += 1) });
    for (const oldest of this.#cached.keys()) {
      if (this.#cached.size <= MOST) break;
      this.#cached.delete(oldest);
    }
  }

  /** Changes a cached trust as a write has changed the stored one. What else is stored is as old as it was before. */
  changed(key: Key, { set, remove = [] }: Pick<Change, "set" | "remove">): void {
    const { item, at } = this.#cached.get(nameOf(key)) ?? {};
    if (item === undefined) {
      this.invalidate(key);
      return;
    }
    const next = { ...item, ...set };
    const kept = Object.entries(next).filter(([name]) => !remove.includes(name));
    this.put(key, { ...Object.fromEntries(kept), pk: key.pk, sk: key.sk }, at);
  }

  /** Forgets a trust, because only a read shows how it has changed. */
  invalidate(key: Key): void {
    this.put(key, undefined, -Infinity);
  }

  /** Forgets the trusts of the peers that a commit names, so that they are read before anything more is sent to them. */
  invalidateNamed({ actorId, records }: Pick<Commit, "actorId" | "records">): void {
    for (const { record } of records)
      if ("peerId" in record && record.kind !== "resync") this.invalidate(trustKey(actorId, record.peerId));
  }

  #fresh(key: Key): CachedTrust | undefined {
    const cached = this.#cached.get(nameOf(key));
    return cached !== undefined && Math.abs(this.#clock.now() - cached.at) <= FRESH_MS ? cached : undefined;
  }
}

const nameOf = ({ pk, sk }: Key): string => `${pk}\n${sk}`;
