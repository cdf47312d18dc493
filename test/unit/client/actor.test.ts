import { beforeEach, describe, expect, it, vi } from "vitest";
import { actor, type ActorClient } from "../../../lib/client/actor.ts";
import { PositionGone, RateLimited, ServiceError, Unreachable } from "../../../lib/client/errors.ts";
import { SNAPSHOT, type ActorEvent, type EventsOptions } from "../../../lib/client/events.ts";
import { gapless } from "../../../lib/client/gapless.ts";
import { ModelService } from "./model-service.ts";

let service: ModelService;
let aw: ActorClient;
beforeEach(() => {
  service = new ModelService();
  aw = actor(`${service.root}/`, { bearer: "secret", machine: service.machine });
});

const rejection = async (promise: Promise<unknown>): Promise<any> =>
  await promise.then(
    () => "resolved",
    (error: unknown) => error,
  );

describe("publish", () => {
  it("sends JSON to the topic's URL, with the key and the id", async () => {
    const published = await aw.publish("orders.42.created", { total: 10 }, { key: "orders.42", id: "o-42" });
    expect(published.position).toBe(service.log[0]?.position);
    expect(service.requests[0]?.what).toBe("POST /events/orders.42.created");
    expect(Object.fromEntries(service.requests[0]!.headers)).toMatchObject({
      authorization: "Bearer secret",
      "content-type": "application/json",
      "idempotency-key": "o-42",
      partitionkey: "orders.42",
    });
    expect(service.log[0]).toMatchObject({
      subject: "orders.42.created",
      data: { total: 10 },
      partitionkey: "orders.42",
    });
  });

  it("publishes once when an answer is lost, under an id of its own too", async () => {
    service.faults.push("lost", { status: 503 });
    expect(await aw.publish("orders.new", 1)).toEqual({ position: service.log[0]?.position, replayed: true });
    expect(service.log).toHaveLength(1);
    const keys = service.requests.map(({ headers }) => headers.get("idempotency-key"));
    expect(new Set(keys).size).toBe(1);
    await aw.publish("orders.new", 1);
    expect(service.log).toHaveLength(2);
    const conflict = await rejection(aw.publish("orders.new", 2, { id: keys[0]! }));
    expect(conflict).toBeInstanceOf(ServiceError);
    expect(conflict).toMatchObject({ code: "idempotency_conflict", status: 422 });
  });

  it("sends a CloudEvent where a type is given, or where no URL and no header can carry a text", async () => {
    await aw.publish("orders.new", 1, { type: "com.example.order", source: "/shop" });
    await aw.publish("orders.a%20b", 1, { key: "schlüssel" });
    expect(service.requests.map(({ what }) => what)).toEqual(["POST /events", "POST /events"]);
    expect(service.log).toMatchObject([
      { subject: "orders.new", type: "com.example.order", source: "/shop", data: 1 },
      { subject: "orders.a%20b", type: "event", source: service.root, partitionkey: "schlüssel" },
    ]);
  });

  it("sends bytes as bytes", async () => {
    await aw.publish("blobs", new Uint8Array([104, 105]));
    expect(service.requests[0]?.body).toBe("hi");
    await aw.publish("blobs", new Uint8Array([0, 255]), { type: "com.example.blob" });
    expect(service.requests[1]?.body).toMatchObject({ data_base64: "AP8=" });
  });

  it("takes the owner's passphrase, in UTF-8", async () => {
    await actor(service.root, { user: "jörg", passphrase: "p:w", machine: service.machine }).publish("a", 1);
    const [scheme, value = ""] = service.requests[0]!.headers.get("authorization")!.split(" ");
    expect([scheme, Buffer.from(value, "base64").toString()]).toEqual(["Basic", "jörg:p:w"]);
  });
});

