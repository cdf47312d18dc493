import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonObject } from "../support/publisher/json.ts";
import { seeded } from "../support/publisher/random.ts";
import { stateOf, VALUES, writeRandomly } from "../support/random-writers.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import { gather } from "../support/subscriber-peer/crowd.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import type { Stream } from "../support/subscriber-peer/stream.ts";

/** Enough that each kind of meddling happens several times: it waits for CHANGES_MEANWHILE in between. */
const CHANGES = sized(24, 250);
/** How many changes come while a place is suspended. */
const CHANGES_MEANWHILE = 5;
const BACKLOG_MAX = 20;

let service: Service;
let host: SubscriberHost;
beforeAll(async () => {
  host = await new SubscriberHost().listen();
  service = await startService({
    TRUST_AUTO_APPROVE: "friend",
    SWEEP_INTERVAL_SECONDS: "1",
    BREAKER_FAILURE_THRESHOLD: "3",
    BREAKER_RECOVERY_SECONDS: "1",
    BACKLOG_REPLAY_MAX: String(BACKLOG_MAX),
  });
});
afterAll(async () => {
  await service.dispose();
  await host.close();
});

/**
 * By callbacks alone: every number came, or a resync in place of those before it; nothing contradicts itself. Gives the
 * newest number.
 */
async function expectComplete(stream: Stream, what: string): Promise<number> {
  const { newest } = await stream.poll();
  await until(`${what}: callbacks up to ${newest}`, () => stream.last >= newest).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}; at ${stream.last}, holes ${stream.gaps(newest).join()}`);
  });
  expect(stream.unexplainedGaps(newest), what).toEqual([]);
  expect(stream.faults, what).toEqual([]);
  return newest;
}

describe("while writers run", () => {
  it("peers come and go, places are suspended and resumed, permissions change: numbers stay dense, copies exact", async () => {
    const actor = await service.createActor();
    const [steady, hidden, coming] = (await gather(host, actor, 3)).map(({ peer, stream }) => ({ peer, stream }));
    const random = seeded(99);
    let writing = true;
    let made = 0;
    const meddle = async (): Promise<void> => {
      while (writing) {
        const name = VALUES[random.below(2)] ?? "p0";
        await actor.expect("POST", "/suspensions", 201, { target: "properties", subtarget: name });
        const excluded_patterns = random.below(2) === 0 ? ["p3", "p4"] : ["p5"];
        const properties = { patterns: ["*"], operations: ["read"], excluded_patterns };
        await actor.fetch("PUT", `/trust/friend/${hidden!.peer.id}/permissions`, { json: { properties } });
        const part = await coming!.peer.subscribe({ subtarget: "p2" });
        const enough = made + CHANGES_MEANWHILE;
        await until("changes meanwhile", () => made >= enough || !writing);
        const resumed = await actor.expect("DELETE", `/suspensions/properties/${name}`, 200);
        expect(resumed).toMatchObject({ failed: 0 });
        coming!.peer.streams.delete(part.id);
        expect((await coming!.peer.ask("DELETE", part.path)).status).toBe(204);
      }
    };
    const meddling = meddle();
    const onChange = (count: number): void => {
      made = count;
    };
    await writeRandomly(actor, { seed: 11, changes: CHANGES, mostRefused: 3, onChange }).finally(() => {
      writing = false;
    });
    await meddling;
    const state = await stateOf(actor);
    await expectComplete(steady!.stream, "one that only listens");
    expect(steady!.stream.copy).toEqual(state);
    await expectComplete(coming!.stream, "one whose narrower subscriptions come and go");
    expect(coming!.stream.copy).toEqual(state);
    await expectComplete(hidden!.stream, "one whose permissions change");
    const seen = (await hidden!.stream.look()).state as Record<string, unknown>;
    for (const [name, value] of Object.entries(seen)) {
      // Places hidden for a while may have changed meanwhile: the peer reads them when they are granted again.
      if (!["p3", "p4", "p5"].includes(name)) expect(hidden!.stream.copy).toHaveProperty([name], value);
    }
  });

  it("a peer that was away gets its backlog in order, or one resync when it is long", async () => {
    const actor = await service.createActor();
    const [short, long] = await gather(host, actor, 2);
    const put = (n: number) => actor.expect("PUT", "/properties/n", 204, { n });
    await put(1);
    short!.peer.behaviour = long!.peer.behaviour = { kind: "reset" };
    for (let n = 2; n <= 11; n++) await put(n);
    // No delivery still uses an earlier read: the delivery of 11 fails, or is skipped.
    await until("open breakers", async () => {
      const { data } = (await actor.expect("GET", "/peers", 200)) as unknown as {
        data: { breaker: { state: string } }[];
      };
      return data.length === 2 && data.every(({ breaker }) => /^open$/i.test(breaker.state));
    });
    short!.peer.behaviour = undefined;
    const newest = await expectComplete(short!.stream, "the short backlog");
    expect(newest).toBe(11);
    expect(short!.peer.taken(short!.stream).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 11 }, (_, index) => index + 1),
    );
    for (let n = 12; n <= 12 + 2 * BACKLOG_MAX; n++) await put(n);
    long!.peer.behaviour = undefined;
    await until("the resync", () => [...long!.stream.notified.values()].some(({ resync }) => resync));
    const { newest: last } = await long!.stream.poll();
    await until("the last", () => long!.stream.arrivals.includes(last));
    await long!.stream.catchUp();
    expect(long!.stream.last).toBe(last);
    expect(long!.stream.copy).toEqual(await stateOf(actor));
    // A part that was still short when the peer came back may have gone out in order before the resync.
    expect(long!.peer.taken(long!.stream).length, "one instead of many").toBeLessThan(2 * BACKLOG_MAX);
  });

  it("lists and values of any size reach every subscriber as they are", async () => {
    const actor = await service.createActor();
    const [{ stream }, { stream: list }] = [
      (await gather(host, actor, 1))[0]!,
      (await gather(host, actor, 1, { scope: { subtarget: "rows" } }))[0]!,
    ];
    const rows = Array.from({ length: 400 }, (_, n) => ({ n, text: "r".repeat(n) }));
    await actor.expect("POST", "/properties", 201, { rows: { _type: "list", description: "d" } });
    const item = (json: JsonObject) =>
      actor.expect("POST", "/properties/rows/items", json["operation"] === "delete" ? 204 : 201, json);
    await item({ operation: "extend", items: rows });
    await item({ operation: "extend", items: rows.map(({ text }) => text.repeat(3)) });
    await item({ operation: "insert", index: 200, item: { in: "the middle" } });
    await item({ operation: "delete", index: 0 });
    await actor.expect("PUT", "/properties/odd", 204, { "a/b": { "~": "", __proto__x: null, "": [] }, e: {} });
    await actor.expect("PUT", "/properties/odd/e", 204, { list: "x", operation: "clear", length: 0 });
    await actor.expect("PUT", "/properties/big", 204, { text: "ü".repeat(100_000) });
    await expectComplete(stream, "everything");
    await expectComplete(list, "the list alone");
    const state = await stateOf(actor);
    expect(stream.copy).toEqual(state);
    expect(list.copy).toEqual(state["rows"]);
    expect(state["rows"]).toHaveLength(800);
  });
});
