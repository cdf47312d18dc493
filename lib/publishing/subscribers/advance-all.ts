/** One reading of an actor's log for many of its subscriptions: however many, a page of it is in memory. */
import { advance } from "../../domain/log/subscription-log.ts";
import type { SubscriptionState } from "../../domain/log/subscription-log.ts";
import type { InboundHead } from "./inbound-head.ts";
import type { Records } from "./rendered-diffs.ts";

/** Where heads stand after a reading. */
export interface AllAdvanced {
  /** In the order of the heads. */
  readonly states: readonly SubscriptionState[];
  /** How far everything was looked at: a head that is not there has lost records. */
  readonly upTo: number;
}

/**
 * Looks at the records up to `newest` for all heads of one actor; nothing is stored. Stops
 * before a record when `mayGoOn` says no. One query for each MB of records.
 */
export async function advanceAll(
  log: Records,
  heads: readonly InboundHead[],
  newest: number,
  mayGoOn: () => boolean = () => true,
): Promise<AllAdvanced> {
  const states = heads.map(({ state }) => state);
  const waiting = [...heads.entries()].sort(([, one], [, other]) => other.state.cursor - one.state.cursor);
  const first = waiting.at(-1)?.[1];
  if (first === undefined) return { states, upTo: newest };
  const moving: [number, InboundHead][] = [];
  for await (const { number, record } of log.stream(first.actorId, first.state.cursor, newest)) {
    if (!mayGoOn()) return { states, upTo: number - 1 };
    for (let next = waiting.at(-1); next !== undefined && next[1].state.cursor < number; next = waiting.at(-1)) {
      moving.push(next);
      waiting.pop();
    }
    for (const [index, head] of moving) {
      const state = states[index] ?? head.state;
      if (state.cursor === number - 1) states[index] = advance(state, head, number, record).state;
    }
  }
  return { states, upTo: newest };
}