describe("retries", () => {
  it("wait longer each time, and as long as Retry-After asks, in seconds or as a date", async () => {
    const date = new Date(service.now + 9_000).toUTCString();
    const faults = [{ status: 503 }, { status: 502 }, { status: 429, headers: { "retry-after": "7" } }];
    service.faults.push(...faults, { status: 503, headers: { "retry-after": date } });
    await aw.publish("a", 1);
    // Half of 200, 400, 800 and 1600 ms; the first three pauses are over when the date is read.
    expect(service.sleeps).toEqual([100, 200, 7_400, 9_000 - 7_700 + 800]);
  });

  it("end after the sixth attempt, with the class of what failed", async () => {
    service.faults.push(...Array.from({ length: 6 }, () => ({ status: 429, code: "rate_limited" })));
    expect(await rejection(aw.publish("a", 1))).toBeInstanceOf(RateLimited);
    expect(service.requests).toHaveLength(6);
    service.faults.push(...Array.from({ length: 6 }, () => "lost" as const));
    const unreachable = await rejection(aw.publish("a", 1));
    expect(unreachable).toBeInstanceOf(Unreachable);
    expect(unreachable).toMatchObject({ code: "unreachable", cause: { message: "fetch failed" } });
  });

  it("are left to the caller when Retry-After is longer than a minute", async () => {
    service.faults.push({ status: 429, code: "rate_limited", headers: { "retry-after": "61" } });
    expect(await rejection(aw.publish("a", 1))).toMatchObject({ code: "rate_limited", retryAfterMs: 61_000 });
    expect(service.requests).toHaveLength(1);
  });

  it("are none for what is refused", async () => {
    service.faults.push({ status: 403, code: "forbidden" });
    expect(await rejection(aw.publish("a", 1))).toMatchObject({ code: "forbidden", status: 403 });
    expect(service.requests).toHaveLength(1);
  });
});

describe("requests", () => {
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;

  it("are sent again when an answer breaks off", async () => {
    const position = service.add("orders.new", 1);
    service.faults.push("cut", "cut");
    const read: string[] = [];
    for await (const event of aw.events("orders.>", { from: "earliest", untilNow: true })) read.push(event.position);
    expect(read).toEqual([position]);
    expect(service.requests).toHaveLength(3);
  });

  it("that cannot be sent fail at once, with the reason", async () => {
    expect(await rejection(aw.publish("a", circular))).toBeInstanceOf(TypeError);
    expect([service.requests, service.sleeps]).toEqual([[], []]);
  });

  it("end after their time, and leave no timer behind", async () => {
    const hanging = async ({ signal }: Request): Promise<Response> =>
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    const machine = { ...service.machine, fetch: hanging };
    const slow = actor(service.root, { bearer: "secret", machine, timeoutMs: 1, maxAttempts: 2 });
    expect(await rejection(slow.publish("a", 1))).toMatchObject({ code: "unreachable", cause: { name: "AbortError" } });
    const [begun, ended] = [vi.spyOn(globalThis, "setTimeout"), vi.spyOn(globalThis, "clearTimeout")];
    await aw.publish("a", 1);
    expect(begun.mock.calls.map(([, ms]) => ms)).toEqual([15_000]);
    expect(ended).toHaveBeenCalledWith(begun.mock.results[0]?.value);
  });

  it("follow no redirect, which would take the credentials elsewhere", async () => {
    const seen: string[] = [];
    const fetch = async (request: Request) => {
      seen.push(request.redirect);
      return await Promise.resolve(new Response(null, { status: 302, headers: { location: "https://else.example/" } }));
    };
    const other = actor(service.root, { bearer: "secret", machine: { ...service.machine, fetch } });
    expect(await rejection(other.publish("a", 1))).toMatchObject({ code: "http_302", status: 302 });
    expect(seen).toEqual(["manual"]);
  });

  it("to any other route have its types, and the client's retries and errors", async () => {
    service.faults.push({ status: 503 });
    const { data, response } = await aw.send(async (api) => await api.GET("/properties"));
    expect([data, response.status]).toEqual([{ name: "state" }, 200]);
    const path = { topic: "orders" };
    service.faults.push({ status: 503 });
    const once = aw.send(async (api) => await api.POST("/events/{topic}", { params: { path }, body: 1 }));
    expect(await rejection(once)).toMatchObject({ status: 503 });
    expect(service.requests.map(({ what }) => what)).toEqual([
      "GET /properties",
      "GET /properties",
      "POST /events/orders",
    ]);
    // @ts-expect-error The document has no such route.
    expect(await rejection(aw.send(async (api) => await api.GET("/nothing")))).toMatchObject({ code: "not_found" });
  });
});

