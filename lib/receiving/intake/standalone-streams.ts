/** The heads of standalone streams as items: made at first use, cleared, removed with their peer. */
import { compact } from "../../system/compact.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { standaloneStreamPrefix, bufferedKey, bufferPartition } from "../../dynamodb/keys/streams.ts";
import { ConditionFailed, itemMissing } from "../../dynamodb/table.ts";
import type { Key, Table } from "../../dynamodb/table.ts";

/** Makes the head of a stream that was never used, unless another does at the same time. 1 write. */
export async function makeStandaloneStream(table: Table, key: Key, now: number): Promise<void> {
  const start = { epoch: 1, stateVersion: now, lastSeq: 0, starts: 0, version: 1 };
  try {
    await table.put({ ...key, state: "live", createdAt: now, activeAt: now, ...start }, itemMissing);
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error;
  }
}

/** Deletes what a stream buffered; of the epochs before `epoch` only, when given. */
export async function removeBuffered(table: Table, stream: Key, epoch?: number): Promise<void> {
  const range = compact({
    ...{ pk: bufferPartition(stream), prefix: "", only: ["ttl"] },
    until: epoch === undefined ? undefined : bufferedKey(stream, epoch, 0).sk,
  });
  for (;;) {
    const { items, next } = await table.query(range);
    await table.deleteMany(items.map(({ pk, sk }) => ({ pk, sk })));
    if (next === undefined) return;
  }
}

/** A peer's trust has ended: its standalone streams go. One query when there are none. */
export async function removeStandaloneStreams(table: Table, actorId: string, peerId: string): Promise<void> {
  const range = { pk: actorPartition(actorId), prefix: standaloneStreamPrefix(peerId), only: ["epoch"] };
  for (;;) {
    const { items, next } = await table.query(range);
    for (const { pk, sk } of items) await removeBuffered(table, { pk, sk });
    await table.deleteMany(items.map(({ pk, sk }) => ({ pk, sk })));
    if (next === undefined) return;
  }
}
