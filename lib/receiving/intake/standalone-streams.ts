/** The heads of standalone streams as items: made at first use, cleared, removed with their peer. */
import { compact } from "../../system/compact.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { standaloneStreamPrefix, bufferedKey, bufferPartition } from "../../dynamodb/keys/streams.ts";
import { putIf } from "../../dynamodb/outcomes.ts";
import { deleteRange, pagesOf } from "../../dynamodb/paging.ts";
import { itemMissing, type Key, type Table } from "../../dynamodb/table.ts";
import { newStandaloneStream } from "../stream/stream-lives.ts";

/** Makes the head of a stream that was never used, unless another does at the same time. 1 write. */
export async function makeStandaloneStream(table: Table, key: Key, now: number): Promise<void> {
  await putIf(table, newStandaloneStream(key, now), itemMissing);
}

/** Deletes what a stream buffered; of the epochs before `epoch` only, when given. */
export async function removeBuffered(table: Table, stream: Key, epoch?: number): Promise<void> {
  const until = epoch === undefined ? undefined : bufferedKey(stream, epoch, 0).sk;
  await deleteRange(table, compact({ pk: bufferPartition(stream), prefix: "", until }));
}

/** A peer's trust has ended: its standalone streams go. One query when there are none. */
export async function removeStandaloneStreams(table: Table, actorId: string, peerId: string): Promise<void> {
  const range = { pk: actorPartition(actorId), prefix: standaloneStreamPrefix(peerId), only: [] };
  for await (const items of pagesOf(table, range)) {
    for (const { pk, sk } of items) await removeBuffered(table, { pk, sk });
    await table.deleteMany(items.map(({ pk, sk }) => ({ pk, sk })));
  }
}
