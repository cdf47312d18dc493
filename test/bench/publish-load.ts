/** Publishing over HTTP: changes to 0 up to 100 subscribers, a long poll and its clearing, a backlog's replay. */
import { setTimeout as wait } from "node:timers/promises";
import type { OwnedActor } from "../support/owned-actor.ts";
import { gather } from "../support/subscriber-peer/crowd.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import { BenchStack } from "./bench-stack.ts";
import { pace, type Pace } from "./pace.ts";
import { RawRequests } from "./raw-requests.ts";

/** Changes of one property, one after another, each awaited until every subscriber has answered its callback. */
export interface PublishReport {
  readonly subscribers: number;
  /** As the writer sees it. */
  readonly changes: Pace;
  /** Table requests for one change, the writer's authentication included. */
  readonly requests: number;
  readonly budget: number;
  /** How many raw requests take as long as one change, by the medians of both. */
  readonly ratio: number;
}

/** Something done once in a while. */
export interface WorkReport {
  readonly work: string;
  readonly diffs: number;
  readonly milliseconds: number;
  readonly requests: number;
}

export interface PublishingReport {
  readonly raw: Pace;
  readonly publishing: readonly PublishReport[];
  readonly backlog: readonly WorkReport[];
}

/** Subscribers, and changes made for them. */
const CROWDS = [
  [0, 100],
  [1, 100],
  [10, 40],
  [100, 10],
] as const;
const RAW_UPDATES = 200;
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

/** Measures all of it on one stack. About half a minute. */
export function measurePublishing(): Promise<PublishingReport> {
  return BenchStack.during(SETTINGS, async (stack) => {
    using raw = await RawRequests.open(stack.endpoint);
    const host = await new SubscriberHost().listen();
    try {
      await pace(1, RAW_UPDATES / 4, raw.update);
      const rawPace = await pace(1, RAW_UPDATES, raw.update);
      const publishing: PublishReport[] = [];
      for (const [subscribers, changes] of CROWDS) {
        publishing.push(await published(stack, host, { subscribers, changes, rawMs: rawPace.p50 }));
      }
      return { raw: rawPace, publishing, backlog: [...(await polled(stack, host)), await replayed(stack, host)] };
    } finally {
      await host.close();
    }
  });
}

async function published(
  stack: BenchStack,
  host: SubscriberHost,
  { subscribers, changes, rawMs }: { subscribers: number; changes: number; rawMs: number },
): Promise<PublishReport> {
  const actor = await stack.actor();
  const members = await gather(host, actor, subscribers, { numbersOnly: true });
  let made = 0;
  const change = async (): Promise<void> => {
    made += 1;
    await actor.expect("PUT", "/properties/color", 204, `color ${String(made)}`);
    await eventually("every subscriber's callback", () =>
      members.every(({ stream }) => stream.arrivals.includes(made)),
    );
  };
  await pace(1, 3, change);
  const before = await stack.requests();
  const changing = await pace(1, changes, change);
  const requests = ((await stack.requests()) - before) / changing.count;
  const budget = changeBudget(subscribers);
  return { subscribers, changes: changing, requests, budget, ratio: changing.p50 / rawMs };
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
  const before = await stack.requests();
  peer.behaviour = undefined;
  await eventually("the backlog", () => new Set(stream.arrivals).size >= REPLAYED);
  const requests = (await stack.requests()) - before;
  const taken = peer.taken(stream).map(({ at }) => at);
  const milliseconds = Math.max(...taken) - Math.min(...taken);
  return { work: "replay after the breaker closed", diffs: REPLAYED, milliseconds, requests };
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
  const before = await stack.requests();
  const from = performance.now();
  await run();
  const milliseconds = performance.now() - from;
  return { work, diffs, milliseconds, requests: (await stack.requests()) - before };
}

async function eventually(what: string, holds: () => boolean): Promise<void> {
  for (let looks = 0; !holds(); looks += 1) {
    if (looks === MOST_LOOKS) throw new Error(`Timed out waiting for ${what}.`);
    await wait(LOOK_MS);
  }
}
