import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import type { Json } from "../support/publisher/json.ts";
import { startService, until, type Service } from "../support/service.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import type { SubscriberPeer } from "../support/subscriber-peer/peer.ts";
import type { Stream } from "../support/subscriber-peer/stream.ts";

/** Every hidden name and value holds this, so that a single look finds a leak. */
const MARK = "classified";

let service: Service;
let host: SubscriberHost;
beforeAll(async () => {
  host = await new SubscriberHost().listen();
  service = await startService({ TRUST_AUTO_APPROVE: "friend", SWEEP_INTERVAL_SECONDS: "1" });
});
afterAll(async () => {
  await service.dispose();
  await host.close();
});

interface Met {
  readonly actor: OwnedActor;
  readonly peer: SubscriberPeer;
  readonly all: Stream;
  readonly car: Stream;
}

const hide = (actor: OwnedActor, peer: SubscriberPeer, excluded: string[]) =>
  actor.fetch("PUT", `/trust/friend/${peer.id}/permissions`, {
    json: { properties: { patterns: ["*"], operations: ["read"], excluded_patterns: excluded } },
  });

async function meet(excluded: string[]): Promise<Met> {
  const actor = await service.createActor();
  const peer = host.add();
  await peer.trust(actor);
  expect([200, 201]).toContain((await hide(actor, peer, excluded)).status);
  return { actor, peer, all: await peer.subscribe(), car: await peer.subscribe({ subtarget: "car" }) };
}

/** The raw text of everything this peer can ask for. */
async function everythingReadable({ peer, all, car }: Met, names: string[]): Promise<string[]> {
  const texts: string[] = [];
  const paths = [
    ...["", "?format=full", "?metadata=true", ...names.map((name) => `/${name}`)].map((rest) => `/properties${rest}`),
    ...names.map((name) => `/properties/${name}/metadata`),
    `/permissions/${peer.id}`,
    `/subscriptions/${peer.id}`,
  ];
  for (const stream of [all, car]) {
    paths.push(stream.path);
    const { newest } = await stream.poll();
    for (let n = 1; n <= newest; n++) paths.push(`${stream.path}/${n}`);
    for (const path of ["/properties", "/properties?format=full", "/properties?metadata=true"]) {
      const headers = { "x-actingweb-subscription": stream.id };
      texts.push((await peer.ask("GET", path, { headers })).text);
    }
  }
  for (const path of paths) {
    const { status, text } = await peer.ask("GET", path);
    expect(status, path).toBeLessThan(500);
    // Errors may name what was asked for; what the actor has is not in them.
    if (status < 300) texts.push(text);
  }
  return [...texts, ...peer.callbacks.map(({ body }) => JSON.stringify(body))];
}

/** The permissions themselves may name what they exclude. */
const leaks = (texts: string[]): string[] =>
  texts.filter((text) => text.includes(MARK) && !text.includes("excluded_patterns"));

describe("a property hidden from a peer", () => {
  it("is in nothing that the peer receives or can read, and takes no number", async () => {
    const met = await meet([`${MARK}*`, `car/${MARK}`]);
    const { actor, all, car } = met;
    const value: Json = { text: `${MARK} value`, deep: { [MARK]: [MARK] } };
    const write = (method: string, path: string, status: number, json?: Json) =>
      actor.expect(method, `/properties${path}`, status, json);
    await write("PUT", "/car", 204, { wheels: 2 });
    await write("PUT", `/${MARK}`, 204, value);
    await write("PUT", `/${MARK}/deep/more`, 204, `${MARK} more`);
    await write("DELETE", `/${MARK}/deep`, 204);
    await write("POST", "", 201, { [`${MARK}-list`]: { _type: "list", description: MARK } });
    await write("POST", `/${MARK}-list`, 201, `${MARK} item`);
    await write("PUT", `/private/${MARK}`, 204, `${MARK} by default`);
    await write("PUT", `/car/${MARK}`, 204, `${MARK} in a car`);
    expect([(await all.poll()).newest, (await car.poll()).newest], "no number is taken").toEqual([0, 1]);

    await write("POST", "", 201, { open: 1, [`${MARK}-too`]: value });
    await write("PUT", "/car", 204, { wheels: 4, [MARK]: `${MARK} again` });
    await write("PUT", "/car/wheels", 204, 3);
    await write("DELETE", `/${MARK}-too`, 204);
    await write("DELETE", `/${MARK}-list`, 204);
    await write("PUT", "/open", 204, 2);
    await until("the callbacks", () => all.last === 2 && car.last === 3);
    expect(all.copy).toEqual({ open: 2 });
    expect(car.copy).toEqual({ wheels: 3 });
    expect([all.gaps(2), car.gaps(3), all.faults, car.faults]).toEqual([[], [], [], []]);

    const names = [MARK, `${MARK}-list`, `${MARK}-too`, "private", `private/${MARK}`, `car/${MARK}`, "car", "open"];
    const texts = await everythingReadable(met, names);
    expect(texts.length).toBeGreaterThan(15);
    expect(leaks(texts)).toEqual([]);
    const forOwner = await actor.expect("GET", "/properties?format=full", 200);
    expect(JSON.stringify(forOwner), "it is there for its owner").toContain(MARK);
  });

  it("is not even counted in the peer's metadata", async () => {
    const met = await meet([`${MARK}*`]);
    await met.actor.expect("PUT", "/properties/open", 204, "o");
    const before = (await met.peer.ask("GET", "/properties?metadata=true")).json;
    await met.actor.expect("PUT", `/properties/${MARK}`, 204, MARK.repeat(50));
    expect((await met.peer.ask("GET", "/properties?metadata=true")).json).toEqual(before);
  });

  it("leaves an empty diff where a number was given to it before it was hidden", async () => {
    const met = await meet([]);
    const { actor, peer, all } = met;
    peer.behaviour = { kind: "refuse", status: 500 };
    await actor.expect("PUT", `/properties/${MARK}`, 204, `${MARK} value`);
    await actor.expect("PUT", "/properties/open", 204, 1);
    await until("both callbacks", () => peer.callbacks.length >= 2);
    expect((await hide(actor, peer, [`${MARK}*`])).status).toBe(200);
    peer.behaviour = undefined;
    peer.callbacks.length = 0;
    const { newest, entries } = await all.poll();
    expect(entries.map(({ sequence }) => sequence)).toEqual(Array.from({ length: newest }, (_, index) => index + 1));
    expect(entries[0]).toMatchObject({ sequence: 1, data: {} });
    expect(entries[1]).toMatchObject({ sequence: 2, data: { open: 1 } });
    expect(await all.single(1)).toMatchObject({ data: {} });
    expect(leaks(await everythingReadable(met, [MARK, "open"]))).toEqual([]);
  });
});
