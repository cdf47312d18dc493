/** The head of a listener during one session, and the session's writes of it. */
import { printJson } from "../domain/json/json-text.ts";
import { leaseIs, newLease, type Lease, type LeaseDeps } from "../dynamodb/lease.ts";
import { listenerKey } from "../dynamodb/keys/listeners.ts";
import { refusedReasons, updateIf } from "../dynamodb/outcomes.ts";
import { TransactionRefused, type Condition, type Item, type Table, type Write } from "../dynamodb/table.ts";
import { changeListenerHead, readListenerHead, type HeadChange, type ListenerHead } from "./listener-head.ts";

/** How often a write is tried whose answer was lost, or that conflicted with another transaction. */
const MOST_ATTEMPTS = 4;

export interface SessionHeadDeps extends LeaseDeps {
  readonly table: Table;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
}

/**
 * The result of a write. `changed`: nothing was written, because people have changed the head under the lease; `head` is
 * what they made of it. `lost`: nothing was written, because another session has the lease, or the listener is deleted.
 */
export type Written = "written" | "changed" | "lost";

/**
 * The head during one session.
 *
 *   free     without the lease: a write succeeds if the head is as it was read, and no other session has the lease
 *   leased   from `acquire` on: a write succeeds if the head is as it was read, and this session still has the lease
 *   over     from `release` on, or after a write that was `lost`
 *
 * Invariant: every write is conditional on the version that the session knows, so it never undoes the write of another.
 */
export class SessionHead {
  readonly #deps: SessionHeadDeps;
  #head: ListenerHead;
  #lease: Lease | undefined;

  constructor(deps: SessionHeadDeps, head: ListenerHead) {
    this.#deps = deps;
    this.#head = head;
  }

  /** The head as it was read or written last. */
  get head(): ListenerHead {
    return this.#head;
  }

  get isLeased(): boolean {
    return this.#lease !== undefined;
  }

  /** Acquires the lease for `ms`, and stores a first note with it. */
  async acquire(change: HeadChange, writes: readonly Write[], ms: number): Promise<Written> {
    const lease = newLease(this.#deps, ms);
    const written = await this.#write({ ...change, lease }, writes, this.#free());
    if (written === "written") this.#lease = lease;
    return written;
  }

  /** Stores a note, and keeps the lease if there is one. */
  async note(change: HeadChange, writes: readonly Write[]): Promise<Written> {
    return await this.#write(change, writes, this.#lease === undefined ? this.#free() : leaseIs.ownedBy(this.#lease));
  }

  /** Stores the last note, and releases the lease if there is one. */
  async release(change: HeadChange, writes: readonly Write[]): Promise<Written> {
    if (this.#lease === undefined) return await this.note(change, writes);
    const written = await this.#write({ ...change, lease: null }, writes, leaseIs.ownedBy(this.#lease));
    if (written === "written") this.#lease = undefined;
    return written;
  }

  #free(): Condition {
    return leaseIs.free(this.#deps.clock.now(), this.#deps.incarnation);
  }

  async #write(change: HeadChange, writes: readonly Write[], when: Condition): Promise<Written> {
    const write = changeListenerHead(this.#head, change, when);
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#once(write, writes).catch((error: unknown) => {
        if (attempt === MOST_ATTEMPTS) throw error;
        return undefined;
      });
      if (outcome === undefined) continue;
      const found = outcome.item === undefined ? undefined : readListenerHead(this.#deps.epoch, outcome.item);
      if (outcome.written || (found !== undefined && this.#isOurs(found, change))) {
        this.#head = found ?? (await this.#read()) ?? this.#head;
        return "written";
      }
      if (found === undefined) return "lost";
      this.#head = found;
      return this.#lease !== undefined && found.lease?.token === this.#lease.token ? "changed" : "lost";
    }
  }

  async #once(
    write: ReturnType<typeof changeListenerHead>,
    writes: readonly Write[],
  ): Promise<{ readonly written: boolean; readonly item: Item | undefined }> {
    const { table } = this.#deps;
    if (writes.length === 0) return await updateIf(table, write.update, write.change, write.condition);
    const refused = await refusedReasons(table, [write, ...writes]);
    if (refused === undefined) return { written: true, item: undefined };
    if (refused[0]?.code !== "condition") throw new TransactionRefused(refused);
    return { written: false, item: refused[0].item };
  }

  /** True when the stored head is what this write made: the write was repeated, because its answer was lost. */
  #isOurs(found: ListenerHead, { lanes, lease }: HeadChange): boolean {
    if (found.version !== this.#head.version + 1) return false;
    const token = lease === null ? undefined : (lease ?? this.#lease)?.token;
    return found.lease?.token === token && printJson(found.lanes) === printJson(lanes ?? this.#head.lanes);
  }

  async #read(): Promise<ListenerHead | undefined> {
    const item = await this.#deps.table.get(listenerKey(this.#head));
    return item === undefined ? undefined : readListenerHead(this.#deps.epoch, item);
  }
}
