/**
 * The registry of due work: which keys of the due index are of which kind, and what is done at one. The sweep finds due
 * work by the index; a delayed message brings it forward.
 */
import type { Key } from "../dynamodb/table.ts";
import type { Deadline, Log } from "../system/ports.ts";

/** One kind of due work: what to do at a key, or undefined when the key is of another kind. */
export type DueWorkKind = (key: Key) => ((deadline: Deadline) => Promise<unknown>) | undefined;

/**
 * A kind of due work whose keys `read` recognises.
 *
 * @param run does what is due there; safe to call at any time and more than once, and what is not due stays. It may resolve
 *   to the time since when a gap stands there, ms since 1970
 */
export function dueWorkKind<T>(
  read: (key: Key) => T | undefined,
  run: (found: T, deadline: Deadline) => Promise<unknown>,
): DueWorkKind {
  return (key) => {
    const found = read(key);
    return found === undefined ? undefined : async (deadline) => await run(found, deadline);
  };
}

/** Does due work of every registered kind. */
export class DueWork {
  readonly #kinds: readonly DueWorkKind[];
  readonly #log: Log;

  constructor(kinds: readonly DueWorkKind[], log: Log) {
    this.#kinds = kinds;
    this.#log = log;
  }

  /**
   * Does what is due at a key. Safe to call at any time and more than once; what is not due stays.
   *
   * @returns since when a gap stands there (ms since 1970), if one does
   */
  async runDue(key: Key, deadline: Deadline): Promise<number | undefined> {
    for (const kind of this.#kinds) {
      const run = kind(key);
      if (run === undefined) continue;
      const gapSince = await run(deadline);
      return typeof gapSince === "number" ? gapSince : undefined;
    }
    this.#log.error("work of an unknown kind is due", { sk: key.sk });
    return undefined;
  }
}
