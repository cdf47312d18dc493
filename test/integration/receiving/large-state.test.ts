/**
 * A state that takes more than one function's time: recovery continues where it stopped, whatever happens meanwhile.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { outboundHeadKey } from "../../../lib/dynamodb/keys/streams.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { FaultyTable, type Decide } from "../../support/faulty-table.ts";
import { ACTOR, bodyOf, PEER, SUB, Subscriber } from "./subscriber.ts";

const KEY = outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB });
const POLL = `GET /subscriptions/${ACTOR}/${SUB}`;
const COUNT = 2_500;
const nameOf = (n: number): string => `p${String(n).padStart(5, "0")}`;

/** What one read takes, ms: some 2 000 of them fit into one run. */
const READ_MS = 10;

let us: Subscriber;
let decide: Decide;
let state: Map<string, Json>;
let sequence: number;
let positioned: boolean;

beforeEach(async () => {
  decide = () => "ok";
  const table = (inner: Table) => new FaultyTable(inner, (operation, keys) => decide(operation, keys));
  us = await new Subscriber({ table }).subscribed();
  await us.diff(1, { gone: 1, [nameOf(3)]: "old" });
  us.hookRuns.length = 0;
  state = new Map(Array.from({ length: COUNT }, (_, n) => [nameOf(n), { n }]));
  sequence = 5;
  positioned = true;
  publish();
  us.asked.length = 0;
});

/** The publisher's answers follow its state; each read of a property takes its time. */
function publish(): void {
  const headers = (): Record<string, string> => (positioned ? { "x-actingweb-sequence": String(sequence) } : {});
  const answers = (path: string): (() => unknown) | undefined => {
    if (path === POLL) return () => ({ status: 200, json: { sequence, data: [] } });
    if (path === "GET /properties?metadata=true") {
      const names = [...state.keys()];
      const json = { simple: { properties: names, total_bytes: 9_999_999 }, lists: {} };
      return () => ({ status: 200, json, headers: headers() });
    }
    const name = /^GET \/properties\/(p\d+)$/.exec(path)?.[1];
    if (name === undefined) return undefined;
    return () => {
      us.now += READ_MS;
      return state.has(name)
        ? { status: 200, json: state.get(name), headers: headers() }
        : { status: 404, headers: headers() };
    };
  };
  const proxy = new Proxy(us.script, {
    get: (script, path) => (typeof path === "string" ? (answers(path)?.() ?? script[path]) : undefined),
  });
  Object.defineProperty(us, "script", { value: proxy });
}

const resync = (n = sequence) => us.callback({ sequence: n, target: "properties", type: "resync" });
const reads = (name: string): number => us.asked.filter(({ url }) => url.endsWith(`/${name}`)).length;

async function untilDone(most = 10): Promise<number> {
  for (let run = 1; run <= most; run += 1) {
    us.now += 1_000;
    await us.arriveMessages();
    await us.sweep();
    if ((await us.state())["resyncPending"] === false) return run;
  }
  throw new Error("never done");
}

async function expectCopy(): Promise<void> {
  const stored: Record<string, Json> = {};
  let after: string | undefined;
  do {
    const { PeerReader } = await import("../../../lib/receiving/replica/peer-reader.ts");
    const reader = new PeerReader({ table: us.table, actorId: ACTOR, peerId: PEER });
    const page = await reader.page({ limit: 1_000, ...(after === undefined ? {} : { after }) });
    for (const { name, value } of page.properties) stored[name] = value;
    after = page.next;
  } while (after !== undefined);
  expect(stored).toEqual(Object.fromEntries(state));
}

