/** The event bus: publishing through every transport, subscribing through the one that has it. */
import { describe, expect, it, onTestFinished } from "vitest";
import { EventBridgeBus } from "../../lib/bus/event-bridge-bus.ts";
import { MemoryBus } from "../../lib/bus/memory-bus.ts";
import { NoBus } from "../../lib/bus/no-bus.ts";
import { NOT_PUBLISHED } from "../../lib/system/metric-names.ts";
import { platform } from "../../lib/system/platform.ts";
import { NotSupported, type After, type BusEvent, type EventBus } from "../../lib/system/ports.ts";
import { FakeEventBridge, type EventBridgeAnswer } from "../support/fake-event-bridge.ts";

const TIMEOUT_MS = 60_000;
const KEYS = { accessKeyId: "AKID", secretAccessKey: "s/e+c", sessionToken: "token==" };
const REGION = "eu-north-1";

interface OpenBus {
  readonly bus: EventBus;
  /** The log's lines. */
  readonly lines: readonly (readonly [string, unknown])[];
  /** What other systems have got of it; undefined where there are none. */
  readonly arrived?: () => readonly BusEvent[];
}

interface OpenEventBridge extends OpenBus {
  readonly fake: FakeEventBridge;
  /** Lets the time for an answer pass. */
  readonly giveUp: () => void;
}

async function eventBridge(keys = KEYS): Promise<OpenEventBridge> {
  const fake = await FakeEventBridge.start(KEYS, REGION);
  const lines: [string, unknown][] = [];
  const timers = new Set<() => void>();
  const after: After = (ms, call) => {
    if (ms === TIMEOUT_MS) timers.add(call);
    return () => timers.delete(call);
  };
  const bus = new EventBridgeBus({
    ...{ busName: "events", region: REGION, credentials: () => Promise.resolve(keys), endpoint: fake.endpoint },
    ...{ clock: platform.clock, after, timeoutMs: TIMEOUT_MS },
    log: { warn: (message, fields) => void lines.push([message, fields]) },
  });
  onTestFinished(async () => {
    await bus.close();
    await fake.close();
  });
  return {
    ...{ bus, fake, lines },
    arrived: () => fake.taken.map(({ Detail }) => JSON.parse(Detail) as BusEvent),
    giveUp: () => [...timers].forEach((call) => call()),
  };
}

function memory(): Promise<OpenBus> {
  const arrived: BusEvent[] = [];
  return Promise.resolve({
    bus: new MemoryBus({ published: (_, event) => void arrived.push(event) }),
    lines: [],
    arrived: () => arrived,
  });
}

const none = (): Promise<OpenBus> => Promise.resolve({ bus: new NoBus(), lines: [] });

let made = 0;
const event = (type = "org.actingweb.property.set", data: BusEvent[string] = { name: "a", value: 1 }): BusEvent => {
  made += 1;
  const id = `e${String(made)}`;
  return { specversion: "1.0", id, source: "https://x.example/actor-1", type, subject: "properties.a", data };
};

const gather = async (from: AsyncIterable<BusEvent>): Promise<readonly string[]> => {
  const ids: string[] = [];
  for await (const { id } of from) ids.push(id);
  return ids;
};

describe.each([
  ["EventBridge", eventBridge],
  ["in memory", memory],
  ["none", none],
] as const)("publishing to the event bus, %s", (name, open) => {
  it("passes each event on once and as it is, in order", async () => {
    const { bus, arrived, lines } = await open();
    const events = [event(), event("a.b", [9007199254740993n, "ü\u0000\ud83d\ude00", { __proto__: null, x: 1e20 }])];
    for (const each of events) {
      expect((await bus.publish("properties.a", each)).outcome).toBe(name === "none" ? "unavailable" : "taken");
    }
    expect(arrived?.().map(({ id }) => id) ?? []).toEqual(arrived === undefined ? [] : events.map(({ id }) => id));
    expect(lines).toEqual([]);
  });

  it("takes an event with as much data as it says", async () => {
    const { bus } = await open();
    const data = '"'.repeat(Math.min(bus.inlineMaxBytes, 262_144) / 2 - 1);
    expect((await bus.publish("properties.a", event("t", data))).outcome).toBe(
      name === "none" ? "unavailable" : "taken",
    );
  });

  it("connects before the first publication, with it, and again", async () => {
    const { bus } = await open();
    await bus.publish("a", event());
    await bus.connect();
    await bus.connect();
    await bus.publish("a", event());
  });

  it("closes once and for all", async () => {
    const { bus, arrived } = await open();
    await bus.close();
    await bus.close();
    await expect(bus.publish("a", event())).rejects.toThrow("The event bus is closed.");
    await expect(bus.connect()).rejects.toThrow(TypeError);
    expect(() => bus.subscribe("a")).toThrow("The event bus is closed.");
    expect(arrived?.() ?? []).toEqual([]);
  });

  if (name !== "in memory") {
    it("has no subscriptions, and says so", async () => {
      const { bus } = await open();
      expect(() => bus.subscribe(">")).toThrow(NotSupported);
    });
  }
});

