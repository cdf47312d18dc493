/** The client as it is built, against the local stack: every part of it once, and every class of error from a real answer. */
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Client from "../../lib/client/index.ts";
import type * as Verify from "../../lib/client/verify.ts";
import type { OwnedActor } from "../support/owned-actor.ts";
import { startService, until, type Service } from "../support/service.ts";

/** A variable, because types come from the source: there may be no build yet. */
const PACKAGE = "actingweb-serverless/client";
const client = (await import(PACKAGE)) as typeof Client;
const { verify } = (await import(`${PACKAGE}/verify`)) as typeof Verify;
const { actor, deployment, gapless, Registry, SNAPSHOT } = client;
const { ConfigDiffers, Fenced, Held, PositionGone, RateLimited, ServiceError } = client;
type ActorClient = InstanceType<typeof client.ActorClient>;

const OPERATOR = "operator-0123456789";

let service: Service;
const servers: Server[] = [];
beforeAll(async () => {
  service = await startService({ TRUST_AUTO_APPROVE: "friend", ALL_EVENTS: "true", OPERATOR_TOKEN: OPERATOR });
});
afterAll(async () => {
  // A request that waits for events would keep it from stopping.
  await service.kill();
  await service.dispose();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** Pauses and thirds of a lease pass quickly; what ends a wait does not, so that a slow machine ends none. */
const machine = {
  sleep: async (ms: number, signal?: AbortSignal): Promise<void> => {
    await sleep(ms > 15_000 ? ms : ms / 20, undefined, signal === undefined ? {} : { signal });
  },
};

async function owned(): Promise<{ owner: OwnedActor; aw: ActorClient }> {
  const owner = await service.createActor();
  return { owner, aw: actor(owner.uri, { user: owner.creator, passphrase: owner.passphrase, machine }) };
}

const rejection = async (promise: Promise<unknown>): Promise<any> =>
  await promise.then(
    () => "resolved",
    (error: unknown) => error,
  );

/** A promise, and what resolves it. */
function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

it("publishes once under an id, with a key, as JSON, as a CloudEvent and as bytes", async () => {
  const { aw, owner } = await owned();
  const first = await aw.publish("orders.42.created", { total: 10 }, { key: "orders.42", id: "o-42" });
  expect(first.subscribers).toMatchObject({ total: 0 });
  const again = await aw.publish("orders.42.created", { total: 10 }, { key: "orders.42", id: "o-42" });
  expect(again).toEqual({ position: first.position, replayed: true });
  const conflict = await rejection(aw.publish("orders.42.created", { total: 11 }, { key: "orders.42", id: "o-42" }));
  expect(conflict).toBeInstanceOf(ServiceError);
  expect(conflict).toMatchObject({ code: "idempotency_conflict", status: 422 });
  await aw.publish("orders.43", 1, { type: "com.example.order", source: "https://shop.example", respondAsync: true });
  await aw.publish("blobs.one", new Uint8Array([0, 255]));
  await aw.publish("orders.a%20b", "text", { key: "schlüssel" });

  const read: any[] = [];
  for await (const event of aw.events(["orders.>", "blobs.*"], { from: "earliest", untilNow: true, limit: 3 })) {
    read.push(event);
  }
  expect(read).toMatchObject([
    { subject: "orders.42.created", source: owner.uri, position: first.position, partitionkey: "orders.42" },
    { subject: "orders.43", type: "com.example.order", originsource: "https://shop.example", data: 1 },
    { subject: "blobs.one", data_base64: "AP8=" },
    { subject: "orders.a%20b", data: "text", partitionkey: "schlüssel" },
  ]);
});

it("reads as a peer by its bearer, what is open to it", async () => {
  const [{ aw, owner }, { owner: peer }] = [await owned(), await owned()];
  const trust: any = await peer.expect("POST", "/trust", 201, { url: owner.uri, relationship: "friend" });
  await until("approval", async () => {
    const { json } = await peer.fetch("GET", `/trust/friend/${owner.id}`);
    return (json as any)?.peer_approved === true;
  });
  const other = actor(owner.uri, { bearer: trust.secret });
  const { position } = await aw.publish("orders.new", { total: 10 });
  const read: unknown[] = [];
  for await (const event of other.events("orders.>", { from: "earliest", untilNow: true })) read.push(event.position);
  expect(read).toEqual([position]);
  expect(await rejection(other.publish("orders.new", 1))).toMatchObject({ code: "forbidden", status: 403 });
  const gone = { from: position.replace(/^\d+/, "9999"), onGone: "snapshot" } as const;
  expect((await other.events("orders.>", gone).next()).value).toMatchObject({ type: SNAPSHOT });
  const stranger = actor(owner.uri, { user: owner.creator, passphrase: "wrong" });
  expect(await rejection(stranger.publish("orders.new", 1))).toMatchObject({ code: "forbidden", status: 403 });
});

it("reads the events of all actors as the operator, and reaches every route of the deployment", async () => {
  const all = deployment(service.url, { bearer: OPERATOR });
  const positions: string[] = [];
  const options = { untilNow: true, onPosition: (position: string) => positions.push(position) };
  for await (const event of all.events("*.orders.>", options)) expect(event).toBeUndefined();
  expect(positions).toHaveLength(1);
  const { data } = await all.send(async (api) => await api.GET("/healthz"));
  expect(data).toMatchObject({ status: "ok" });
  const stranger = deployment(service.url, { bearer: "wrong" });
  expect(await rejection(stranger.events(">", options).next())).toMatchObject({ code: "forbidden" });
});

it("waits for events, says where it stands while none come, and outlasts the death of the service", async () => {
  const { owner, aw } = await owned();
  const patient = actor(owner.uri, { user: owner.creator, passphrase: owner.passphrase, maxAttempts: 1_000 });
  const controller = new AbortController();
  const positions: string[] = [];
  const read: unknown[] = [];
  const reading = (async () => {
    const options = { from: "earliest", waitSeconds: 1, signal: controller.signal };
    for await (const { data } of patient.events("orders.>", {
      ...options,
      onPosition: (position) => positions.push(position),
    })) {
      read.push(data);
    }
  })();
  await until("a position without an event", () => positions.length > 0);
  const { position } = await aw.publish("else", 1);
  await until("the position after what is for others", () => positions.some((each) => each >= position));
  expect(read).toEqual([]);
  await service.kill();
  await service.start();
  for (const data of [1, 2, 3]) await aw.publish("orders.new", data);
  await until("the events", () => read.length === 3);
  controller.abort();
  await reading;
  expect(read).toEqual([1, 2, 3]);
  expect(positions).toEqual(positions.toSorted());
});

it("is refused a position that is gone, or reads the state instead and continues", async () => {
  const { aw, owner } = await owned();
  const { position } = await aw.publish("orders.new", "before");
  await owner.expect("PUT", "/properties/shop", 204, { title: "open" });
  // Of another life of the table.
  const from = position.replace(/^\d+/, "9999");
  const first = async (options: object): Promise<any> => {
    for await (const event of aw.events("orders.>", { from, ...options })) return event;
  };
  const gone = await rejection(first({}));
  expect(gone).toBeInstanceOf(PositionGone);
  expect(gone).toMatchObject({ code: "position_gone", status: 410, snapshot: `${owner.uri}/properties` });

  const seen: any[] = [];
  for await (const event of aw.events("orders.>", { from, onGone: "snapshot" })) {
    seen.push(event);
    if (seen.length === 2) break;
    await aw.publish("orders.new", "after");
  }
  expect(seen).toMatchObject([{ type: SNAPSHOT, data: { shop: { title: "open" } } }, { data: "after" }]);
  expect(await first({ onGone: () => "earliest" })).toMatchObject({ data: "before" });
});

describe("a group", () => {
  it("is made, fetched from, acknowledged, paused, reset and drained by hand", async () => {
    const { aw } = await owned();
    const settings = { topics: ["orders.>"], from: "earliest" };
    const group = aw.group("billing", settings);
    expect(await group.declare()).toMatchObject({ name: "billing", order: "key", leaseSeconds: 30, lag: 0 });
    const differs = await rejection(aw.group("billing", { ...settings, maxAttempts: 9 }).declare());
    expect(differs).toBeInstanceOf(ConfigDiffers);
    expect(differs).toMatchObject({ code: "precondition_required", status: 428, fields: ["maxAttempts"] });
    await group.update({ ...settings, maxAttempts: 9 });
    expect(await group.status()).toMatchObject({ maxAttempts: 9, status: "active" });

    const consumer = "one";
    expect(await group.fetch({ consumer })).toMatchObject({ events: [], caughtUp: true, retryAfterMs: 1_000 });
    for (const data of [1, 2, 3]) await aw.publish(`orders.${String(data)}`, data);
    const { events, leases, now = 0 } = await group.fetch<number>({ consumer, max: 2, waitSeconds: 1 });
    expect(events.map(({ event, attempt }) => [event.data, attempt])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(Math.abs(Date.parse(leases[0]?.until ?? "") - now - 30_000)).toBeLessThan(20_000);
    const held = await rejection(group.fetch({ consumer: "two" }));
    expect(held).toBeInstanceOf(Held);
    expect(held).toMatchObject({ code: "held", status: 423, holder: consumer, until: leases[0]?.until });
    expect(held.retryAfterMs).toBeGreaterThan(0);

    const [{ event }] = events as [(typeof events)[number]];
    const { token = "" } = leases[0] ?? {};
    const items = [{ position: event.position, verdict: "ack" as const }];
    expect(await group.ack({ token, items })).toMatchObject({
      outcomes: [{ position: event.position, outcome: "done" }],
      leases: [{ lane: 0, token }],
    });
    await group.update({ ...(await group.status()), maxAttempts: 7 });
    expect((await group.status()).maxAttempts).toBe(7);
    await group.pause();
    expect((await group.status()).status).toBe("paused");
    await group.resume();
    await group.reset("earliest", { lanes: 2 });
    const fenced = await rejection(group.ack({ token, done: true }));
    expect(fenced).toBeInstanceOf(Fenced);
    expect(fenced).toMatchObject({ code: "fenced", status: 409 });
    // Each of two consumers gets a lane.
    const again = [await group.fetch<number>({ consumer: "two" }), await group.fetch<number>({ consumer: "three" })];
    const given = again.flatMap((batch) => batch.events.map((each) => each.event.data));
    expect(given.toSorted()).toEqual([1, 2, 3]);
    expect(await group.drain()).toBe(false);
    for (const batch of again) await group.ack({ token: batch.leases[0]?.token ?? "", done: true });
    expect(await group.drain(5)).toBe(true);
    expect(await rejection(group.status())).toMatchObject({ code: "not_found" });
  });

  it("is worked on: each key in order whatever the concurrency, with every verdict, and leases that last", async () => {
    const { aw } = await owned();
    const group = aw.group("billing", { topics: ["orders.>"], from: "earliest", lanes: 2 });
    for (let index = 0; index < 16; index += 1) {
      await aw.publish("orders.new", index, { key: `k${String(index % 4)}`, respondAsync: true });
    }
    const handled: (readonly [data: number, attempt: number])[] = [];
    const running = new Set<string>();
    const errors: unknown[] = [];
    let most = 0;
    const lasting = gate();
    const work = async (consumer: string, all: number): Promise<void> => {
      await using worker = group.run<number>(
        async ({ data = -1, partitionkey = "" }, message) => {
          expect(running.has(partitionkey)).toBe(false);
          most = Math.max(most, running.add(partitionkey).size);
          handled.push([data, message.attempt]);
          await new Promise((resolve) => setImmediate(resolve));
          if (data === 0) await lasting.opened;
          running.delete(partitionkey);
          if (data === 1) return message.park("no such customer");
          if (data === 2) return message.skip();
          if (data === 3 && message.attempt === 1) return message.retry(0);
          if (data === 15) throw new Error("not yet");
        },
        { concurrency: 8, waitSeconds: 1, consumer, onError: (error) => errors.push(error) },
      );
      await until("every event", () => new Set(handled.map(([data]) => data)).size === all, 120_000);
      expect(await worker.stop()).toBe(true);
    };
    await group.declare();
    const working = work("one", 16);
    const held = async () => (await group.status()).lanes.flatMap(({ until: end }) => end ?? []);
    const [first = ""] = await until("a lease", async () => {
      const ends = await held();
      return ends.length > 0 && handled.length > 0 && ends;
    });
    await until("an extension", async () => (await held()).some((end) => end > first));
    lasting.open();
    await working;

    expect(most).toBeGreaterThan(1);
    expect(handled).toContainEqual([3, 2]);
    expect(errors.map(String)).toEqual(["Error: no such customer", "Error: not yet"]);
    for (const key of [0, 1, 2, 3]) {
      const firsts = [...new Set(handled.map(([data]) => data).filter((data) => data % 4 === key))];
      expect(firsts).toEqual(firsts.toSorted((one, other) => one - other));
    }
    const { lanes, lag, parked } = await group.status();
    expect([lanes.flatMap(({ holder }) => holder ?? []), lag, parked]).toEqual([[], 1, 1]);
    // A throw is a retry: the event waits, and its key with it.
    expect(lanes.flatMap(({ blocked }) => blocked)).toMatchObject([{ key: "orders k3", attempts: 1 }]);
  });

  it("stops at an event, and ends a worker with what is in work done and the rest given back", async () => {
    const { aw } = await owned();
    const group = aw.group("billing", { topics: ["orders.>"], from: "earliest" });
    for (const data of [1, 2, 3]) await aw.publish("orders.new", data);
    const stopping = group.run((_, message) => message.stop("look"), { waitSeconds: 0, onError: () => undefined });
    await until("the stop", async () => (await group.status().catch(() => undefined))?.status === "stopped");
    await stopping.stop();
    await group.resume({ skip: true });

    const [begun, finish] = [gate(), gate()];
    const handled: unknown[] = [];
    const registry = new Registry();
    registry.register("billing", () =>
      group.run(
        async ({ data }) => {
          handled.push(data);
          begun.open();
          await finish.opened;
        },
        { waitSeconds: 0 },
      ),
    );
    expect(registry.subscriptionIds).toEqual(["billing"]);
    await begun.opened;
    const ended = registry.unsubscribe("billing", 60_000);
    finish.open();
    expect(await ended).toBe(true);
    expect([handled, registry.subscriptionIds]).toEqual([[2], []]);
    const rest = await group.fetch({ consumer: "next" });
    expect(rest.events.map(({ event, attempt }) => [event.data, attempt])).toEqual([[3, 1]]);
  });
});

/** What a webhook was sent: bodies and headers. */
async function receiver(): Promise<{
  url: string;
  taken: { readonly body: Buffer; readonly headers: IncomingHttpHeaders }[];
}> {
  const taken: { readonly body: Buffer; readonly headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      taken.push({ body: Buffer.concat(chunks), headers: request.headers });
      response.writeHead(204).end();
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`, taken };
}

it("verifies a webhook's deliveries, finds the one that is missing, and is limited in its tests", async () => {
  const { aw, owner } = await owned();
  const { url, taken } = await receiver();
  const path = { webhookId: "crm" };
  const topics = ["orders.>"];
  const { data: webhook } = await aw.send(
    async (api) => await api.PUT("/webhooks/{webhookId}", { params: { path }, body: { url, topics } }),
  );
  const secret = String(webhook.secret);
  for (const data of [1, 2, 3, 4]) await aw.publish("orders.new", data);
  await aw.publish("else", 0);
  await until("the deliveries", () => taken.length === 4);
  const other = `whsec_${Buffer.alloc(32).toString("base64")}`;
  const events = await Promise.all(
    taken.map(async ({ body, headers }) => await verify<number>(body, headers, [other, secret])),
  );
  expect(events.map(({ data, subject }) => [data, subject])).toEqual([1, 2, 3, 4].map((data) => [data, "orders.new"]));
  const [{ body, headers }] = taken as [(typeof taken)[number]];
  expect(await rejection(verify(body, headers, other))).toMatchObject({ code: "signature_mismatch" });
  expect(await rejection(verify(Buffer.concat([body, Buffer.from(" ")]), headers, secret))).toMatchObject({
    code: "signature_mismatch",
  });
  const late = { toleranceSeconds: 60, now: () => Date.now() + 600_000 };
  expect(await rejection(verify(body, headers, secret, late))).toMatchObject({ code: "timestamp_too_old" });

  const missing = gapless();
  for (const event of events.filter(({ data }) => data !== 3)) missing.add(event);
  expect(missing.sequences).toEqual([3]);
  const found: unknown[] = [];
  for await (const event of missing.read(aw, topics)) found.push(event);
  expect(found).toEqual(events.filter(({ data }) => data === 3));
  expect(missing.sequences).toEqual([]);

  const once = actor(owner.uri, { user: owner.creator, passphrase: owner.passphrase, maxAttempts: 1 });
  const test = async () =>
    await once.send(async (api) => await api.POST("/webhooks/{webhookId}/test", { params: { path } }));
  // Ten in a minute are answered, and a minute may end between any two of them.
  let limited = await rejection(test());
  for (let sent = 1; sent < 60 && limited === "resolved"; sent += 1) limited = await rejection(test());
  expect(limited).toBeInstanceOf(RateLimited);
  expect(limited).toMatchObject({ code: "rate_limited", status: 429 });
  expect(limited.retryAfterMs).toBeGreaterThan(0);
});
