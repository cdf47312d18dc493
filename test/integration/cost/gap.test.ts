/** What a gap that times out costs, from its delayed message until the stream is up to date; and what an idle stream costs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { queueWorker } from "../../../lib/scheduler/queue-worker.ts";
import type { DelayedWork, Json } from "../../../lib/system/ports.ts";
import type { Cost } from "../../support/measured-table.ts";
import type { Answer, Network } from "../../support/in-process.ts";
import { work } from "../../support/memory-queue.ts";
import { CallbackWorld, type Stream } from "./callback-world.ts";
import { CostTable } from "./cost-table.ts";

const GAP_TIMEOUT_MS = 5_000;
const REMAINING_MS = 60_000;

let world: CallbackWorld;
const table = new CostTable();
/** The delayed messages that were sent. */
let messages: DelayedWork[] = [];
/** The publisher's answers by method and path below its root. */
let answers: Readonly<Record<string, Answer>> = {};
/** What the publisher was asked, as method and path below its root. */
let asked: string[] = [];

beforeAll(async () => {
  world = await CallbackWorld.start();
  (world.services.http as Network).hosts.set("https://peer.example", ({ method, url }) => {
    const { pathname, search } = new URL(url);
    const request = `${method} ${pathname.replace(/^\/[^/]+/, "")}${search}`;
    asked.push(request);
    return Promise.resolve(answers[request] ?? answerOf({}, 404));
  });
});
beforeEach(() => {
  [messages, answers, asked] = [[], {}, []];
  vi.spyOn(world.services.queue, "send").mockImplementation((work) => {
    messages.push(work);
    return Promise.resolve();
  });
});
afterAll(async () => {
  table.print();
  await world.close();
});

/** The answer of a publisher that names its position, as this service does. */
function answerOf(json: unknown, status = 200, position?: number): Answer {
  const headers = {
    "content-type": "application/json",
    ...(position !== undefined && { "x-actingweb-sequence": String(position) }),
  };
  return { status, headers, text: JSON.stringify(json), json };
}

/** One diff of the publisher's backlog. */
const diffOf = (sequence: number, data: Json) => ({
  sequence,
  timestamp: new Date(Date.UTC(2026, 0, 1) + sequence).toISOString(),
  data,
  overwritten: [],
});

/** Applies callback 1, loses callback 2 and buffers those from 3 to `newest`. */
async function openGap(stream: Stream, newest: number, data: (n: number) => Json): Promise<void> {
  expect((await world.send(stream, 1, data(1))).status).toBe(201);
  for (let n = 3; n <= newest; n += 1) expect((await world.send(stream, n, data(n))).status).toBe(202);
}

/** Lets the delayed message of the gap arrive once the gap has timed out. @returns what the work cost */
async function arrive(): Promise<Cost> {
  const Records = messages.map((work, index) => ({ messageId: String(index), body: JSON.stringify(work) }));
  expect(Records).toHaveLength(1);
  const { clock } = world.services;
  const now = vi.spyOn(clock, "now").mockReturnValue(clock.now() + GAP_TIMEOUT_MS);
  try {
    return await world.costOf(async () => {
      const context = { getRemainingTimeInMillis: () => REMAINING_MS };
      const { batchItemFailures } = await queueWorker(() => world.services)({ Records }, context);
      expect(batchItemFailures).toEqual([]);
    });
  } finally {
    now.mockRestore();
  }
}

async function expectUpToDate(stream: Stream, newest: number): Promise<void> {
  const head = await world.services.heads.get(stream);
  expect(head).toMatchObject({ lastSeq: newest, buffered: new Set(), replacing: false });
  expect([head?.lease, head?.recoveryRequested]).toEqual([undefined, undefined]);
}

