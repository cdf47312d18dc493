import type { Log } from "../../system/ports.ts";

/** Names shown in one line, and characters of each. */
const SHOWN = 5;
const SHOWN_LENGTH = 80;

/** Logs the names of a peer that the copy leaves out: empty, over 256 bytes, with `/` or a control character. */
export function logLeftOut(log: Log, ids: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  log.warn("names that no copied property can have were left out", {
    ...ids,
    count: names.length,
    names: names.slice(0, SHOWN).map((name) => name.slice(0, SHOWN_LENGTH)),
  });
}
