/** The partition that one actor's items share, and how a number stands in a sort key. */
import type { Key } from "../table.ts";

/** The partition of one actor: its record, trusts, outbound heads, failed events. Queried by prefix, never whole but for deletion. */
export const actorPartition = (actorId: string): string => `A#${actorId}`;

/** The actor whose partition, of whatever letter, a key is in: partitions are named `<letter>#<actor>`, and `#…` for more. */
export const actorOfKey = ({ pk }: Pick<Key, "pk">): string => pk.split("#", 2)[1] ?? "";

/** A number as text of 16 digits, so that sort keys order as the numbers do. */
export const number16 = (value: number): string => String(value).padStart(16, "0");
