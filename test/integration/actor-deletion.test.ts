/** The end of an actor whose peers do not answer. */
import { beforeEach, describe, expect, it } from "vitest";
import { actorPartition } from "../../lib/dynamodb/keys/partition.ts";
import { readDuePage } from "../../lib/dynamodb/keys/due-index.ts";
import { dueShards } from "../../lib/dynamodb/keys/due.ts";
import { RemotePeerStore } from "../../lib/receiving/replica/remote-peer-store.ts";
import { ActingWebApp } from "../../lib/application/acting-web-app.ts";
import { Verdict } from "../../lib/index.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { bearer, Network, type Asking } from "../support/in-process.ts";
import { HangingPeers } from "./hanging-peers.ts";
import { WholeService, type Hosted } from "../support/whole-service.ts";
import { resumeTrust } from "../../lib/trust/ending.ts";

const MINUTE = 60_000;

let network: Network;
let host: WholeService;
let alice: Hosted;
let peers: HangingPeers;
beforeEach(async () => {
  network = new Network();
  host = new WholeService(network, "https://us.example.com");
  alice = await host.actor();
  peers = new HangingPeers(host);
});

async function trusted(count: number, answer = peers.answer): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `peer${String(index).padStart(4, "0")}`);
  for (const id of ids) {
    network.hosts.set(`https://${id}.example.com`, answer);
    await host.trusts(alice.id, id, `https://${id}.example.com/${id}`, `secret-of-${id}`);
  }
  return ids;
}

const remove = async () => await host.ask("DELETE", alice.root, { headers: alice.as });

async function due(): Promise<string[]> {
  const found = await Promise.all(dueShards(16).map((shard) => host.table.queryDue(shard, host.now, 1_000)));
  return found.flatMap((page) => readDuePage(page).due).map(({ sk }) => sk);
}

const left = async (): Promise<readonly unknown[]> =>
  (await host.table.query({ pk: actorPartition(alice.id), prefix: "" })).items;

/** How long each peer was given to take note of the end, in the order of asking. */
function given(ids: readonly string[]): number[][] {
  return ids.map((id) =>
    peers.asked
      .filter(({ method, url }) => method === "DELETE" && url.startsWith(`https://${id}.`))
      .map(({ timeoutMs = 0 }) => timeoutMs),
  );
}

describe("an actor whose peers all hang", () => {
  it("is gone within 5 s; due work notifies every peer with the whole time limit, and then nothing is left", async () => {
    const ids = await trusted(30);
    const begun = host.now;
    expect((await peers.during(remove())).status).toBe(204);
    expect(host.now - begun).toBeLessThanOrEqual(5_000);
    expect(peers.asked.length).toBeGreaterThan(0);
    for (const path of ["", "/meta", "/trust", "/properties"]) {
      expect((await host.ask("GET", `${alice.root}${path}`, { headers: alice.as })).status).toBe(404);
    }
    const callback = `${alice.root}/callbacks/permissions/${ids[29]!}`;
    const sent = { headers: bearer(`secret-of-${ids[29]!}`), json: {} };
    expect((await host.ask("POST", callback, sent)).status).toBe(404);
    expect(await due()).toEqual(["ACTOR"]);

    for (let sweeps = 0; sweeps < 5 && (await left()).length > 0; sweeps += 1) {
      await peers.during(host.sweep());
      await peers.during(host.arriveMessages());
      host.now += MINUTE;
    }
    expect(await left()).toEqual([]);
    expect(given(ids).map((times) => Math.max(...times))).toEqual(ids.map(() => 5_000));
    expect((await remove()).status).toBe(404);
  });

  it("may be deleted again meanwhile, within 5 s each time", async () => {
    const ids = await trusted(12);
    await peers.during(remove());
    for (let times = 0; times < 3; times += 1) {
      const begun = host.now;
      expect((await peers.during(remove())).status).toBe(204);
      expect(host.now - begun).toBeLessThanOrEqual(5_000);
    }
    await peers.during(host.sweep());
    await peers.during(host.arriveMessages());
    expect(await left()).toEqual([]);
    expect(given(ids).every((times) => times.includes(5_000))).toBe(true);
  });

  it("is ended by messages one after another, without waiting for the sweep each time", async () => {
    await trusted(60);
    await peers.during(remove());
    await peers.during(host.sweep());
    const swept = host.now;
    for (let batches = 0; batches < 10 && (await left()).length > 0; batches += 1) {
      expect(host.messages.length).toBeGreaterThan(0);
      await peers.during(host.arriveMessages());
    }
    expect(await left()).toEqual([]);
    expect(host.messages).toEqual([]);
    expect(host.now - swept).toBeLessThan(MINUTE);
  });
});

