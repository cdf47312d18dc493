import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Json } from "../support/publisher/json.ts";
import { startService, type Service } from "../support/service.ts";
import { openStream, type Stream } from "./stream.ts";

let service: Service;
/** Answers for publishers that know only 200 and 204. */
let silent: Service;
const streams: Stream[] = [];
beforeAll(async () => {
  const environment = { GAP_TIMEOUT_SECONDS: "3600", MAX_PENDING: "3" };
  [service, silent] = await Promise.all([
    startService(environment),
    startService({ ...environment, CALLBACK_SUCCESS_STATUS: "204" }),
  ]);
});
afterAll(async () => {
  await Promise.all([service.dispose(), silent.dispose()]);
  for (const { publisher } of streams) await publisher.close();
});

/** A stream with this many changes of `color` made and none sent. */
async function made(changes: number, at = service): Promise<Stream> {
  const stream = await openStream(at);
  streams.push(stream);
  for (let n = 1; n <= changes; n++) stream.publisher.set({ color: `c${n}` });
  return stream;
}

const state = ({ actor, subscription, publisher }: Stream) => actor.state(subscription, publisher);

describe("the body of a callback", () => {
  it.each<[string, Record<string, Json | undefined>]>([
    ["another actor's id", { id: "somebody" }],
    ["another subscription's id", { subscriptionid: "0".repeat(32) }],
    ["another target", { target: "resources" }],
    ["a subtarget that was not asked for", { subtarget: "color" }],
    ["no sequence", { sequence: undefined }],
    ["sequence 0", { sequence: 0 }],
    ["a sequence as text", { sequence: "1" }],
    ["half a sequence", { sequence: 1.5 }],
    ["a sequence beyond all counting", { sequence: 2 ** 60 }],
    ["a timestamp that is none", { timestamp: "yesterday" }],
    ["an unknown type", { type: "surprise" }],
    ["neither data nor url", { data: undefined }],
    ["data that is no object", { data: "text" }],
    ["a list as data", { data: [1] }],
    ["pointers that are none", { overwritten: ["color"] }],
  ])("with %s is 400 and changes nothing", async (_name, lie) => {
    const stream = await made(1);
    const answer = await stream.publisher.send(1, { lie });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: "bad_request" } } });
    expect(await state(stream)).toMatchObject({ lastSeq: 0, pendingCount: 0 });
    expect((await stream.publisher.send(1)).status).toBe(201);
  });

  it.each<[string, Record<string, Json | undefined>]>([
    ["a space and no zone", { timestamp: "2026-11-21 00:00:00.123456" }],
    ["an offset", { timestamp: "2026-11-21T01:00:00+01:00" }],
    ["empty subtarget and resource", { subtarget: "", resource: null }],
    ["unknown members", { surprise: { a: [1] } }],
  ])("may have %s", async (_name, lie) => {
    const { publisher } = await made(1);
    expect((await publisher.send(1, { lie })).status).toBe(201);
  });

  it("may come with PUT", async () => {
    const { publisher } = await made(1);
    expect(await publisher.send(1, { method: "PUT" })).toMatchObject({ status: 201, body: { sequence: 1 } });
  });
});

describe("the numbers of callbacks", () => {
  it("are answered as each row of the contract's table says", async () => {
    const stream = await made(7);
    const { publisher } = stream;
    const results = [];
    for (const sequence of [1, 1, 3, 3, 4, 5, 6, 2, 6, 7]) {
      const { status, body } = await publisher.send(sequence);
      results.push([sequence, status, (body as { result?: string }).result]);
    }
    expect(results).toEqual([
      [1, 201, "processed"],
      [1, 200, "duplicate"],
      [3, 202, "pending"],
      [3, 202, "pending"],
      [4, 202, "pending"],
      [5, 202, "pending"],
      [6, 429, undefined],
      [2, 201, "processed"],
      [6, 201, "processed"],
      [7, 201, "processed"],
    ]);
    expect(await state(stream)).toMatchObject({ lastSeq: 7, pendingCount: 0 });
    expect(await stream.replica()).toEqual({ color: "c7" });
  });

  it("are answered with Retry-After when the buffer is full", async () => {
    const { publisher } = await made(6);
    const answers = await publisher.deliver({ drop: [1] });
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 429, 429]);
    expect(answers.at(-1)!.body).toMatchObject({ error: { code: "pending_queue_full" } });
    expect(Number(answers.at(-1)!.headers["retry-after"])).toBeGreaterThan(0);
  });

  it("keep the first content of a number", async () => {
    const stream = await made(2);
    await stream.publisher.send(2);
    expect((await stream.publisher.send(2, { lie: { data: { color: "forged" } } })).status).toBe(202);
    await stream.publisher.send(1);
    expect(await stream.replica()).toEqual({ color: "c2" });
  });

  it("answer 204 without a body where that is configured", async () => {
    const { publisher } = await made(6, silent);
    const answers = [];
    for (const sequence of [1, 1, 3, 4, 5, 6]) answers.push(await publisher.send(sequence));
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204, 204, 429]);
    expect(answers[0]!.body).toBeUndefined();
  });
});