describe("EventBridge", () => {
  it("is given source, type and event of each entry on the deployment's own bus", async () => {
    const { bus, fake } = await eventBridge();
    const sent = event("com.example.moved");
    await bus.publish("properties.a", sent);
    const [entry] = fake.taken;
    expect(entry).toEqual({
      ...{ Source: "actingweb.actor-1", DetailType: "com.example.moved", EventBusName: "events" },
      Detail: JSON.stringify(sent),
    });
  });

  const type = (name: string, status = 400): EventBridgeAnswer => ({ status, type: `com.amazonaws#${name}` });
  it.each([
    ["a request that is throttled", type("ThrottlingException"), "unavailable"],
    ["a right that is missing", type("AccessDeniedException"), "unavailable"],
    ["a bus that is missing", type("ResourceNotFoundException"), "unavailable"],
    ["a service that is down", type("ServiceUnavailable", 503), "unavailable"],
    ["a service that fails", type("InternalException", 500), "ambiguous"],
    ["a request that is invalid", type("ValidationException"), "refused"],
    ["a request that is too large", type("RequestEntityTooLarge", 413), "refused"],
    ["an entry that failed inside", { entry: "InternalFailure" }, "unavailable"],
    ["an entry that is throttled", { entry: "ThrottlingException" }, "unavailable"],
    ["an entry that is malformed", { entry: "MalformedDetail" }, "refused"],
    ["an answer that is no JSON", { body: "<html>" }, "ambiguous"],
    ["an answer without entries", { body: "{}" }, "ambiguous"],
    ["an answer whose entries are none", { body: '{"FailedEntryCount":0,"Entries":[null]}' }, "ambiguous"],
    ["a connection that breaks", "break", "ambiguous"],
  ] as const)("of %s: logs one line, sends no second time, and never rejects", async (_, answer, outcome) => {
    const { bus, fake, lines } = await eventBridge();
    fake.answer = answer;
    const [failing, next] = [event(), event()];
    const publication = await bus.publish("properties.a", failing);
    expect(publication).toEqual({ outcome, error: expect.stringMatching(/./) });
    expect(fake.requests).toBe(1);
    const { id, type: eventType } = failing;
    const fields = { topic: "properties.a", eventId: id, type: eventType, ...publication };
    expect(lines).toEqual([[NOT_PUBLISHED, fields]]);
    fake.answer = "take";
    expect(await bus.publish("properties.a", next)).toEqual({ outcome: "taken" });
    expect(fake.taken).toHaveLength(1);
  });

  it("that does not answer is given up, and the event may have arrived", async () => {
    const { bus, fake, giveUp, lines } = await eventBridge();
    fake.answer = "hang";
    const publishing = bus.publish("a", event());
    await expect.poll(() => fake.requests).toBe(1);
    giveUp();
    expect((await publishing).outcome).toBe("ambiguous");
    expect(lines).toHaveLength(1);
  });

  it("without an endpoint that listens takes nothing", async () => {
    const { bus, fake } = await eventBridge();
    await fake.close();
    expect((await bus.publish("a", event())).outcome).toBe("unavailable");
  });

  it("refuses another's signature, which the log says without the key", async () => {
    const { bus, fake, lines } = await eventBridge({ ...KEYS, secretAccessKey: "wrong" });
    expect(await bus.publish("a", event())).toMatchObject({ outcome: "unavailable", error: /InvalidSignature/ });
    expect(fake.taken).toEqual([]);
    expect(JSON.stringify(lines)).not.toMatch(/wrong|AKID|token==/);
  });

  it("is not asked while there are no credentials", async () => {
    const { bus, fake } = await eventBridge();
    const without = new EventBridgeBus({
      ...{ busName: "events", region: REGION, endpoint: fake.endpoint, log: { warn: () => undefined }, ...platform },
      credentials: () => Promise.reject(new Error("none in the environment")),
    });
    expect(await without.publish("a", event())).toEqual({ outcome: "unavailable", error: "none in the environment" });
    expect(fake.requests).toBe(0);
    await Promise.all([without.close(), bus.close()]);
  });
});

