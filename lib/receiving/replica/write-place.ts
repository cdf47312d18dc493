import { parseText, printJson } from "../../domain/json/json-text.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { placeKey } from "../../dynamodb/keys/replica.ts";
import { putIf } from "../../dynamodb/outcomes.ts";
import {
  all,
  any,
  ConditionFailed,
  differs,
  itemMissing,
  missing,
  TransactionRefused,
  type Key,
} from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Json } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import { TooWide } from "../../lists/list-commit.ts";
import { PageGone } from "../../lists/list-pages.ts";
import { ListStore } from "./list-store.ts";
import { readPlace, type Replica } from "./peer-places.ts";
import type { Next, PlaceChange } from "./place-change.ts";
import { fromItem, toItem, type ReplicaEntry, type Staleness } from "./replica-entry.ts";
import { partKeys, readBody, writeBody } from "./value-body.ts";
import type { PlaceWrite, Stamp } from "./write-policy.ts";

/** How often the write of a place is attempted; each failure means that another write came first. */
const ATTEMPTS = 8;
/** A value with more characters than this may not fit into its item, and is not written without a read. */
const MOST_UNREAD = 100_000;

/** What became of one place. */
export interface Outcome {
  readonly result: "changed" | "skipped" | "reread";
  /** The place must be read from its publisher. */
  readonly reread: boolean;
  /** What is stored of the place now. */
  readonly entry: ReplicaEntry | undefined;
}

/**
 * Writes one place: decides from the stored entry, writes on the condition that the entry is unchanged, and decides again
 * when it is not. A change that does not depend on the stored entry is one write without a read, unless the entry is a
 * list, a value in parts, or not older, or the new value is too big for one item.
 *
 * @throws ServiceError service.unavailable when other writes come first again and again
 */
export async function writePlace(replica: Replica, write: PlaceWrite, change: PlaceChange): Promise<Outcome> {
  const { place, policy } = write;
  let { known } = write;
  const entry = known === undefined ? unreadEntry(replica, write, change) : undefined;
  if (entry !== undefined) {
    const plain = all(policy.over, differs("type", "list"), missing("parts"));
    const put = await putIf(replica.table, toItem(keyOf(replica, place), entry), any(itemMissing, plain));
    if (put.written) return changed(entry);
    known = put.item === undefined ? null : fromItem(put.item);
  }
  const stored = known === undefined ? await readPlace(replica, place) : (known ?? undefined);
  const outcome = await retryOnConflict({ stored, mustReread: false }, ATTEMPTS, async (seen) => {
    const verdict = policy.verdict(seen.stored);
    const stamp = policy.stamp(seen.stored);
    if (verdict === "skip") {
      const same = seen.stored?.mustReread === true && seen.stored.sequence === stamp.sequence;
      return { done: { result: "skipped", reread: same, entry: seen.stored } as const };
    }
    try {
      const next =
        verdict === "diverged" || seen.mustReread
          ? ({ is: "reread" } as const)
          : await change.next(seen.stored, stamp, async () => await valueOf(replica, seen.stored));
      if (next !== undefined) return { done: await put(replica, write, seen.stored, next) };
      // The value was replaced while it was read.
      return { found: { ...seen, stored: await readPlace(replica, place) } };
    } catch (error) {
      return { found: await seenAfter(replica, place, seen, error) };
    }
  });
  if (outcome !== undefined) return outcome;
  throw new ServiceError(
    "service.unavailable",
    "The stored data of this peer is being changed by other requests; try again.",
  );
}

interface Seen {
  readonly stored: ReplicaEntry | undefined;
  /** Only the publisher can say what the place contains. */
  readonly mustReread: boolean;
}

/** What the next attempt starts from. @throws the error when it is no conflict */
async function seenAfter(replica: Replica, place: Place, seen: Seen, error: unknown): Promise<Seen> {
  if (error instanceof ConditionFailed) {
    return { ...seen, stored: error.item === undefined ? undefined : fromItem(error.item) };
  }
  if (error instanceof TransactionRefused) return { ...seen, stored: await readPlace(replica, place) };
  if (error instanceof PageGone) {
    const stored = await readPlace(replica, place);
    // The head is unchanged and yet its pages are gone: only the publisher can mend that.
    return { stored, mustReread: isSameState(stored, seen.stored) };
  }
  // An operation that is too large to apply: the list can only be read again.
  if (error instanceof TooWide) return { ...seen, mustReread: true };
  throw error;
}

