/** One reading of an actor's log for many of its subscriptions: a page of records is in memory, however many there are. */
import { advance, type Advanced } from "../../domain/log/subscription-log.ts";
import type { InboundHead } from "./inbound-head.ts";
import type { Records } from "./rendered-diffs.ts";

/** Where heads stand after a reading. */
export interface AllAdvanced {
  /** In the order of the heads. */
  readonly advanced: readonly Advanced[];
  /** The last record that was read: a head that does not stand there has lost records. */
  readonly upTo: number;
}

/**
 * Advances all heads of one actor over the records up to `newest`; nothing is stored. One query for each MB of records.
 *
 * @param options.mayGoOn is asked before each record; false ends the reading there
 * @param options.carry keeps the newest number that each head made; without it they stay out of memory
 */
export async function advanceAll(
  log: Records,
  heads: readonly InboundHead[],
  newest: number,
  { mayGoOn = () => true, carry = false }: { readonly mayGoOn?: () => boolean; readonly carry?: boolean } = {},
): Promise<AllAdvanced> {
  const advanced = heads.map(({ state }): Advanced => ({ state }));
  const waiting = [...heads.entries()].sort(([, one], [, other]) => other.state.cursor - one.state.cursor);
  const first = waiting.at(-1)?.[1];
  if (first === undefined) return { advanced, upTo: newest };
  const moving: [number, InboundHead][] = [];
  for await (const { number, record } of log.stream(first.actorId, first.state.cursor, newest)) {
    if (!mayGoOn()) return { advanced, upTo: number - 1 };
    for (let next = waiting.at(-1); next !== undefined && next[1].state.cursor < number; next = waiting.at(-1)) {
      moving.push(next);
      waiting.pop();
    }
    for (const [index, head] of moving) {
      const before: Advanced = advanced[index] ?? { state: head.state };
      if (before.state.cursor !== number - 1) continue;
      const next = advance(before.state, head, number, record);
      advanced[index] = carry ? { ...before, ...next } : { state: next.state };
    }
  }
  return { advanced, upTo: newest };
}
