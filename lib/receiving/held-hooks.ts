/** Streams whose hooks a `stop` verdict holds: released in order once what stopped them is settled. */
import type { Clock, Deadline } from "../ports.ts";
import { dueAttributes, headIs } from "./head.ts";
import type { Head } from "./head.ts";
import type { HookRuns } from "./hook-runs.ts";
import type { Parked, ParkedStore } from "./parked-store.ts";
import type { Timers } from "./timers.ts";
import { restingDue } from "./turns.ts";
import type { Turns } from "./turns.ts";

/** Held events run under one look at the stream. */
const PAGE = 25;

export class HeldHooks {
  readonly #turns: Turns;
  readonly #parked: ParkedStore;
  readonly #hooks: HookRuns;
  readonly #timers: Timers;
  readonly #clock: Clock;
  readonly #reserveMs: number;

  constructor(deps: {
    turns: Turns;
    parked: ParkedStore;
    hooks: HookRuns;
    timers: Timers;
    clock: Clock;
    reserveMs: number;
  }) {
    this.#turns = deps.turns;
    this.#parked = deps.parked;
    this.#hooks = deps.hooks;
    this.#timers = deps.timers;
    this.#clock = deps.clock;
    this.#reserveMs = deps.reserveMs;
  }

  /** What stopped the stream is settled: its held events are to run now. 1 write, then a timer or the sweep. */
  async ask(head: Head): Promise<void> {
    const change = {
      set: { releasing: true, ...dueAttributes(head.key, this.#clock.now()) },
      add: { version: 1 },
    };
    const asked = await this.#turns.amend(head.key, change, headIs.live);
    if (asked !== undefined) await this.#timers.wake(asked);
  }

  /** Runs the held events in order, then opens the stream's hooks again. Another `stop` keeps it closed. */
  async release(head: Head, deadline: Deadline): Promise<void> {
    const claimed = await this.#turns.claim(head.key, { holdMs: deadline.remaining(), evenReplacing: true });
    if (!claimed.won) return;
    let open = false;
    let stopped = false;
    while (!open && !stopped && deadline.remaining() > this.#reserveMs) {
      const { parked } = await this.#parked.page(head.actorId, {
        peerId: head.peerId,
        subscriptionId: head.subscriptionId,
        limit: PAGE,
        status: "held",
      });
      open = parked.length === 0;
      stopped = await this.#runAll(parked, deadline);
    }
    const remove = ["claimToken", "claimUntil", "claimFence", ...(open ? ["held"] : [])];
    if (open || stopped) remove.push("releasing");
    const resting =
      head.pending.size > 0 || (!open && !stopped)
        ? dueAttributes(head.key, this.#clock.now())
        : restingDue(head, remove);
    await this.#turns.amend(
      head.key,
      { set: { starts: 0, ...resting }, remove, add: { version: 1 } },
      headIs.claimedBy(claimed.head.claim?.token ?? ""),
    );
  }

  /** True when one of them stopped the stream again. */
  async #runAll(parked: readonly Parked[], deadline: Deadline): Promise<boolean> {
    for (const each of parked) {
      if (deadline.remaining() <= this.#reserveMs) return false;
      if ((await this.#hooks.again(each)) === "stopped") return true;
    }
    return false;
  }
}
