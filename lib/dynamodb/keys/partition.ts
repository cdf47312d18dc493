/** The partition that one actor's items share, and how a number stands in a sort key. */
import type { Key } from "../table.ts";

/** The partition of one actor: its record, trusts, subscription heads, failed events. Queried by prefix, never whole but for deletion. */
export const actorPartition = (actorId: string): string => `A#${actorId}`;

/** The actor whose partition, of whatever letter, a key is in. */
export const actorOfKey = ({ pk }: Pick<Key, "pk">): string => pk.slice(2);

/** A number as text of 16 digits, so that sort keys order as the numbers do. */
export const number16 = (value: number): string => String(value).padStart(16, "0");