/** The entry that a change puts whatever is stored; undefined when it must not be written without a read. */
function unreadEntry({ clock }: Replica, { place, policy }: PlaceWrite, change: PlaceChange): ReplicaEntry | undefined {
  if (change.unread === undefined) return undefined;
  const base = { place, ...policy.stamp(undefined), updatedAt: clock.now() };
  const value = change.unread();
  if (value === undefined) return { ...base, type: "tombstone", hides: place.length > 1 };
  const text = printJson(value);
  if (text.length > MOST_UNREAD) return undefined;
  return { ...base, type: "value", bytes: Buffer.byteLength(text), body: { text } };
}

/** Writes what replaces `stored`, on the condition that `stored` is unchanged. */
async function put(
  replica: Replica,
  write: PlaceWrite,
  stored: ReplicaEntry | undefined,
  next: Next,
): Promise<Outcome> {
  const { place, policy } = write;
  const lists = new ListStore(replica);
  const stamp = policy.stamp(stored);
  const updatedAt = replica.clock.now();
  const mark = async (marked: Partial<Stamp & { stale: Staleness; updatedAt: number }>): Promise<Outcome> => {
    const base: ReplicaEntry = stored ?? { type: "tombstone", place, watermark: "", sequence: 0, updatedAt };
    const entry = { ...base, ...marked, mustReread: true };
    await lists.put(stored, entry);
    return { result: "reread", reread: true, entry };
  };
  const replace = async (entry: ReplicaEntry): Promise<Outcome> => {
    await lists.put(stored, entry);
    await forgetParts(replica, stored, entry);
    return { ...changed(entry), reread: entry.mustReread === true };
  };
  switch (next.is) {
    case "unchanged":
      return { result: "skipped", reread: false, entry: stored };
    case "value": {
      const mustReread = next.mustReread === true ? true : undefined;
      const body = await writeBody(replica, place, stamp, next.value);
      return await replace(compact({ type: "value", place, ...stamp, updatedAt, mustReread, ...body }));
    }
    case "tombstone":
      return await replace({ type: "tombstone", place, ...stamp, updatedAt, hides: next.hides });
    case "list":
      return changed(await lists.build(write, stored, next.whole));
    case "operation": {
      const entry = await lists.operate(write, next.on, next.operation);
      return entry === undefined ? await mark({ ...stamp, updatedAt }) : changed(entry);
    }
    case "reread":
      return await mark({ ...stamp, updatedAt });
    case "stale": {
      const stale = { ...next.failed, since: stored?.stale?.since ?? updatedAt };
      return await mark({ watermark: stamp.watermark, stale });
    }
  }
}

const changed = (entry: ReplicaEntry): Outcome => ({ result: "changed", reread: false, entry });

async function valueOf(replica: Replica, stored: ReplicaEntry | undefined): Promise<Json | undefined> {
  const text = stored?.type === "value" ? await readBody(replica, stored) : undefined;
  return text === undefined ? undefined : (parseText(text) as Json);
}

/** Deletes the parts of a value that was replaced. Parts whose deletion fails stay until the peer's data goes. */
async function forgetParts(replica: Replica, before: ReplicaEntry | undefined, after: ReplicaEntry): Promise<void> {
  const kept = new Set(partKeys(replica, after).map((key) => key.sk));
  const left = partKeys(replica, before).filter((key) => !kept.has(key.sk));
  if (left.length > 0) await replica.table.deleteMany(left).catch(() => undefined);
}

const keyOf = ({ actorId, peerId }: Replica, place: Place): Key => placeKey(actorId, peerId, place);

function isSameState(one: ReplicaEntry | undefined, other: ReplicaEntry | undefined): boolean {
  return (
    one?.watermark === other?.watermark &&
    one?.touched === other?.touched &&
    (one?.type === "list" ? one.generation : "") === (other?.type === "list" ? other.generation : "")
  );
}