describe("subscribing to the event bus, in memory", () => {
  it("gives each subscription what its pattern lets through, in order, from its beginning on", async () => {
    const bus = new MemoryBus();
    const early = event();
    await bus.publish("properties.a", early);
    const [all, one] = [bus.subscribe(">"), bus.subscribe("properties.*")];
    const topics = ["properties.a", "properties.a.b", "$sys.webhook.gone", "orders"];
    const events = topics.map(() => event());
    for (const [at, topic] of topics.entries()) await bus.publish(topic, events[at] ?? early);
    await bus.close();
    expect(await gather(all)).toEqual([events[0]?.id, events[1]?.id, events[3]?.id]);
    expect(await gather(one)).toEqual([events[0]?.id]);
  });

  it("waits for events that are not there yet, for several iterations at once", async () => {
    const bus = new MemoryBus();
    const subscription = bus.subscribe("a");
    const [first, second] = [subscription[Symbol.asyncIterator](), subscription[Symbol.asyncIterator]()];
    const waiting = [first.next(), second.next()];
    const events = [event(), event()];
    for (const each of events) await bus.publish("a", each);
    expect((await Promise.all(waiting)).map(({ value }) => (value as BusEvent).id)).toEqual(events.map(({ id }) => id));
    const last = first.next();
    await bus.close();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  it("drops the oldest of more than 1024 waiting events, and counts them", async () => {
    const bus = new MemoryBus();
    await using slow = bus.subscribe("a");
    const events = Array.from({ length: 1_030 }, () => event());
    for (const each of events.slice(0, 1_024)) await bus.publish("a", each);
    expect(slow.dropped).toBe(0);
    for (const each of events.slice(1_024)) await bus.publish("a", each);
    expect(slow.dropped).toBe(6);
    await bus.close();
    expect(await gather(slow)).toEqual(events.slice(6).map(({ id }) => id));
  });

  it("reports what is dropped: the first, every 1024, and the rest at the end", async () => {
    const counts: (readonly [string, number])[] = [];
    const bus = new MemoryBus({ dropped: (pattern, count) => void counts.push([pattern, count]) });
    bus.subscribe("a");
    bus.subscribe("b");
    const same = event();
    for (let n = 0; n < 1_024 + 1_030; n += 1) await bus.publish("a", same);
    expect(counts).toEqual([
      ["a", 1],
      ["a", 1_024],
    ]);
    await bus.close();
    await bus.close();
    expect(counts.slice(2)).toEqual([["a", 5]]);
  });

  it("ends a subscription when it is disposed of, and when its consumer stops", async () => {
    const bus = new MemoryBus();
    const disposed = bus.subscribe("a");
    const waiting = disposed[Symbol.asyncIterator]().next();
    await disposed[Symbol.asyncDispose]();
    await disposed[Symbol.asyncDispose]();
    expect((await waiting).done).toBe(true);
    const stopped = bus.subscribe("a");
    await bus.publish("a", event());
    await bus.publish("a", event());
    for await (const _ of stopped) break;
    await bus.publish("a", event());
    expect(await gather(stopped)).toEqual([]);
    expect(await gather(disposed)).toEqual([]);
  });

  it.each(["", "a..b", "a.>.b", "pre*", "$other"])("refuses the pattern %j", (pattern) => {
    expect(() => new MemoryBus().subscribe(pattern)).toThrow(TypeError);
  });
});
