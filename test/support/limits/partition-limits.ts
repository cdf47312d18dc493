/** DynamoDB's limits of partitions, as its developer guide states them, in simulated time. */
import type { Capacity, Demand } from "../throttling-table.ts";

/** Units a second that one partition takes: of the table and of an index alike. */
export const PARTITION = { write: 1_000, read: 3_000 } as const;
/** Units a second that a new on-demand table takes as a whole. It grows later, which is left out. */
export const NEW_TABLE = { write: 4_000, read: 12_000 } as const;

const UNIT_BYTES = { write: 1_024, read: 4_096 } as const;
/** What a write counts within a transaction. */
const TRANSACTED = 2;

/** Units a second. */
export interface Rates {
  readonly write: number;
  readonly read: number;
}

export interface LimitOptions {
  /** Of the whole table [those of a new on-demand one]. */
  readonly table?: Rates;
  /** Of each partition [those of DynamoDB]. */
  readonly partition?: Rates;
}

/** What one partition, or the whole table, was used for. */
export interface Usage {
  readonly name: string;
  /** Most units of one second. */
  readonly peak: Rates;
  readonly units: Rates;
  /** Requests, or items of a batch, that were refused. */
  readonly throttled: number;
}

/**
 * A bucket that holds a second's units and refills all the time. What is taken may exceed what is there, because the size of
 * an answer shows afterwards; the next waits for it then. So one second may have up to two seconds' units, after a pause.
 */
class Bucket {
  readonly #rates: Rates;
  #left: { write: number; read: number };
  #at: number;
  readonly #seconds = { write: new Map<number, number>(), read: new Map<number, number>() };
  throttled = 0;

  constructor(rates: Rates, now: number) {
    this.#rates = rates;
    this.#left = { ...rates };
    this.#at = now;
  }

  hasRoom(is: Demand["is"], now: number): boolean {
    const seconds = (now - this.#at) / 1_000;
    for (const kind of ["write", "read"] as const) {
      this.#left[kind] = Math.min(this.#rates[kind], this.#left[kind] + seconds * this.#rates[kind]);
    }
    this.#at = now;
    return this.#left[is] > 0;
  }

  take(is: Demand["is"], units: number, now: number): void {
    this.#left[is] -= units;
    const second = Math.floor(now / 1_000);
    this.#seconds[is].set(second, (this.#seconds[is].get(second) ?? 0) + units);
  }

  usage(name: string): Usage {
    const [write, read] = [[...this.#seconds.write.values()], [...this.#seconds.read.values()]];
    return {
      name,
      peak: { write: Math.max(0, ...write), read: Math.max(0, ...read) },
      units: { write: sum(write), read: sum(read) },
      throttled: this.throttled,
    };
  }
}

/**
 * Which requests the partitions of one table have capacity for. A partition is one value of the partition key: that
 * DynamoDB may put many of them together, or split one, is left out.
 */
export class PartitionLimits implements Capacity {
  readonly #now: () => number;
  readonly #partitions = new Map<string, Bucket>();
  readonly #table: Bucket;
  readonly #partition: Rates;
  /** Nothing is limited or counted until then. */
  isOn = false;

  constructor(now: () => number, { table = NEW_TABLE, partition = PARTITION }: LimitOptions) {
    this.#now = now;
    this.#table = new Bucket(table, now());
    this.#partition = partition;
  }

  admits({ is, partition }: Demand): boolean {
    if (!this.isOn) return true;
    const now = this.#now();
    for (const bucket of [this.#bucket(partition), this.#table]) {
      if (bucket.hasRoom(is, now)) continue;
      bucket.throttled += 1;
      return false;
    }
    return true;
  }

  used({ is, partition, transacted }: Demand, bytes: number): void {
    if (!this.isOn) return;
    const units = Math.max(1, Math.ceil(bytes / UNIT_BYTES[is])) * (transacted && is === "write" ? TRANSACTED : 1);
    for (const bucket of [this.#bucket(partition), this.#table]) bucket.take(is, units, this.#now());
  }

  /** What the whole table was used for. */
  get table(): Usage {
    return this.#table.usage("the table");
  }

  /** What each partition was used for: the one with the most write units in a second first. */
  get partitions(): readonly Usage[] {
    const all = [...this.#partitions]
      .map(([name, bucket]) => bucket.usage(name))
      .filter(({ units, throttled }) => units.write + units.read + throttled > 0);
    return all.sort((one, other) => other.peak.write - one.peak.write || other.units.write - one.units.write);
  }

  #bucket(partition: string): Bucket {
    let bucket = this.#partitions.get(partition);
    if (bucket === undefined) this.#partitions.set(partition, (bucket = new Bucket(this.#partition, this.#now())));
    return bucket;
  }
}

const sum = (each: readonly number[]): number => each.reduce((all, one) => all + one, 0);