describe("an actor of whose peers some hang", () => {
  it("notifies the others at once, and waits for none of those that refuse", async () => {
    const notified: string[] = [];
    const ids = await trusted(6);
    network.hosts.set("https://peer0001.example.com", (request) => {
      notified.push(request.url);
      return Promise.resolve({ status: 204, headers: {}, text: "", json: undefined });
    });
    network.hosts.delete("https://peer0002.example.com");
    await peers.during(remove());
    expect(notified).toEqual([`https://peer0001.example.com/peer0001/trust/friend/${alice.id}`]);
    const trusts = (await host.service.trusts.list(alice.id, { evenEnding: true })).map(({ peerId }) => peerId);
    expect(trusts.toSorted()).toEqual(ids.filter((id) => id !== "peer0001" && id !== "peer0002"));
    await peers.during(host.sweep());
    expect(await left()).toEqual([]);
    expect(notified).toHaveLength(1);
  });
});

describe("the data of an actor that is being deleted", () => {
  it("is deleted although the sweep runs one of its trusts", async () => {
    host = new WholeService(network, "https://us.example.com", { environment: { AUTO_CLEANUP: "false" } });
    alice = await host.actor();
    peers = new HangingPeers(host);
    const [id = ""] = await trusted(1);
    await new RemotePeerStore(host.service.actorOf(alice.id), id).setValue("color", "red");
    await peers.during(remove());
    host.now += MINUTE;
    await peers.during(resumeTrust(host.service.trust, { actorId: alice.id, peerId: id }));
    expect((await left()).map((item) => (item as { sk: string }).sk)).not.toContain(`KEPT#${id}`);
    await peers.during(host.sweep());
    expect(await left()).toEqual([]);
  });
});

it("an actor with listeners of all kinds leaves nothing: no head, marker, task, failed event, verification or key", async () => {
  const app = new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test" });
  app.eventHook({ id: "all", pattern: "properties.>" }, () => {
    throw new Verdict("park");
  });
  const table = new MemoryTable();
  const whole = new WholeService(network, "https://all.example.com", { app, table });
  const bob = await whole.actor("bob");
  const ask = async (method: string, path: string, asking: Asking = {}) =>
    await whole.ask(method, `${bob.root}${path}`, { ...asking, headers: { ...bob.as, ...asking.headers } });
  network.hosts.set("https://receiver.example.com", () =>
    Promise.resolve({ status: 400, headers: {}, text: "", json: undefined }),
  );
  for (const [id, topics] of [
    ["named", ["properties.>"]],
    ["wild", [">", "$sys.>"]],
  ] as const) {
    const json = { url: "https://receiver.example.com/hook", topics, maxAttempts: 1 };
    expect((await ask("PUT", `/webhooks/${id}`, { json })).status).toBe(201);
  }
  await ask("PUT", "/public", { json: { properties: ["*"], targets: [] } });
  await ask("PUT", "/properties/a", { json: 1 });
  await ask("POST", "/events/orders.new", { json: 1, headers: { "idempotency-key": "k" } });
  const form = { "hub.mode": "subscribe", "hub.topic": `${bob.root}/properties/a` };
  const body = new URLSearchParams({ ...form, "hub.callback": "https://receiver.example.com/cb" }).toString();
  const type = { "content-type": "application/x-www-form-urlencoded" };
  expect((await whole.ask("POST", `${bob.root}/hub`, { headers: type, body })).status).toBe(202);
  expect((await ask("POST", "/webhooks/named/redrive", { json: { parked: true } })).status).toBe(202);
  const kept = (await ask("GET", "/parked")).json as { data: { source: string }[] };
  expect(kept.data.map(({ source }) => source).toSorted()).toContain("event-hook:all");
  const before = table.all().length;
  expect((await ask("DELETE", "")).status).toBe(204);
  const late = [...whole.messages];
  for (let sweeps = 0; sweeps < 5; sweeps += 1) {
    await whole.arriveMessages();
    await whole.sweep();
    whole.now += MINUTE;
  }
  whole.messages.push(...late);
  await whole.arriveMessages();
  expect(before).toBeGreaterThan(20);
  expect(table.all().map(({ pk, sk }) => `${pk} ${sk}`)).toEqual(["DUE SHARDS"]);
});
