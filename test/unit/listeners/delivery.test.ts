import { beforeEach, describe, expect, it } from "vitest";
import { idle } from "../../support/idle.ts";
import { ListenerWorld, namesOf } from "./listener-world.ts";

let world: ListenerWorld;
beforeEach(async () => {
  world = await new ListenerWorld().open();
});

describe("a commit of a quiet actor", () => {
  it("is given to each listener in its scope with one write, and no lease", async () => {
    const one = await world.listen("one", ["properties.>"]);
    await world.listen("two", ["properties.memo"]);
    await world.listen("other", ["properties.other"]);
    await world.set("memo", { alone: true });
    world.requests = [];
    const commit = await world.commit({ do: "set", path: ["memo"], value: 1 });
    world.requests = [];
    expect(await world.publish(commit, { alone: true })).toEqual([{ kind: "delivered" }, { kind: "delivered" }]);
    // The markers, the heads, and a note for each.
    expect(world.requests).toEqual(["query", "getMany", "update", "update"]);
    expect(world.taken).toHaveLength(4);
    expect(world.head(one)).toMatchObject({ lanes: { "": { floor: { number: 2 }, entries: [] } } });
    expect(world.head(one).lease).toBeUndefined();
    expect(world.messages).toEqual([]);
  });

  it("costs an actor whose listeners do not hear it one query", async () => {
    await world.listen("other", ["properties.other"]);
    const commit = await world.commit({ do: "set", path: ["memo"], value: 1 });
    world.requests = [];
    expect(await world.publish(commit, { alone: true })).toEqual([]);
    expect(world.requests).toEqual(["query"]);
  });

  it("numbers the events that the listener hears, and no others", async () => {
    await world.listen("one", ["properties.a"]);
    for (const name of ["a", "b", "b", "a", "c", "a"]) await world.set(name, { alone: true });
    expect(world.taken.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(namesOf(world.taken)).toEqual(["a", "a", "a"]);
  });

  it("whose event is not taken is tried again at its time, and the next one of its key waits", async () => {
    const ref = await world.listen("one", ["properties.>"]);
    world.script = () => "failed";
    expect(await world.set("a", { alone: true })).toMatchObject([{ kind: "failed" }]);
    const { dueAt } = world.head(ref);
    expect(dueAt).toBeGreaterThan(world.now);
    expect(world.messages.at(-1)).toMatchObject({ pk: "W#actor", sk: "webhook#one" });
    world.script = () => "taken";
    expect(await world.set("a")).toEqual([{ kind: "deferred" }]);
    expect(await world.set("b")).toEqual([{ kind: "delivered" }]);
    await world.work(ref, 60_000);
    expect(namesOf(world.taken)).toEqual(["b", "a", "a"]);
    expect(world.head(ref).dueAt).toBeUndefined();
    expect(world.head(ref).own).toMatchObject({ lastFailures: 1 });
  });
});

describe("a commit soon after another", () => {
  it("waits until that one is noted, and sends only its own event", async () => {
    await world.listen("one", ["properties.>"]);
    world.now += 60_000;
    const [first, second] = [world.commit({ do: "set", path: ["a"], value: 1 }), Promise.withResolvers<undefined>()];
    world.script = async ({ event }): Promise<"taken"> => {
      if (event.event.topic === "properties.a") await second.promise;
      return "taken";
    };
    const one = world.publish(await first, { alone: true });
    await idle();
    const two = world.publish(await world.commit({ do: "set", path: ["b"], value: 1 }));
    await idle();
    expect(namesOf(world.sent)).toEqual(["a"]);
    second.resolve(undefined);
    expect(await Promise.all([one, two])).toEqual([[{ kind: "delivered" }], [{ kind: "delivered" }]]);
    expect(namesOf(world.sent)).toEqual(["a", "b"]);
  });

  it("is delivered under the lease by two writes", async () => {
    const ref = await world.listen("one", ["properties.>"]);
    await world.set("a");
    const commit = await world.commit({ do: "set", path: ["b"], value: 1 });
    world.requests = [];
    expect(await world.publish(commit)).toEqual([{ kind: "delivered" }]);
    expect(world.requests.filter((operation) => operation === "update")).toHaveLength(2);
    expect(world.head(ref).lease).toBeUndefined();
    expect(namesOf(world.taken)).toEqual(["a", "b"]);
  });

  it("that comes while the lease is held is found by its holder", async () => {
    const ref = await world.listen("one", ["properties.>"]);
    let inner: unknown;
    world.script = async ({ event }): Promise<"taken"> => {
      if (event.event.topic === "properties.a") inner = await world.set("b");
      return "taken";
    };
    expect(await world.set("a")).toEqual([{ kind: "delivered" }]);
    expect(inner).toEqual([{ kind: "deferred" }]);
    expect(namesOf(world.taken)).toEqual(["a", "b"]);
    expect(world.head(ref).dueAt).toBeUndefined();
  });
});

describe("a target that does not answer in the time of a request", () => {
  it("is left to the worker, is given the event again, and is not waited for by the next requests", async () => {
    const ref = await world.listen("one", ["properties.>"]);
    world.script = (_, limitMs) => {
      world.now += limitMs;
      return limitMs < 15_000 ? "ambiguous" : "taken";
    };
    expect(await world.set("a", { alone: true })).toEqual([{ kind: "deferred" }]);
    expect(world.messages.at(-1)).toMatchObject({ sk: "webhook#one", dueAt: world.now });
    const { attempts } = { attempts: world.head(ref).lanes[""]?.entries ?? [] };
    expect(attempts).toEqual([]);
    world.script = () => "taken";
    await world.work(ref);
    expect(namesOf(world.taken)).toEqual(["a"]);
    expect(world.taken[0]?.attempts).toBe(0);
    const before = world.sent.length;
    expect(await world.set("b", { alone: true })).toEqual([{ kind: "deferred" }]);
    expect(world.sent).toHaveLength(before);
    await world.work(ref);
    expect(namesOf(world.taken)).toEqual(["a", "b"]);
  });
});

describe("what a request left", () => {
  it("is found by the maintenance of the log", async () => {
    const ref = await world.listen("one", ["properties.>"]);
    await world.commit({ do: "set", path: ["a"], value: 1 });
    await world.commit({ do: "set", path: ["b"], value: 1 });
    // Their requests may be giving them to the listener just now.
    expect(await world.catchUp()).toBe("again");
    expect(world.sent).toEqual([]);
    world.now += 30_000;
    expect(await world.catchUp()).toBe("done");
    expect(namesOf(world.taken)).toEqual(["a", "b"]);
    world.requests = [];
    expect(await world.catchUp()).toBe("done");
    expect(world.requests).toEqual(["query"]);
    expect(world.head(ref).dueAt).toBeUndefined();
  });

  it("that nothing concerns is passed without a write", async () => {
    await world.listen("one", ["properties.a"]);
    for (let n = 0; n < 20; n += 1) await world.commit({ do: "set", path: ["b"], value: n });
    world.requests = [];
    expect(await world.catchUp()).toBe("done");
    expect(world.requests.filter((operation) => operation === "update")).toEqual([]);
  });

  it("is with another delivery as long as that has the lease", async () => {
    await world.listen("one", ["properties.>"]);
    let result: unknown;
    world.script = async (): Promise<"taken"> => {
      result = await world.catchUp();
      return "taken";
    };
    await world.set("a");
    expect(result).toBe("again");
  });

  it("goes on in order where a process died at any write", async () => {
    let died = true;
    for (let dies = 0; died; dies += 1) {
      world = await new ListenerWorld().open();
      const ref = await world.listen("one", ["properties.>"]);
      const commits = [];
      for (const name of ["a", "b", "a"]) commits.push(await world.commit({ do: "set", path: [name], value: 1 }));
      const last = commits.at(-1);
      if (last === undefined) throw new Error("nothing was committed");
      let requests = 0;
      died = false;
      const death = Promise.withResolvers<undefined>();
      const decide = (): Promise<"ok" | "crash"> => {
        requests += 1;
        died ||= requests > dies;
        // What a dead process waits for never comes.
        if (died) setImmediate(death.resolve, undefined);
        return Promise.resolve(died ? "crash" : "ok");
      };
      await Promise.race([world.publish(last, { decide }), death.promise]);
      // The lease of the dead process runs out.
      world.now += 120_000;
      await world.catchUp();
      await world.work(ref, 3_600_000);
      // A crash repeats events; none is first taken after a later one of its key.
      const ofA = world.taken.filter(({ event }) => event.key === "properties.a").map(({ number }) => number);
      expect([...new Set(ofA)]).toEqual([1, 3]);
      expect(
        [...new Set(world.taken.map(({ number, event }) => `${String(number)} ${event.event.topic}`))].sort(),
      ).toEqual(["1 properties.a", "2 properties.b", "3 properties.a"]);
    }
  });
});

describe("an event that is not tried again", () => {
  it("is kept in the transaction of the note, is counted, and its key goes on", async () => {
    const rules = { maxAttempts: 2, breaker: { threshold: 100, recoveryMs: 60_000 } };
    const settings = {
      rules: { order: "key", parallel: 4, onExhausted: "park", retryAmbiguous: true, retentionMs: 1e9, ...rules },
    };
    const ref = await world.listen("one", ["properties.>"], settings as never);
    world.script = ({ event }) => (event.event.topic === "properties.a" ? "failed" : "taken");
    await world.set("a", { alone: true });
    await world.set("a");
    await world.set("b");
    world.script = ({ number }) => (number === 1 ? "failed" : "taken");
    await world.work(ref, 3_600_000);
    expect(namesOf(world.taken)).toEqual(["b", "a"]);
    expect(world.head(ref).failedEvents).toBe(1);
    const { failedEvents } = world.instance();
    const { events } = await failedEvents.page("actor", { source: "webhook:one", limit: 10 });
    expect(events).toMatchObject([{ status: "parked", event: { sequence: 1, topic: "properties.a" } }]);
    expect(world.noted).toMatchObject([{ kept: 1, keptBefore: 0 }]);
    const [first] = events;
    if (first !== undefined) await failedEvents.resolve(first, { now: world.now });
    expect(world.head(ref).failedEvents).toBe(0);
  });
});

describe("a paused listener", () => {
  it("is sent nothing, and hears everything when it goes on", async () => {
    const ref = await world.listen("one", ["properties.>"]);
    world.paused.add("one");
    expect(await world.set("a", { alone: true })).toEqual([{ kind: "skipped" }]);
    expect(await world.catchUp()).toBe("done");
    await world.work(ref);
    expect(world.sent).toEqual([]);
    world.paused.delete("one");
    await world.work(ref);
    expect(namesOf(world.taken)).toEqual(["a"]);
  });
});

describe("a rate", () => {
  it("lets no more out than it says, and drops nothing", async () => {
    const rate = { limit: 10, periodSeconds: 10 };
    const ref = await world.listen("one", ["properties.>"], { rate });
    const times: number[] = [];
    world.script = () => {
      times.push(world.now);
      return "taken";
    };
    for (let n = 0; n < 60; n += 1) await world.commit({ do: "set", path: [`p${String(n)}`], value: n });
    await world.work(ref, 120_000);
    expect(world.taken).toHaveLength(60);
    for (const from of times)
      expect(times.filter((at) => at >= from && at < from + 10_000).length).toBeLessThanOrEqual(20);
    // The burst, then one each second.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThanOrEqual(53_000);
  });
});

describe("a listener whose records have gone", () => {
  it("stops and says so", async () => {
    const ref = await world.listen("one", ["properties.>"]);
    await world.commit({ do: "set", path: ["a"], value: 1 });
    await world.commit({ do: "set", path: ["b"], value: 1 });
    await world.instance().changeLog.deleteRecords("actor", 1);
    await world.work(ref);
    expect(world.sent).toEqual([]);
    expect(world.head(ref).lanes[""]?.stopped).toEqual({ reason: "position_gone" });
    expect(world.noted).toMatchObject([{ signals: ["overtaken"] }]);
  });
});