describe("events", () => {
  const read = async (count: number, options: EventsOptions = {}): Promise<ActorEvent[]> => {
    const events: ActorEvent[] = [];
    for await (const event of aw.events("orders.>", options)) if (events.push(event) === count) break;
    return events;
  };
  const dataOf = (events: readonly ActorEvent[]): unknown[] => events.map(({ data }) => data);

  it("are read from a position, page by page, and waited for", async () => {
    const positions = [1, 2, 3, 4].map((data) => service.add("orders.new", data));
    service.onIdle = () => service.add("orders.new", 5);
    expect(dataOf(await read(4, { from: positions[0]!, limit: 2 }))).toEqual([2, 3, 4, 5]);
    expect(service.requests[0]?.what).toBe("GET /events");
  });

  it("begin now where no position is given, and outlast lost answers", async () => {
    service.add("orders.new", "old");
    service.onIdle = () => service.add("orders.new", "new");
    service.faults.push(undefined, "lost", { status: 504 });
    expect(dataOf(await read(1))).toEqual(["new"]);
  });

  it("give positions while nothing happens, past events of other topics too", async () => {
    const positions: string[] = [];
    const signal = new AbortController();
    const other = service.add("other");
    service.onIdle = () => service.add("other");
    for await (const event of aw.events("orders.>", {
      from: "earliest",
      signal: signal.signal,
      onPosition: (position) => {
        if (positions.push(position) === 3) signal.abort();
      },
    }))
      expect(event).toBeUndefined();
    expect(positions[0]).toBe(other);
    expect(positions).toEqual([...new Set(positions)].toSorted());
  });

  it("are not asked for again and again at once", async () => {
    service.onIdle = () => service.add("orders.new", "new");
    expect(dataOf(await read(1, { waitSeconds: 0 }))).toEqual(["new"]);
    expect(service.requests.map(({ query }) => query.get("wait"))).toEqual(["1", "1"]);
  });

  it("end without an error when the signal aborts, in a wait and between two events", async () => {
    service.add("orders.new", 1);
    service.add("orders.new", 2);
    const controller = new AbortController();
    const seen: unknown[] = [];
    for await (const { data } of aw.events("orders.>", { from: "earliest", signal: controller.signal })) {
      seen.push(data);
      controller.abort();
    }
    expect(seen).toEqual([1]);
    const late = new AbortController();
    service.onIdle = () => late.abort();
    expect(await read(1, { signal: late.signal })).toEqual([]);
  });

  it("that are gone reject, with where the state is", async () => {
    service.goneBelow = service.add("orders.new");
    const gone = await rejection(read(1, { from: "0.000000.00" }));
    expect(gone).toBeInstanceOf(PositionGone);
    expect(gone).toMatchObject({ code: "position_gone", snapshot: `${service.root}/properties` });
  });

  it("that are gone are replaced by the state, or by what a function says", async () => {
    service.goneBelow = service.add("orders.new", "gone");
    service.onIdle = () => service.add("orders.new", "next");
    const [snapshot, next] = await read(2, { from: "0.000000.00", onGone: "snapshot" });
    expect(snapshot).toMatchObject({ type: SNAPSHOT, data: { name: "state" }, position: service.log[0]?.position });
    expect(next?.data).toBe("next");
    const asked = service.requests.map(({ what }) => what);
    // The position before the state: what happens between the two comes twice, and nothing is missed.
    expect(asked.slice(0, 3)).toEqual(["GET /events", "GET /events", "GET /properties"]);
    const from = (gone: PositionGone) => (gone.code === "position_gone" ? service.goneBelow : "now");
    expect(dataOf(await read(1, { from: "0.000000.00", onGone: from }))).toEqual(["next"]);
  });
});

describe("gapless", () => {
  /** A webhook's events: those of orders, numbered. */
  function webhook(): ActorEvent[] {
    for (let index = 1; index <= 12; index += 1) service.add(index % 3 === 0 ? "other" : "orders.new", index);
    const sent = service.log.filter(({ subject }) => subject === "orders.new");
    return sent.map((event, index) => ({ ...event, sequence: String(index + 1).padStart(16, "0") }) as any);
  }

  it("names the numbers that never came, and reads their events", async () => {
    const sent = webhook();
    const missing = gapless();
    for (const index of [1, 0, 3, 7, 3]) missing.add(sent[index]!);
    expect(missing.sequences).toEqual([3, 5, 6, 7]);
    const events: ActorEvent[] = [];
    for await (const event of missing.read(aw, "orders.>")) events.push(event);
    expect(events).toEqual([2, 4, 5, 6].map((index) => sent[index]));
    expect(missing.sequences).toEqual([]);
  });

  it("continues from a saved state, and takes each number once and a test event never", () => {
    const sent = webhook();
    const missing = gapless();
    expect([missing.add(sent[0]!), missing.add(sent[0]!), missing.add({ position: "1" })]).toEqual([
      true,
      false,
      false,
    ]);
    missing.add(sent[4]!);
    const again = gapless(JSON.parse(JSON.stringify(missing.state)));
    expect(again.sequences).toEqual([2, 3, 4]);
    for (const index of [2, 1, 3]) again.add(sent[index]!);
    expect([again.sequences, again.state]).toEqual([[], [{ first: 1, last: 5, position: sent[4]!.position }]]);
  });
});
