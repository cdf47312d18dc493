/** Records of one actor's log that several subscriptions need at about the same time, read once for all of them. */
import type { ChangeLog, NumberedRecord } from "./change-log.ts";

/** Most records that the cache has. A subscription that is further behind reads older records itself. */
const MOST_RECORDS = 1_000;
/** Most bytes of their JSON text. */
const MOST_BYTES = 4 * 1_024 * 1_024;

/**
 * The newest records of one log. It begins with the records in hand, and extends to older records as they are needed,
 * until it is full. Invariants: the cached records follow one another without a gap, except expired ones; one read runs
 * at a time.
 */
export class RecordCache {
  readonly #log: Pick<ChangeLog, "stream">;
  readonly #actorId: string;
  #records: readonly NumberedRecord[];
  #bytes = 0;
  #full = false;
  #reading: Promise<void> = Promise.resolve();

  constructor(log: Pick<ChangeLog, "stream">, actorId: string, inHand: readonly NumberedRecord[] = []) {
    this.#log = log;
    this.#actorId = actorId;
    this.#records = inHand;
  }

  /** The records numbered over `after` and up to `upTo` that are there, ascending. */
  async *stream(after: number, upTo: number): AsyncGenerator<NumberedRecord> {
    if (upTo <= after) return;
    const before = this.#reading.catch(() => undefined);
    this.#reading = before.then(async () => {
      await this.#extend(after, upTo);
    });
    await this.#reading;
    const records = this.#records;
    const [oldest, newest] = [records[0]?.number ?? upTo + 1, records.at(-1)?.number ?? upTo];
    yield* this.#log.stream(this.#actorId, after, Math.min(upTo, oldest - 1));
    for (const record of records) if (record.number > after && record.number <= upTo) yield record;
    yield* this.#log.stream(this.#actorId, Math.max(after, newest), upTo);
  }

  async #extend(after: number, upTo: number): Promise<void> {
    const end = (this.#records[0]?.number ?? upTo + 1) - 1;
    if (this.#full || end <= after) return;
    if (end - after + this.#records.length > MOST_RECORDS) return;
    const older: NumberedRecord[] = [];
    let bytes = this.#bytes;
    for await (const record of this.#log.stream(this.#actorId, after, end)) {
      older.push(record);
      bytes += record.bytes;
      if (bytes > MOST_BYTES) {
        this.#full = true;
        return;
      }
    }
    this.#bytes = bytes;
    this.#records = [...older, ...this.#records];
  }
}