describe("a state of very many properties", () => {
  it("is read in several runs, each property once, and shows how far it is", async () => {
    const reply = await resync();
    expect([reply.status, bodyOf(reply)]).toEqual([202, { result: "pending", expected: 2 }]);
    const shown = await us.state();
    expect(shown).toMatchObject({ lastSeq: 1, resyncPending: true, recovery: { of: COUNT } });
    const { startedAt, read } = shown["recovery"] as { startedAt: string; read: number };
    expect(Date.parse(startedAt)).toBeLessThan(us.now);
    expect(read).toBeGreaterThan(1_000);
    expect(read).toBeLessThan(COUNT);
    await untilDone();
    await expectCopy();
    expect(await us.state()).toMatchObject({ lastSeq: 5, pendingCount: 0 });
    expect(await us.state()).not.toHaveProperty("recovery");
    expect(Math.max(...[...state.keys()].map(reads))).toBe(1);
    expect(us.hookRuns).toEqual([{ sequence: 5, callbackType: "resync", data: Object.fromEntries(state) }]);
  });

  it("takes callbacks in meanwhile, and applies them after it, from the lowest position on", async () => {
    await resync();
    // Behind what is read already, before it, and a name that was not there.
    sequence = 8;
    state.set(nameOf(1), { n: "changed" });
    state.set(nameOf(COUNT - 1), { n: "changed" });
    state.set("a new one", 1);
    expect((await us.diff(8, { "a new one": 1 })).status).toBe(202);
    expect((await us.diff(6, { [nameOf(1)]: { n: "changed" } }, { overwritten: [`/${nameOf(1)}`] })).status).toBe(202);
    expect(
      (await us.diff(7, { [nameOf(COUNT - 1)]: { n: "changed" } }, { overwritten: [`/${nameOf(COUNT - 1)}`] })).status,
    ).toBe(202);
    await untilDone();
    expect(await us.state()).toMatchObject({ lastSeq: 8, pendingCount: 0 });
    await expectCopy();
  });

  it("follows what goes meanwhile, behind and before where it is", async () => {
    await resync();
    sequence = 7;
    state.delete(nameOf(1));
    state.delete(nameOf(COUNT - 1));
    await us.diff(6, { [nameOf(1)]: "" });
    await us.diff(7, { [nameOf(COUNT - 1)]: "" });
    await untilDone();
    await expectCopy();
  });

  it("continues after a crash from the progress noted last", async () => {
    let writes = 0;
    decide = (operation, keys) => {
      if (operation !== "put" || keys[0]?.pk.startsWith("P#") !== true) return "ok";
      writes += 1;
      return writes > 1_500 ? "crash" : "ok";
    };
    void resync();
    await expect.poll(() => writes).toBeGreaterThan(1_500);
    decide = () => "ok";
    expect((us.table.itemAt(KEY)?.["recovery"] as { read: number }).read).toBe(1_000);
    us.now += 60_000;
    await untilDone();
    await expectCopy();
    expect(reads(nameOf(999))).toBe(1);
    expect(reads(nameOf(1_400))).toBe(2);
  });

  it("of a publisher without positions is placed by its numbers", async () => {
    positioned = false;
    await resync();
    sequence = 6;
    state.set(nameOf(1), { n: "changed" });
    await us.diff(6, { [nameOf(1)]: { n: "changed" } }, { overwritten: [`/${nameOf(1)}`] });
    await untilDone();
    expect(await us.state()).toMatchObject({ lastSeq: 6 });
    await expectCopy();
  });

  it("begins again for a publisher that began to count again meanwhile", async () => {
    await resync();
    sequence = 2;
    state = new Map([[nameOf(0), "fresh"]]);
    await untilDone();
    await expectCopy();
    expect(await us.state()).toMatchObject({ lastSeq: 2, epoch: 2 });
  });

  it("does not begin again for a resync callback that comes meanwhile: that one follows", async () => {
    await resync();
    const first = us.table.itemAt(KEY)?.["recovery"];
    sequence = 9;
    state.set(nameOf(0), "nine");
    expect((await resync(9)).status).toBe(202);
    expect(us.table.itemAt(KEY)?.["recovery"]).toEqual(first);
    await untilDone(20);
    expect(await us.state()).toMatchObject({ lastSeq: 9, pendingCount: 0 });
    await expectCopy();
  });

  it("is the answer to an owner who asks for it", async () => {
    const reply = await us.resync();
    expect([reply.status, bodyOf(reply)]).toMatchObject([
      202,
      { subscriptionid: SUB, result: "underway", recovery: { of: COUNT } },
    ]);
  });

  it("notes its progress in few writes", async () => {
    let notes = 0;
    decide = (operation, keys) => {
      if (operation === "update" && keys[0]?.sk === KEY.sk) notes += 1;
      return "ok";
    };
    await resync();
    await untilDone();
    expect(notes).toBeLessThan(12);
  });
});

it("a small state costs no note of its progress", async () => {
  state = new Map([[nameOf(1), 1]]);
  const writes: string[] = [];
  decide = (operation, keys) => {
    if (operation !== "get" && operation !== "query") writes.push(`${operation} ${keys[0]?.sk.split("#")[0] ?? ""}`);
    return "ok";
  };
  expect((await resync()).status).toBe(201);
  // The lease, the mark, the property, the two that go, and the commit.
  expect(writes.filter((write) => write === "update OUT")).toHaveLength(3);
  expect(writes.filter((write) => write.startsWith("put V"))).toHaveLength(3);
});
