import { beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { actor, deployment, type ActorClient } from "../../../lib/client/actor.ts";
import { ConfigDiffers, Fenced, Held, ServiceError } from "../../../lib/client/errors.ts";
import type { ActorEvent } from "../../../lib/client/events.ts";
import { AlreadyRegistered, Registry } from "../../../lib/client/registry.ts";
import type { Schemas } from "../../../lib/client/routes.ts";
import { ModelService } from "./model-service.ts";

let service: ModelService;
let aw: ActorClient;
beforeEach(() => {
  service = new ModelService();
  aw = actor(service.root, { bearer: "secret", machine: service.machine });
});

const ALL = { topics: ["orders.>"] };
const rejection = async (promise: Promise<unknown>): Promise<any> =>
  await promise.then(
    () => "resolved",
    (error: unknown) => error,
  );
const raise = (error: unknown): never => {
  throw error;
};
/** A promise, and what resolves it. */
function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
/** Resolves when a consumer finds nothing more. */
const idle = (): Promise<void> => new Promise((resolve) => (service.onIdle = resolve));
const acks = (): any[] => service.requests.filter(({ what }) => what.endsWith("/ack")).map(({ body }) => body);
const verdicts = (name = "billing"): Record<string, string> => Object.fromEntries(service.group(name).verdicts);

describe("a group by hand", () => {
  it("is declared once, and with other settings only on purpose", async () => {
    await aw.group("billing", ALL).declare();
    await aw.group("billing", ALL).declare();
    const other = { ...ALL, lanes: 2 };
    const differs = await rejection(aw.group("billing", other).declare());
    expect(differs).toBeInstanceOf(ConfigDiffers);
    expect(differs).toMatchObject({ code: "precondition_required", fields: ["lanes"] });
    await aw.group("billing").update(other);
    expect(service.group("billing").settings).toEqual(other);
    expect(service.requests.at(-1)?.headers.get("if-match")).toBe('"1"');
  });

  it("is fetched from and acknowledged; a second consumer finds its lane taken", async () => {
    const group = aw.group("billing", ALL);
    await group.declare();
    const position = service.add("orders.new", 1);
    const { events, leases } = await group.fetch({ consumer: "one" });
    expect(events).toMatchObject([{ event: { data: 1 }, attempt: 1, lane: 0 }]);
    const held = await rejection(group.fetch({ consumer: "two" }));
    expect(held).toBeInstanceOf(Held);
    expect(held).toMatchObject({ code: "held", holder: "one", until: leases[0]?.until, retryAfterMs: 2_000 });
    await group.ack({ token: leases[0]!.token, items: [{ position, verdict: "ack" }], done: true });
    expect(await group.fetch({ consumer: "two" })).toEqual({
      events: [],
      leases: [],
      caughtUp: true,
      retryAfterMs: 1_000,
    });
    const fenced = await rejection(group.ack({ token: leases[0]!.token, done: true }));
    expect(fenced).toBeInstanceOf(Fenced);
    expect(fenced).toMatchObject({ code: "fenced", status: 409 });
  });

  it("asks again for what a lost answer had, by the key of that fetch, and by another key for the next", async () => {
    const group = aw.group("billing", ALL);
    await group.declare();
    service.add("orders.new", 1);
    service.faults.push("lost", { status: 503 });
    const { events } = await group.fetch({ consumer: "one" });
    expect(events).toMatchObject([{ event: { data: 1 }, attempt: 1 }]);
    await rejection(group.fetch({ consumer: "one" }));
    const keys = service.requests
      .filter(({ what }) => what.endsWith("/fetch"))
      .map(({ headers }) => headers.get("idempotency-key"));
    expect(keys.map((key) => keys.indexOf(key))).toEqual([0, 0, 0, 3]);
  });

  it("is paused, resumed, reset and drained", async () => {
    const group = aw.group("billing", ALL);
    await group.declare();
    await group.pause();
    await group.resume();
    await group.resume({ skip: true });
    await group.reset("earliest", { lanes: 4 });
    service.faults.push("lost");
    expect(await group.drain(5)).toBe(true);
    expect(service.requests.slice(1).map(({ what, body }) => [what, body])).toEqual([
      ["POST /groups/billing/pause", ""],
      ["POST /groups/billing/resume", { skip: false }],
      ["POST /groups/billing/resume", { skip: true }],
      ["POST /groups/billing/reset", { to: "earliest", lanes: 4 }],
      ["DELETE /groups/billing", ""],
      ["DELETE /groups/billing", ""],
    ]);
  });

  it("says how it stands in the words of its root", async () => {
    const ofAll = deployment(service.root, { bearer: "operator", machine: service.machine }).group("billing", ALL);
    expect((await ofAll.declare()).name).toBe("billing");
    expectTypeOf(await ofAll.status()).toEqualTypeOf<Schemas["RootGroup"]>();
    expectTypeOf(await aw.group("billing").status()).toEqualTypeOf<Schemas["Group"]>();
  });
});

describe("a worker", () => {
  it("handles each event once and says what became of it", async () => {
    const positions = ["a", "b", "c", "d", "e"].map((name) => service.add(`orders.${name}`, name));
    const attempts: unknown[] = [];
    const failures: unknown[] = [];
    const settled = idle();
    await using worker = aw.group("billing", ALL).run(
      ({ data }, message) => {
        attempts.push([data, message.attempt]);
        if (data === "a") message.park("no such customer");
        if (data === "b") message.skip();
        if (data === "c" && message.attempt === 1) message.retry(60);
        if (data === "d" && message.attempt === 1) throw new Error("not yet");
      },
      { onError: (error, event) => failures.push([String(error), event?.data]) },
    );
    await settled;
    expect(attempts).toEqual([...["a", "b", "c", "d", "e"].map((name) => [name, 1]), ["c", 2], ["d", 2]]);
    expect(failures).toEqual([
      ["Error: no such customer", "a"],
      ["Error: not yet", "d"],
    ]);
    expect(acks()[0].items).toEqual([
      { position: positions[0], verdict: "park" },
      { position: positions[1], verdict: "skip" },
      { position: positions[2], verdict: "retry", delaySeconds: 60 },
      { position: positions[3], verdict: "retry" },
      { position: positions[4], verdict: "ack" },
    ]);
    expect(await worker.stop()).toBe(true);
  });

  it("gives back after a delay that the service takes, whatever the handler says", async () => {
    const delays = [0.2, -1, 1e9];
    for (const [index] of delays.entries()) service.add(`orders.${String(index)}`, index);
    const settled = idle();
    await using worker = aw.group("billing", ALL).run<number>(({ data }, message) => {
      if (message.attempt === 1) message.retry(delays[data ?? 0]);
    });
    await settled;
    expect(acks()[0].items.map(({ delaySeconds }: any) => delaySeconds)).toEqual([1, 0, 86_400]);
    expect(await worker.stop()).toBe(true);
  });

  it("keeps the order of each key whatever the concurrency, and runs different keys at the same time", async () => {
    for (let index = 0; index < 60; index += 1)
      service.add(`orders.${index % 7}`, index, { partitionkey: `k${index % 5}` });
    const order = new Map<string, number[]>();
    const running = new Set<string>();
    let most = 0;
    const settled = idle();
    await using _worker = aw.group("billing", { ...ALL, lanes: 3 }).run<number>(
      async ({ partitionkey = "", data = 0 }) => {
        expect(running.has(partitionkey)).toBe(false);
        running.add(partitionkey);
        most = Math.max(most, running.size);
        for (let round = 0; round <= (data * 7) % 5; round += 1) await new Promise((resolve) => setImmediate(resolve));
        order.set(partitionkey, [...(order.get(partitionkey) ?? []), data]);
        running.delete(partitionkey);
      },
      { concurrency: 4, max: 100 },
    );
    await settled;
    expect(most).toBe(4);
    expect([...order.values()].flat()).toHaveLength(60);
    for (const handled of order.values()) expect(handled).toEqual(handled.toSorted((a, b) => a - b));
  });

  it("gives back what follows an event that is to come again, and handles it after that", async () => {
    for (const name of ["a", "b", "a", "b"]) service.add(`orders.${name}`, `${name}${service.log.length}`);
    const handled: unknown[] = [];
    const settled = idle();
    await using _worker = aw.group("billing", ALL).run(
      ({ data }, message) => {
        handled.push(`${String(data)}#${message.attempt}`);
        if (data === "a0" && message.attempt < 3) message.retry();
      },
      { concurrency: 4 },
    );
    await settled;
    expect(
      acks()[0]
        .items.map(({ verdict }: any) => verdict)
        .toSorted(),
    ).toEqual(["ack", "ack", "release", "retry"]);
    // What was given back has counted no attempt.
    expect(handled.filter((text) => String(text).startsWith("a"))).toEqual(["a0#1", "a0#2", "a0#3", "a2#1"]);
  });

  it("begins nothing of a strict group after an event that is to come again, and nothing after a stop", async () => {
    for (const name of ["a", "b", "c"]) service.add(`orders.${name}`, name);
    for (const [name, order] of [
      ["one", "strict"],
      ["two", "key"],
    ] as const) {
      const handled: unknown[] = [];
      const settled = idle();
      await using worker = aw.group(name, { ...ALL, order }).run(({ data }, message) => {
        handled.push(data);
        if (data !== "a" || message.attempt > 1) return;
        if (order === "strict") message.retry();
        else message.stop("look");
      });
      await settled;
      expect(handled).toEqual(["a", "a", "b", "c"]);
      await worker.stop();
    }
  });

  it("holds an event of all properties between those before and those after it", async () => {
    const topics = ["properties.a", "properties.b", "properties", "properties.a"];
    for (const topic of topics) service.add(topic);
    const seen: string[] = [];
    const settled = idle();
    await using _worker = aw.group("billing", { topics: ["properties", "properties.>"] }).run(
      async ({ subject, position }) => {
        seen.push(`+${position}`);
        for (let round = 0; round < 5; round += 1) await new Promise((resolve) => setImmediate(resolve));
        seen.push(`-${subject === "" ? "" : position}`);
      },
      { concurrency: 4 },
    );
    await settled;
    const [a = "", b = "", cleared = "", last = ""] = service.log.map(({ position }) => position);
    expect(seen).toEqual([`+${a}`, `+${b}`, `-${a}`, `-${b}`, `+${cleared}`, `-${cleared}`, `+${last}`, `-${last}`]);
  });

  it("keeps no order between the keys of two actors", async () => {
    const sources = ["https://svc.example/a", "https://svc.example/b"];
    for (const source of [...sources, ...sources]) service.add("orders.a", service.log.length, { source });
    const settled = idle();
    const handled: unknown[] = [];
    const all = deployment(service.root, { bearer: "operator", machine: service.machine });
    await using _worker = all.group("billing", ALL).run(
      ({ data }, message) => {
        handled.push(data);
        if (data === 0 && message.attempt === 1) message.retry();
      },
      { concurrency: 4 },
    );
    await settled;
    expect(handled).toEqual([0, 1, 3, 0, 2]);
  });

  it.each([30, 1])("extends its leases of %i s while a handler takes longer than they last", async (leaseSeconds) => {
    service.add("orders.a", 1);
    const settled = idle();
    const aborted: boolean[] = [];
    await using _worker = aw.group("billing", { ...ALL, leaseSeconds }).run(async (_, { signal }) => {
      const end = service.now + leaseSeconds * 4_000;
      while (service.now < end) await new Promise((resolve) => setImmediate(resolve));
      aborted.push(signal.aborted);
    });
    await settled;
    expect(aborted).toEqual([false]);
    expect(acks().filter(({ extend }) => extend === true).length).toBeGreaterThanOrEqual(11);
    expect(Object.values(verdicts())).toEqual(["ack"]);
  });

  it("aborts what it does under a lease that ends before its extension is answered", async () => {
    service.add("orders.a", 1);
    service.add("orders.a", 2);
    let hangs = true;
    const fetch = async (request: Request) => {
      if (hangs && request.url.endsWith("/ack")) await new Promise<never>(() => undefined);
      return await service.machine.fetch(request);
    };
    const slow = actor(service.root, { bearer: "secret", machine: { ...service.machine, fetch } });
    const handled: unknown[] = [];
    const aborted = gate();
    const began = service.now;
    const worker = slow.group("billing", ALL).run(async ({ data }, { signal }) => {
      handled.push(data);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      aborted.open();
    });
    await aborted.opened;
    expect(service.now - began).toBeGreaterThanOrEqual(30_000);
    expect(service.now - began).toBeLessThan(60_000);
    hangs = false;
    expect(await worker.stop(1_000)).toBe(false);
    expect(handled).toEqual([1]);
  });

  it("leaves nothing behind after a batch", async () => {
    const listeners = vi.spyOn(EventTarget.prototype, "addEventListener");
    for (let index = 0; index < 3; index += 1) service.add("orders.a", index);
    const settled = idle();
    await using worker = aw.group("billing", ALL).run(() => undefined, { max: 1 });
    await settled;
    await worker.stop();
    expect(Object.values(verdicts())).toHaveLength(3);
    const until = listeners.mock.calls.flatMap(([, , options]) => Object(options).signal ?? []);
    expect(until.length).toBeGreaterThanOrEqual(3);
    expect(until.filter((signal: AbortSignal) => !signal.aborted)).toEqual([]);
  });

  it("keeps the shortest lease of all, wherever in a second it began", async () => {
    for (const [index, past] of [0, 400, 999].entries()) {
      service.now = Date.UTC(2026, 0, 1, index, 0, 0, past);
      service.add("orders.a", index);
      const settled = idle();
      const name = `billing-${String(index)}`;
      const attempts: number[] = [];
      const worker = aw.group(name, { ...ALL, leaseSeconds: 1 }).run(async (_, { attempt, signal }) => {
        const end = service.now + 5_000;
        while (service.now < end && !signal.aborted) await new Promise((resolve) => setImmediate(resolve));
        attempts.push(attempt);
      });
      await settled;
      expect(attempts).toEqual(Array.from({ length: index + 1 }, () => 1));
      expect(Object.values(verdicts(name))).toEqual(attempts.map(() => "ack"));
      expect(await worker.stop()).toBe(true);
    }
  });

  it("begins nothing more of a lane whose lease is another's, and aborts what it does there", async () => {
    service.add("orders.a", 1);
    service.add("orders.a", 2);
    const handled: unknown[] = [];
    const errors: unknown[] = [];
    const settled = idle();
    await using _worker = aw.group("billing", ALL).run(
      async ({ data }, { signal }) => {
        handled.push(data);
        if (handled.length > 1) return;
        // A reset, say.
        service.group("billing").leases.clear();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
      { onError: (error) => errors.push(error) },
    );
    await settled;
    expect(errors[0]).toBeInstanceOf(Fenced);
    expect(handled).toEqual([1, 1, 2]);
  });

  it("that is drained finishes what is in work, releases the rest, and ends its leases", async () => {
    const positions = [1, 2, 3].map((data) => service.add("orders.a", data));
    const [begun, finish] = [gate(), gate()];
    const worker = aw.group("billing", ALL).run(async () => {
      begun.open();
      await finish.opened;
    });
    await begun.opened;
    const stopped = worker.stop();
    finish.open();
    expect(await stopped).toBe(true);
    expect(verdicts()).toEqual({ [positions[0]!]: "ack", [positions[1]!]: "release", [positions[2]!]: "release" });
    expect(service.group("billing").leases.size).toBe(0);
    await worker.finished;
  });

  it("whose handler outlasts a drain leaves the event to come again", async () => {
    service.add("orders.a", 1);
    const begun = gate();
    const signals: AbortSignal[] = [];
    const worker = aw.group("billing", ALL).run(async (_, { signal }) => {
      signals.push(signal);
      begun.open();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    await begun.opened;
    expect(await worker.stop(1_000)).toBe(false);
    await worker.finished;
    expect([signals[0]?.aborted, verdicts()]).toEqual([true, {}]);
  });

  it("waits some seconds for a lane, and not until the lease of another ends", async () => {
    service.add("orders.a", 1);
    const settled = idle();
    service.faults.push(undefined, { status: 423, code: "held", headers: { "retry-after": "600" } });
    await using _worker = aw.group("billing", ALL).run(() => undefined);
    await settled;
    expect(service.sleeps[0]).toBe(5_000);
    expect(Object.values(verdicts())).toEqual(["ack"]);
  });

  it("waits while others have every lane, survives failures, and ends with what it cannot survive", async () => {
    await aw.group("billing", ALL).declare();
    service.add("orders.a", 1);
    await aw.group("billing").fetch({ consumer: "other" });
    const settled = idle();
    const errors: unknown[] = [];
    const worker = aw.group("billing", ALL).run(() => undefined, { onError: (error) => errors.push(error) });
    service.faults.push(undefined, ...Array.from({ length: 6 }, () => ({ status: 503 })));
    await settled;
    expect(service.sleeps).toContain(2_000);
    expect(errors).toMatchObject([{ status: 503 }]);
    expect(Object.values(verdicts())).toEqual(["ack"]);
    service.groups.clear();
    const end = await rejection(worker.finished);
    expect(end).toBeInstanceOf(ServiceError);
    expect(end).toMatchObject({ code: "not_found" });
    expect(await rejection(worker.stop())).toBe(end);
  });

  it.each([
    ["throws", (error: unknown) => raise(error)],
    ["rejects", async (error: unknown) => await Promise.reject(error as Error)],
  ])("goes on, with the same verdicts, when its onError %s", async (_, onError) => {
    const reported: unknown[] = [];
    const unhandled: unknown[] = [];
    const note = (error: unknown): unknown => unhandled.push(error);
    process.on("unhandledRejection", note);
    try {
      const [parked, thrown] = ["a", "b"].map((name) => service.add(`orders.${name}`, name));
      const settled = idle();
      // It cannot declare the group, and later its first verdicts are refused.
      service.faults.push(...Array.from({ length: 9 }, () => "lost" as const), undefined, undefined, { status: 403 });
      await using worker = aw.group("billing", ALL).run(
        ({ data }, message) => {
          if (data === "a") message.park("no such customer");
          if (data === "b" && message.attempt === 1) throw new Error("not yet");
        },
        {
          onError: (error) => {
            reported.push(error);
            return onError(error);
          },
        },
      );
      await settled;
      expect(await worker.stop()).toBe(true);
      expect(verdicts()).toEqual({ [parked!]: "park", [thrown!]: "ack" });
      const said = [{ message: "no such customer" }, { message: "not yet" }];
      expect(reported).toMatchObject([{ code: "unreachable" }, ...said, { status: 403 }, said[0]]);
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });

  it("that begins while the service is away waits for it", async () => {
    service.add("orders.a", 1);
    const settled = idle();
    const errors: unknown[] = [];
    service.faults.push(...Array.from({ length: 9 }, () => "lost" as const));
    await using _worker = aw.group("billing", ALL).run(() => undefined, { onError: (error) => errors.push(error) });
    await settled;
    expect(errors).toMatchObject([{ code: "unreachable" }]);
    expect(Object.values(verdicts())).toEqual(["ack"]);
  });
});

it("a registry names the subscriptions of a process, drains each, and frees its name when it ends", async () => {
  const [begun, finish] = [gate(), gate()];
  const registry = new Registry();
  service.add("orders.a", 1);
  const run = (name: string) =>
    aw.group(name, ALL).run(async (_: ActorEvent) => {
      begun.open();
      await finish.opened;
    });
  registry.register("one", () => run("one"));
  registry.register("two", () => run("two"));
  expect(registry.subscriptionIds).toEqual(["one", "two"]);
  expect(() => registry.register("one", () => run("three"))).toThrow(AlreadyRegistered);
  expect(service.groups.has("three")).toBe(false);
  await begun.opened;
  finish.open();
  expect(await registry.unsubscribe("one")).toBe(true);
  expect(registry.subscriptionIds).toEqual(["two"]);
  expect(await registry.unsubscribe("none")).toBe(true);
  await registry[Symbol.asyncDispose]();
  expect(registry.subscriptionIds).toEqual([]);
  expect([verdicts("one"), verdicts("two")]).toEqual([
    { [service.log[0]!.position]: "ack" },
    { [service.log[0]!.position]: "ack" },
  ]);
});
