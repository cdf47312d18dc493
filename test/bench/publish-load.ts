/** Publishing over HTTP: changes to 0 up to 100 subscribers, a long poll and its clearing, a backlog's replay. */
import { setTimeout as wait } from "node:timers/promises";
import type { OwnedActor } from "../support/owned-actor.ts";
import { gather, type Member } from "../support/subscriber-peer/crowd.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import { BenchStack, type Checkout } from "./bench-stack.ts";
import { median, paceOf, times, type Pace, type Times } from "./pace.ts";
import type { RawReport } from "./raw-process.ts";

/** Changes of one property, one after another, each awaited until every subscriber has answered its callback. */
export interface PublishReport {
  /** The name of the checkout. */
  readonly checkout: string;
  readonly subscribers: number;
  /** As the writer sees it. */
  readonly changes: Pace;
  /** Table requests for one change, the writer's authentication included. */
  readonly requests: number;
  readonly budget: number;
  /** How many raw requests take as long as one change: the median of the rounds. */
  readonly ratio: number;
  /** CPU time of the functions for one change, ms. */
  readonly functionMs: number;
}

/** Something done once in a while. */
export interface WorkReport {
  /** The name of the checkout. */
  readonly checkout: string;
  readonly work: string;
  readonly diffs: number;
  readonly milliseconds: number;
  readonly requests: number;
}

export interface PublishingReport {
  readonly publishing: readonly PublishReport[];
  readonly backlog: readonly WorkReport[];
}

/** Subscribers, and changes made for them at each round. */
const CROWDS = [
  [0, 30],
  [1, 30],
  [10, 12],
  [100, 4],
] as const;
const ROUNDS = 7;
/** Changes of each crowd that are not measured. */
const WARM_UP = 10;
const RAW_UPDATES = 100;
const POLLED = 1000;
const REPLAYED = 200;
const WRITERS = 8;
const LOOK_MS = 50;
const MOST_LOOKS = 600;

const SETTINGS = {
  TRUST_AUTO_APPROVE: "friend",
  CALLBACK_MODE: "sync",
  BREAKER_RECOVERY_SECONDS: "1",
  BACKLOG_REPLAY_MAX: "1000",
};

/** Table requests that one change to this many subscribers may take. */
export const changeBudget = (subscribers: number): number =>
  subscribers === 0 ? 3 : Math.floor(6 + 2 * subscribers + subscribers / 50);

/** Measures all of it, the changes of the checkouts by turns. About half a minute a checkout. */
export async function measurePublishing(checkouts: readonly Checkout[]): Promise<PublishingReport> {
  await using resources = new AsyncDisposableStack();
  const host = resources.adopt(await new SubscriberHost().listen(), (each) => each.close());
  const stacks: BenchStack[] = [];
  for (const checkout of checkouts) stacks.push(resources.use(await BenchStack.start(checkout, SETTINGS)));
  for (const stack of stacks) await stack.raw.send(1, RAW_UPDATES);
  const publishing: PublishReport[] = [];
  for (const [subscribers, changes] of CROWDS) {
    const crowds: ChangeLoad[] = [];
    for (const stack of stacks) crowds.push(await ChangeLoad.open(stack, host, subscribers));
    for (const crowd of crowds) await crowd.warmUp();
    for (let round = 0; round < ROUNDS; round += 1) for (const crowd of crowds) await crowd.round(changes);
    publishing.push(...crowds.map((crowd) => crowd.report()));
  }
  const backlog: WorkReport[] = [];
  for (const stack of stacks) backlog.push(...(await polled(stack, host)), await replayed(stack, host));
  return { publishing, backlog };
}

interface Round {
  readonly changes: Times;
  readonly raw: RawReport;
  readonly requests: number;
  readonly functionMs: number;
}

/** By the medians of both, because one slow change among few would say nothing. */
const ratioOf = ({ changes, raw }: Round): number => median(changes.times) / median(raw.times);

/** An actor of one stack with subscribers, and the rounds of changes measured until now. */
export class ChangeLoad {
  readonly #stack: BenchStack;
  readonly #actor: OwnedActor;
  readonly #members: readonly Member[];
  readonly #rounds: Round[] = [];
  #made = 0;

  private constructor(stack: BenchStack, actor: OwnedActor, members: readonly Member[]) {
    this.#stack = stack;
    this.#actor = actor;
    this.#members = members;
  }

