import { recoverStream } from "../../../lib/receiving/recovery/recover-stream.ts";
import { beforeEach, describe, expect, it } from "vitest";
import { Verdict, type HookEvent } from "../../../lib/failed-events/hook-event.ts";
import type { Json } from "../../../lib/system/ports.ts";
import type { TrustRecord } from "../../../lib/trust/trust-record.ts";
import { OperatedService } from "./operated-service.ts";

let service: OperatedService;
let bob: TrustRecord;
let hookRuns: { sequence: number; data: Json }[];
let hook: (event: HookEvent) => void | Promise<void>;

beforeEach(async () => {
  service = new OperatedService();
  hookRuns = [];
  hook = () => undefined;
  service.app.subscriptionDataHook("properties", async ({ event, data }) => {
    await hook(event);
    hookRuns.push({ sequence: event.sequence, data });
  });
  await service.open();
  bob = await service.trust("bob");
  await service.subscribe(bob);
});

const fail = (verdict?: Verdict["verdict"]) => () => {
  throw verdict === undefined ? new Error("no luck") : new Verdict(verdict);
};
const failedEvents = async (query = "") => (await service.ask("GET", "/parked", {}, { query })).json;
const act = (eventId: string, action: unknown) =>
  service.ask("POST", "/parked/{eventId}", { eventId }, { json: { action } });
const firstId = async (): Promise<string> => String((await failedEvents()).data[0].id);

describe("GET /parked", () => {
  it("is empty when nothing failed", async () => {
    await service.callback(bob, 1, { a: 1 });
    expect(await failedEvents()).toEqual({ data: [] });
  });

  it("shows what failed, with each attempt's error, and not its data", async () => {
    hook = fail();
    await service.callback(bob, 1, { a: "the data" });
    const answer = await failedEvents();
    expect(answer).toEqual({
      data: [
        {
          ...{ id: expect.stringMatching(/^[0-9a-f]{32}$/) as string, kind: "hook", source: "hook:bob:sub" },
          ...{ peerid: "bob", subscriptionid: "sub" },
          ...{ target: "properties", sequence: 1, callbackType: "diff", status: "retry", starts: 1 },
          attempts: [{ at: "2026-01-01T00:00:00.000Z", error: "Error: no luck" }],
          dueAt: expect.stringMatching(/^2026-01-01T00:00:/) as string,
        },
      ],
    });
  });

  it("filters by one peer or source, and lists many page by page", async () => {
    const carol = await service.trust("carol");
    await service.subscribe(carol, "other");
    hook = fail("park");
    for (let n = 1; n <= 5; n += 1) await service.callback(bob, n, { a: n });
    await service.callback(carol, 1, { a: 1 }, "other");
    expect((await failedEvents("peerid=carol")).data).toHaveLength(1);
    expect((await failedEvents("peerid=nobody")).data).toEqual([]);
    expect((await failedEvents("source=hook:carol:other")).data).toHaveLength(1);
    expect((await failedEvents("source=hook:carol:sub")).data).toEqual([]);
    expect((await failedEvents("source=webhook:carol")).data).toEqual([]);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await failedEvents(`limit=2${after === undefined ? "" : `&after=${after}`}`);
      seen.push(...page.data.map((each: { peerid: string; sequence: number }) => `${each.peerid} ${each.sequence}`));
      after = page.next as string | undefined;
    } while (after !== undefined);
    expect(seen).toEqual(["bob 1", "bob 2", "bob 3", "bob 4", "bob 5", "carol 1"]);
  });

  it.each([
    ["limit=0", "limit"],
    ["peerid=a%20b", "peerid"],
    ["source=hook:bob", "source"],
    ["source=webhook:a%20b", "source"],
    ["source=reader:a", "source"],
    ["after=%21%21", "after"],
    [`after=${"x".repeat(700)}`, "after"],
  ])("refuses %.20s, naming it", async (query, field) => {
    const answer = await service.ask("GET", "/parked", {}, { query });
    expect(answer).toMatchObject({ status: 400, json: { error: { field } } });
  });
});