describe("a gap that times out", () => {
  it.each([1, 25])("is closed from the publisher's backlog within its budget: 1 missing, %i buffered", async (k) => {
    const stream = await world.open();
    const data = (n: number): Json => ({ color: n });
    const newest = k + 2;
    await openGap(stream, newest, data);
    const backlog = Array.from({ length: k + 1 }, (_, index) => diffOf(index + 2, data(index + 2)));
    const subscription = `/subscriptions/${stream.actorId}/${stream.subscriptionId}`;
    answers = {
      [`GET ${subscription}`]: answerOf({ sequence: newest, data: backlog }),
      [`PUT ${subscription}`]: answerOf("", 204),
    };
    const begun = world.hooked.length;
    const cost = await arrive();
    expect(world.hooked.slice(begun)).toEqual(backlog.map(({ sequence }) => sequence));
    expect(asked).toEqual([`GET ${subscription}`, `PUT ${subscription}`]);
    await expectUpToDate(stream, newest);
    table.check(`gap closed from the backlog, ${String(k)} buffered`, cost, {
      requests: 9 + 2 * k,
      steps: 9 + 2 * k,
      readUnits: 2 + k,
      writeUnits: 5 + 3 * k,
      indexWriteUnits: 4,
    });
  });

  it("is closed from the state within its budget: 10 properties, 1 missing, 1 buffered", async () => {
    const stream = await world.open();
    const state = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`p${String(index)}`, "red"]));
    await openGap(stream, 3, (n) => (n === 1 ? state : { p0: n }));
    const subscription = `/subscriptions/${stream.actorId}/${stream.subscriptionId}`;
    const inventory = { simple: { properties: Object.keys(state), total_bytes: 100 }, lists: {} };
    answers = {
      [`GET ${subscription}`]: answerOf({ sequence: 3, data: [diffOf(3, { p0: 3 })] }),
      "GET /properties?metadata=true": answerOf(inventory, 200, 3),
      "GET /properties": answerOf({ ...state, p0: 3 }, 200, 3),
      [`PUT ${subscription}`]: answerOf("", 204),
    };
    const begun = world.hooked.length;
    const cost = await arrive();
    expect(world.hooked.slice(begun)).toEqual([3]);
    expect(asked).toEqual(Object.keys(answers));
    await expectUpToDate(stream, 3);
    table.check("gap closed from the state, 10 properties", cost, {
      requests: 19,
      steps: 10,
      readUnits: 5,
      writeUnits: 14,
      indexWriteUnits: 4,
    });
  });
});

describe("an idle stream", () => {
  it("asks its publisher within its budget, with others in one message", async () => {
    const [count, newest] = [5, 0];
    const streams: Stream[] = [];
    for (let n = 0; n < count; n += 1) streams.push(await world.open());
    const subscription = ({ actorId, subscriptionId }: Stream): string => `/subscriptions/${actorId}/${subscriptionId}`;
    answers = Object.fromEntries(
      streams.map((stream) => [`GET ${subscription(stream)}`, answerOf({ sequence: newest, data: [] })]),
    );
    const { clock } = world.services;
    const hour = clock.now() + 3_600_000;
    const heads = await Promise.all(streams.map(async (stream) => await world.services.heads.get(stream)));
    const items = heads.map((head) => ({ ...(head?.key ?? { pk: "", sk: "" }), dueAt: head?.dueAt ?? 0 }));
    vi.spyOn(clock, "now").mockReturnValue(hour);
    const cost = await world.costOf(async () => {
      await work(world.services, { kind: "found", items }, { remaining: () => REMAINING_MS });
    });
    expect(asked.toSorted()).toEqual(Object.keys(answers).toSorted());
    for (const stream of streams) expect((await world.services.heads.get(stream))?.dueAt).toBeGreaterThan(hour);
    table.check(`${String(count)} idle streams, polled`, cost, {
      requests: 1 + 4 * count,
      readUnits: 3 * count,
      writeUnits: 2 * count,
      indexWriteUnits: 2 * count,
    });
  });
});
