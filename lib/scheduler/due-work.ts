/**
 * The registry of due work: which keys of the due index belong to which kind, and what to do there. The sweep finds due
 * work through the index; a delayed message brings it forward.
 */
import type { Key } from "../dynamodb/table.ts";
import type { Deadline, Log } from "../system/ports.ts";

/**
 * Does what is due at a key. Safe to call at any time and more than once; what is not due stays.
 *
 * @returns since when a gap stands there (ms since 1970), if one does
 */
export type RunDue = (key: Key, deadline: Deadline) => Promise<number | undefined>;

/** One kind of due work: starts what is due at a key, or gives undefined when the key is of another kind. */
export type DueWorkKind = (key: Key, deadline: Deadline) => Promise<unknown> | undefined;

/**
 * A kind of due work whose keys `read` recognises.
 *
 * @param doer does what is due there, under the rules of `RunDue`; a number that it resolves to is the time of a gap
 */
export function dueWorkKind<T>(
  read: (key: Key) => T | undefined,
  doer: { runDue(found: T, deadline: Deadline): Promise<unknown> },
): DueWorkKind {
  return (key, deadline) => {
    const found = read(key);
    return found === undefined ? undefined : doer.runDue(found, deadline);
  };
}

/** Does due work of the given kinds; the first that recognises a key does it. */
export function dueWork(kinds: readonly DueWorkKind[], log: Log): RunDue {
  return async (key, deadline) => {
    for (const kind of kinds) {
      const work = kind(key, deadline);
      if (work === undefined) continue;
      const gapSince = await work;
      return typeof gapSince === "number" ? gapSince : undefined;
    }
    log.error("no kind of due work recognises this key", { sk: key.sk });
    return undefined;
  };
}
