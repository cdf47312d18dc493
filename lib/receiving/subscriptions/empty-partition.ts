import { bufferEpoch, bufferPartition } from "../../dynamodb/keys/streams.ts";
import type { Key, QueryRange, Table } from "../../dynamodb/table.ts";

/** Deletes what lies in a range; returns the sort keys. */
export async function emptyPartition(table: Table, range: QueryRange): Promise<readonly string[]> {
  const deleted: string[] = [];
  for (;;) {
    const page = await table.query({ ...range, limit: 100, only: ["eventId"] });
    if (page.items.length === 0) return deleted;
    await table.deleteMany(page.items.map(({ pk, sk }) => ({ pk, sk })));
    deleted.push(...page.items.map(({ sk }) => sk));
    if (page.next === undefined) return deleted;
  }
}

/** Deletes the callbacks that a stream buffered in epochs before this one. Those of this epoch may be acknowledged already. */
export async function emptyBuffer(table: Table, stream: Key, epoch: number): Promise<void> {
  await emptyPartition(table, { pk: bufferPartition(stream), prefix: "", until: bufferEpoch(epoch) });
}