  static async open(stack: BenchStack, host: SubscriberHost, subscribers: number): Promise<ChangeLoad> {
    const actor = await stack.actor();
    return new ChangeLoad(stack, actor, await gather(host, actor, subscribers, { numbersOnly: true }));
  }

  /** Makes changes one after another, each awaited until every subscriber has answered its callback. */
  async send(changes: number): Promise<Times> {
    return await times(1, changes, async () => {
      this.#made += 1;
      const number = this.#made;
      await this.#actor.expect("PUT", "/properties/color", 204, `color ${String(number)}`);
      await eventually("every subscriber's callback", () =>
        this.#members.every(({ stream }) => stream.arrivals.includes(number)),
      );
    });
  }

  async warmUp(): Promise<void> {
    await this.send(WARM_UP);
  }

  /** Changes, then raw requests. */
  async round(changes: number): Promise<void> {
    const before = await this.#stack.counts();
    const made = await this.send(changes);
    const after = await this.#stack.counts();
    this.#rounds.push({
      changes: made,
      raw: await this.#stack.raw.send(1, RAW_UPDATES),
      requests: after.requests - before.requests,
      functionMs: after.functionMs - before.functionMs,
    });
  }

  report(): PublishReport {
    const changes = paceOf(
      1,
      this.#rounds.map((round) => round.changes),
    );
    const each = (of: (round: Round) => number): number =>
      this.#rounds.reduce((sum, round) => sum + of(round), 0) / changes.count;
    const subscribers = this.#members.length;
    return {
      ...{ checkout: this.#stack.checkout.name, subscribers, changes, requests: each((round) => round.requests) },
      ...{
        budget: changeBudget(subscribers),
        ratio: median(this.#rounds.map(ratioOf)),
        functionMs: each((round) => round.functionMs),
      },
    };
  }
}

/** A subscriber that polls instead of taking callbacks: it reads all diffs at once, then acknowledges them. */
async function polled(stack: BenchStack, host: SubscriberHost): Promise<WorkReport[]> {
  const actor = await stack.actor();
  const [member] = await gather(host, actor, 1, { scope: { granularity: "none" } });
  if (!member) throw new Error("There is no subscriber.");
  await write(actor, POLLED);
  const poll = await timed(stack, `poll`, POLLED, async () => {
    const { entries } = await member.stream.poll();
    if (entries.length !== POLLED) throw new Error(`${String(entries.length)} diffs were polled.`);
  });
  const clear = await timed(stack, `clear`, POLLED, async () => {
    const status = await member.stream.clear(POLLED);
    if (status !== 204) throw new Error(`Clearing was answered ${String(status)}.`);
  });
  return [poll, clear];
}

/** A subscriber that was away: from the first callback it takes again to the last. */
async function replayed(stack: BenchStack, host: SubscriberHost): Promise<WorkReport> {
  const actor = await stack.actor();
  const [member] = await gather(host, actor, 1, { numbersOnly: true });
  if (!member) throw new Error("There is no subscriber.");
  const { peer, stream } = member;
  peer.behaviour = { kind: "refuse", status: 503 };
  await write(actor, REPLAYED);
  const before = await stack.counts();
  peer.behaviour = undefined;
  await eventually("the backlog", () => new Set(stream.arrivals).size >= REPLAYED);
  const requests = (await stack.counts()).requests - before.requests;
  const taken = peer.taken(stream).map(({ at }) => at);
  const milliseconds = Math.max(...taken) - Math.min(...taken);
  const { name: checkout } = stack.checkout;
  return { checkout, work: "replay after the breaker closed", diffs: REPLAYED, milliseconds, requests };
}

async function write(actor: OwnedActor, changes: number): Promise<void> {
  let left = changes;
  const writer = async (_: unknown, lane: number): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await actor.expect("PUT", `/properties/place${String(lane)}`, 204, `value ${String(left)}`);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

async function timed(stack: BenchStack, work: string, diffs: number, run: () => Promise<void>): Promise<WorkReport> {
  const before = await stack.counts();
  const from = performance.now();
  await run();
  const milliseconds = performance.now() - from;
  const requests = (await stack.counts()).requests - before.requests;
  return { checkout: stack.checkout.name, work, diffs, milliseconds, requests };
}

async function eventually(what: string, holds: () => boolean): Promise<void> {
  for (let looks = 0; !holds(); looks += 1) {
    if (looks === MOST_LOOKS) throw new Error(`Timed out waiting for ${what}.`);
    await wait(LOOK_MS);
  }
}
