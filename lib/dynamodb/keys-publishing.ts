/** The keys of the publishing side: an actor's change log and its own properties. Each access pattern is documented here. */
import { actorPartition } from "./keys.ts";
import type { Key } from "./table.ts";

const number16 = (value: number): string => String(value).padStart(16, "0");

/** The sort key of every change log's head. */
export const LOG_SK = "LOG";

/**
 * The head of an actor's change log: `newest`, the number of its last record, and `cleared`, that of the last one that
 * deleted all properties. Every change is one transaction that moves it on the condition that `newest` is as read, which
 * makes it the one item all writers of an actor meet at. In the due index only while properties that a deletion of all
 * has taken away are still stored.
 */
export const logHeadKey = (actorId: string): Key => ({ pk: actorPartition(actorId), sk: LOG_SK });

/** The partition of an actor's log records. Queried by a range of numbers; whole only for deletion. */
export const recordPartition = (actorId: string): string => `R#${actorId}`;

/**
 * One part of a record, 0 the first. Put once, on `itemMissing`, in the transaction of its change; expires by itself.
 * The parts of a record follow one another, so a range of numbers is one query for each MB.
 */
export const logRecordKey = (actorId: string, recordNumber: number, part = 0): Key => ({
  pk: recordPartition(actorId),
  sk: part === 0 ? number16(recordNumber) : `${number16(recordNumber)}#${String(part)}`,
});

/** Above every part of this record in sort order, and below the next record. */
export const endOfRecord = (recordNumber: number): string => `${number16(recordNumber)}#~`;

/** The partition of an actor's own properties. Queried by prefix `V#` for all of them: one page for each MB. */
export const ownPartition = (actorId: string): string => `O#${actorId}`;

/** Prefix of the properties' sort keys. */
export const OWN_PREFIX = "V#";

/**
 * One property of an actor: its JSON text, its bytes, and `last`, the number of the record of its last change. Read by
 * key together with the log's head (one request); put or deleted in the transaction of a change, on `last` as read.
 */
export const ownPropertyKey = (actorId: string, name: string): Key => ({
  pk: ownPartition(actorId),
  sk: `${OWN_PREFIX}${name}`,
});