describe("POST /parked/{eventId}", () => {
  it("retry runs the event now and deletes it when it succeeds", async () => {
    hook = fail("park");
    await service.callback(bob, 1, { a: 1 });
    hook = () => undefined;
    const id = await firstId();
    expect(await act(id, "retry")).toMatchObject({ status: 200, json: { id, result: "done" } });
    expect(hookRuns).toEqual([{ sequence: 1, data: { a: 1 } }]);
    expect(await failedEvents()).toEqual({ data: [] });
    expect((await act(id, "retry")).status).toBe(404);
  });

  it("retry gives the status of an event that failed again, however often it was begun", async () => {
    hook = fail();
    await service.callback(bob, 1, { a: 1 });
    const id = await firstId();
    const results: unknown[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) results.push((await act(id, "retry")).json.result);
    expect(results).toEqual(["retry", "retry", "retry", "parked", "parked", "parked"]);
    expect((await failedEvents()).data[0]).toMatchObject({ status: "parked", starts: 7 });
    hook = fail("skip");
    expect((await act(id, "retry")).json.result).toBe("dropped");
  });

  it("skip drops the event", async () => {
    hook = fail("park");
    await service.callback(bob, 1, { a: 1 });
    expect(await act(await firstId(), "skip")).toMatchObject({ status: 200, json: { result: "skipped" } });
    expect(await failedEvents()).toEqual({ data: [] });
    expect(hookRuns).toEqual([]);
  });

  it("releases a stopped stream in order, and refuses to let a waiting event overtake", async () => {
    hook = (event) => (event.sequence === 1 ? fail("stop")() : undefined);
    for (let n = 1; n <= 4; n += 1) await service.callback(bob, n, { a: n });
    const [stopping, waiting] = (await failedEvents()).data;
    expect([stopping.status, waiting.status]).toEqual(["stopped", "held"]);
    expect((await act(waiting.id as string, "retry")).status).toBe(409);
    hook = () => undefined;
    expect((await act(stopping.id as string, "retry")).json.result).toBe("done");
    await service.settleDue();
    expect(hookRuns.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(await failedEvents()).toEqual({ data: [] });
  });

  it("is 409 while the event is being run", async () => {
    hook = fail("park");
    await service.callback(bob, 1, { a: 1 });
    const id = await firstId();
    let end = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      hook = () => {
        resolve();
        return new Promise<void>((ended) => {
          end = ended;
        });
      };
    });
    const running = act(id, "retry");
    await begun;
    expect((await act(id, "retry")).status).toBe(409);
    expect((await act(id, "skip")).status).toBe(409);
    end();
    expect((await running).json.result).toBe("done");
  });

  it("retries a resync with the state as it is stored by then", async () => {
    hook = fail("park");
    const head = await service.services.heads.get({ actorId: service.actorId, peerId: "bob", subscriptionId: "sub" });
    if (head === undefined) throw new Error("there is no subscription");
    const callback = { sequence: 1, data: { color: "red", size: { w: 1 } } };
    const deadline = { remaining: () => 29_000 };
    await recoverStream(service.services.receiving, head.key, { kind: "resync", callback }, deadline);
    hook = () => undefined;
    await service.callback(bob, 2, { color: "blue" });
    expect((await failedEvents()).data[0]).toMatchObject({ callbackType: "resync", status: "parked" });
    expect((await act(await firstId(), "retry")).json.result).toBe("done");
    expect(hookRuns).toEqual([
      { sequence: 2, data: { color: "blue" } },
      { sequence: 1, data: { color: "blue", size: { w: 1 } } },
    ]);
  });

  it("is 404 for an unknown event before its body is read, and 400 for an unknown action", async () => {
    expect((await act("f".repeat(32), "nonsense")).status).toBe(404);
    hook = fail("park");
    await service.callback(bob, 1, { a: 1 });
    const id = await firstId();
    for (const action of ["nonsense", undefined, 1, null, ["retry"]]) expect((await act(id, action)).status).toBe(400);
    expect((await failedEvents()).data).toHaveLength(1);
  });

  it("is for the owner only", async () => {
    hook = fail("park");
    await service.callback(bob, 1, { a: 1 });
    const params = { eventId: await firstId() };
    const json = { action: "skip" };
    const headers = { authorization: `Bearer ${bob.secret}`, "content-type": "application/json" };
    expect((await service.ask("POST", "/parked/{eventId}", params, { json, headers })).status).toBe(403);
    expect((await service.ask("POST", "/parked/{eventId}", params, { json, headers: {} })).status).toBe(401);
    expect((await failedEvents()).data).toHaveLength(1);
  });
});
