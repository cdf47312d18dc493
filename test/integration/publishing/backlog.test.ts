import { describe, expect, it } from "vitest";
import { needsOf } from "../../../lib/publishing/subscribers/record-retention.ts";
import { bearer } from "../../support/in-process.ts";
import { PublisherWorld, type Entry, type Peer } from "./publisher-world.ts";

const DAY = 86_400_000;

async function subscribed(requested: Record<string, unknown> = {}) {
  const world = await PublisherWorld.open();
  const bob = await world.peer("bob");
  return { world, bob, sub: await bob.subscribe(requested) };
}

/** Every page, and how many there were. */
async function pages(peer: Peer, id: string, limit?: number): Promise<{ all: Entry[]; pages: number; most: number }> {
  const all: Entry[] = [];
  let after = 0;
  for (let count = 1; ; count += 1) {
    const page = await peer.poll(id, `?after=${String(after)}${limit === undefined ? "" : `&limit=${String(limit)}`}`);
    all.push(...page.data);
    if (page.next === undefined) return { all, pages: count, most: page.data.length };
    expect(page.next).toBe(page.data.at(-1)?.sequence);
    after = page.next;
  }
}

describe("a poll", () => {
  it("gives every change as a diff, in order, with its time and its literal places", async () => {
    const { world, bob, sub } = await subscribed();
    await world.set("a", 1);
    world.host.now += 1_234;
    await world.set("b", { x: 1 });
    await world.set("b/x", 2);
    await world.ask("DELETE", "properties/a");
    const polled = await bob.poll(sub);
    expect(polled).toEqual({
      ...{ id: world.actor.id, peerid: "bob", subscriptionid: sub },
      ...{ target: "properties", subtarget: "", resource: "", sequence: 4 },
      data: [
        { sequence: 1, timestamp: "2026-01-01T00:00:00.000001Z", data: { a: 1 }, overwritten: ["/a"] },
        { sequence: 2, timestamp: "2026-01-01T00:00:01.234000Z", data: { b: { x: 1 } }, overwritten: ["/b"] },
        { sequence: 3, timestamp: "2026-01-01T00:00:01.234001Z", data: { b: { x: 2 } }, overwritten: ["/b/x"] },
        { sequence: 4, timestamp: "2026-01-01T00:00:01.234002Z", data: { a: "" }, overwritten: [] },
      ],
    });
    expect(await bob.poll(sub)).toEqual(polled);
  });

  it("pages a thousand diffs by what was asked for", async () => {
    const { world, bob, sub } = await subscribed();
    for (let n = 1; n <= 1_000; n += 1) await world.set("a", n);
    const { all, pages: count, most } = await pages(bob, sub, 150);
    expect([count, most]).toEqual([7, 100]);
    expect(all.map(({ sequence, data }) => [sequence, data])).toEqual(
      Array.from({ length: 1_000 }, (_, index) => [index + 1, { a: index + 1 }]),
    );
    expect((await bob.poll(sub, "?after=990")).data).toHaveLength(10);
    expect(await bob.poll(sub, "?after=1000")).toMatchObject({ sequence: 1_000, data: [] });
    expect(await bob.poll(sub, "?after=5000")).toMatchObject({ sequence: 1_000, data: [] });
  });

  it("stops at a megabyte, and one diff more than that large goes alone", async () => {
    const { world, bob, sub } = await subscribed();
    for (let n = 0; n < 9; n += 1) await world.set("a", `${String(n)}${"x".repeat(250_000)}`);
    const first = await bob.poll(sub);
    expect([first.data.length, first.next, first.sequence]).toEqual([4, 4, 9]);
    const { all, pages: count } = await pages(bob, sub);
    expect([all.map(({ sequence }) => sequence), count]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9], 3]);
  });

  it.each(["?after=-1", "?after=x", "?limit=0", "?limit=1.5", "?after=99999999999999999"])(
    "refuses %s",
    async (query) => {
      const { bob, sub } = await subscribed();
      expect((await bob.ask("GET", `${sub}${query}`)).status).toBe(400);
      expect((await bob.ask("GET", `unknown${query}`)).status).toBe(404);
    },
  );

  it("renders numbers that were made far apart in the log", async () => {
    const { world, bob, sub } = await subscribed({ subtarget: "a" });
    for (let n = 1; n <= 130; n += 1) {
      await world.set("a", n);
      for (let other = 0; other <= n % 3; other += 1) await world.set("b", other);
    }
    const values = Array.from({ length: 130 }, (_, index) => index + 1);
    expect(await bob.diffsOf(sub)).toEqual(values);
    expect((await pages(bob, sub, 40)).all.map(({ data }) => data)).toEqual(values);
    await bob.ask("PUT", sub, { sequence: 77 });
    expect(await bob.diffsOf(sub)).toEqual(values.slice(77));
    expect((await bob.ask("GET", `${sub}/78`)).json).toMatchObject({ sequence: 78, data: 78 });
  });
});

describe("a single diff", () => {
  it("is the same every time, until it is cleared", async () => {
    const { world, bob, sub } = await subscribed({ subtarget: "a" });
    await world.set("a", { x: 1 });
    await world.set("a", 2);
    const one = await bob.ask("GET", `${sub}/1`);
    expect([one.status, one.json]).toEqual([
      200,
      {
        ...{ id: world.actor.id, peerid: "bob", subscriptionid: sub, timestamp: "2026-01-01T00:00:00.000001Z" },
        ...{ target: "properties", subtarget: "a", resource: "", sequence: 1, data: { x: 1 }, overwritten: [""] },
      },
    ]);
    expect((await bob.ask("GET", `${sub}/1`)).json).toEqual(one.json);
    expect((await world.ask("GET", `subscriptions/bob/${sub}/2`)).json.data).toBe(2);
    await bob.ask("PUT", sub, { sequence: 1 });
    expect((await bob.ask("GET", `${sub}/1`)).status).toBe(404);
    expect((await bob.ask("GET", `${sub}/2`)).json.data).toBe(2);
    for (const sequence of ["0", "02", "3", "-1", "1.0", "x", "99999999999999999999"]) {
      expect([sequence, (await bob.ask("GET", `${sub}/${sequence}`)).status]).toEqual([sequence, 404]);
    }
  });
});

describe("clearing", () => {
  it("clears the numbers up to the given one, never more, never back", async () => {
    const { world, bob, sub } = await subscribed();
    for (let n = 1; n <= 5; n += 1) await world.set("a", n);
    const clear = async (body: unknown) => (await bob.ask("PUT", sub, body)).status;
    expect(await clear({ sequence: 3 })).toBe(204);
    expect(await bob.poll(sub)).toMatchObject({ sequence: 5, data: [{ sequence: 4 }, { sequence: 5 }] });
    expect(await clear({ sequence: 1 })).toBe(204);
    expect((await bob.poll(sub)).data).toHaveLength(2);
    expect(await clear({ sequence: 6 })).toBe(400);
    for (const sequence of [-1, 1.5, "5", null, true, 2 ** 53])
      expect([sequence, await clear({ sequence })]).toEqual([sequence, 400]);
    expect(await clear({})).toBe(400);
    expect(await clear([5])).toBe(400);
    expect((await bob.poll(sub)).data).toHaveLength(2);
    expect(await clear({ sequence: 5 })).toBe(204);
    expect(await bob.poll(sub)).toMatchObject({ sequence: 5, data: [] });
    await world.set("a", 6);
    expect((await bob.poll(sub)).data).toMatchObject([{ sequence: 6, data: { a: 6 } }]);
  });

  it("may name a number that no cursor has reached yet", async () => {
    const { world, bob, sub } = await subscribed();
    await world.set("a", 1);
    expect((await bob.ask("PUT", sub, { sequence: 1 })).status).toBe(204);
    expect(await bob.poll(sub)).toMatchObject({ sequence: 1, data: [] });
  });

  it("is for the peer and for the owner, and for no other peer", async () => {
    const { world, bob, sub } = await subscribed();
    for (let n = 1; n <= 3; n += 1) await world.set("a", n);
    const clear = async (sequence: unknown, as?: Record<string, string>, id = sub) =>
      (await world.ask("PUT", `subscriptions/bob/${id}`, { sequence }, as)).status;
    expect(await clear(2)).toBe(204);
    expect(await bob.poll(sub)).toMatchObject({ sequence: 3, data: [{ sequence: 3 }] });
    expect([await clear(4), await clear("3"), await clear(1)]).toEqual([400, 400, 204]);
    const eve = await world.peer("eve");
    expect([await clear(3, bearer(eve.secret)), await clear(3, {})]).toEqual([403, 401]);
    expect((await bob.poll(sub)).data).toHaveLength(1);
    expect(await clear(3)).toBe(204);
    expect(await bob.poll(sub)).toMatchObject({ sequence: 3, data: [] });
    expect(await clear(0, undefined, "unknown")).toBe(404);
  });

  it("is not for a subscription of ours, whose backlog the publisher has", async () => {
    const { world } = await subscribed();
    world.network.hosts.set("https://bob.example", () => {
      const json = { subscriptionid: "theirs", granularity: "high", sequence: 0 };
      return Promise.resolve({ status: 201, headers: {}, text: JSON.stringify(json), json });
    });
    expect((await world.ask("POST", "subscriptions", { peerid: "bob", target: "properties" })).status).toBe(204);
    expect((await world.ask("PUT", "subscriptions/bob/theirs", { sequence: 0 })).status).toBe(404);
  });
});

describe("a long backlog with other changes in between", () => {
  it("costs no more to read one of its numbers, or a page, than what is near it in the log", async () => {
    const { world, bob, sub } = await subscribed({ subtarget: "a" });
    for (let n = 1; n <= 400; n += 1) {
      await world.set("a", n);
      await world.set("b", "x".repeat(16_000));
    }
    const first = await bob.poll(sub, "?limit=1");
    expect(first).toMatchObject({ sequence: 400, data: [{ sequence: 1, data: 1 }] });
    let queries = 0;
    world.decide = (operation, [key]) => {
      if (operation === "query" && key?.pk.startsWith("R#") === true) queries += 1;
      return "ok";
    };
    expect((await bob.ask("GET", `${sub}/5`)).json).toMatchObject({ sequence: 5, data: 5 });
    expect((await bob.poll(sub, "?after=199&limit=2")).data).toMatchObject([{ sequence: 200 }, { sequence: 201 }]);
    expect(queries).toBe(2);
    queries = 0;
    expect((await bob.poll(sub)).data.map(({ data }) => data)).toEqual(Array.from({ length: 400 }, (_, n) => n + 1));
    // 6.4 MB, and a query for each of the runs after the long one.
    expect(queries).toBeLessThan(7 + 50);
  });
});

describe("a backlog of which the oldest part has expired", () => {
  it("has the right numbers on the rest", async () => {
    const { world, bob, sub } = await subscribed({ subtarget: "a" });
    for (let n = 1; n <= 200; n += 1) {
      if (n === 101) world.host.now += 20 * DAY;
      await world.set("a", n);
      await world.set("b", n);
    }
    await bob.poll(sub);
    world.host.now += 15 * DAY;
    expect((await bob.poll(sub)).data.map(({ sequence, data }) => [sequence, data])).toEqual(
      Array.from({ length: 100 }, (_, index) => [index + 101, index + 101]),
    );
  });
});

describe("numbers", () => {
  it("are exactly one for each of 40 writes, 8 in flight", async () => {
    const { world, bob, sub } = await subscribed();
    const deep = await bob.subscribe({ subtarget: "n7" });
    let next = 0;
    const writer = async (): Promise<void> => {
      for (let n = next++; n < 40; n = next++) await world.set(`n${String(n % 10)}`, n);
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    const { sequence, data } = await bob.poll(sub);
    expect([sequence, data.map((entry) => entry.sequence)]).toEqual([
      40,
      Array.from({ length: 40 }, (_, index) => index + 1),
    ]);
    expect((await bob.poll(deep)).data.map((entry) => entry.sequence)).toEqual([1, 2, 3, 4]);
  });

  it("are 1 to 40 for the only subscription", async () => {
    const { world, bob, sub } = await subscribed();
    let next = 0;
    const writer = async (): Promise<void> => {
      for (let n = next++; n < 40; n = next++) await world.set("a", n);
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    const { data } = await bob.poll(sub);
    expect(data.map((entry) => entry.sequence)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(new Set(data.map((entry) => (entry.data as { a: number }).a)).size).toBe(40);
  });

  it("begin with the first change after the subscription was made", async () => {
    const { world, bob } = await subscribed();
    await world.set("a", 1);
    const late = await bob.subscribe({ subtarget: "a" });
    await world.set("a", 2);
    expect(await bob.diffsOf(late)).toEqual([2]);
  });

  it("are not taken by what permissions hide, which shows nowhere", async () => {
    const { world, bob, sub } = await subscribed();
    const hidden = await bob.subscribe({ subtarget: "private" });
    await world.set("a", 1);
    await world.set("private", { key: "hush" });
    await world.set("private/key", "hush again");
    await world.set("a", 2);
    expect(await bob.poll(sub)).toMatchObject({ sequence: 2, data: [{ data: { a: 1 } }, { data: { a: 2 } }] });
    expect(await bob.poll(hidden)).toMatchObject({ sequence: 0, data: [] });
    const seen = await Promise.all(
      ["", sub, hidden, `${sub}/1`, `${sub}/2`, `${sub}/3`].map(async (path) => (await bob.ask("GET", path)).text),
    );
    expect(seen.join()).not.toContain("hush");
  });

  it("stay when permissions hide later what they said; the diff is empty then", async () => {
    const { world, bob, sub } = await subscribed();
    await world.set("a", 1);
    await world.set("b", 2);
    await world.permit("bob", { properties: { patterns: [], excluded_patterns: ["a"] } });
    expect(await bob.poll(sub)).toMatchObject({
      sequence: 2,
      data: [
        { sequence: 1, data: {} },
        { sequence: 2, data: { b: 2 } },
      ],
    });
    expect((await bob.ask("GET", `${sub}/1`)).json).toMatchObject({ data: {}, overwritten: [] });
    await world.set("a", 3);
    expect((await bob.poll(sub)).sequence).toBe(2);
  });
});

describe("retention", () => {
  it("has a resync stand for diffs that expired before they were read", async () => {
    const { world, bob, sub } = await subscribed();
    const { changeLog, retention } = world.host.service;
    const catchUp = async (): Promise<void> => {
      const heads = await world.heads();
      await retention.catchUp(world.actor.id, heads, await changeLog.newest(world.actor.id));
    };
    await world.set("a", 1);
    await catchUp();
    world.host.now += 20 * DAY;
    await world.set("a", 2);
    world.host.now += 15 * DAY;
    await world.set("a", 3);
    expect((await bob.poll(sub)).data.map(({ sequence }) => sequence)).toEqual([2, 3]);
    await catchUp();
    expect((await bob.poll(sub)).data).toMatchObject([
      { sequence: 4, type: "resync", data: { a: 3 }, overwritten: [""] },
    ]);
  });

  it("has a resync stand for records that expired before any cursor passed them, beyond what they may have made", async () => {
    const { world, bob, sub } = await subscribed({ subtarget: "a" });
    await world.set("a", 1);
    expect(await bob.poll(sub)).toMatchObject({ sequence: 1, data: [{ sequence: 1, data: 1 }] });
    world.host.now += 31 * DAY;
    await world.set("b", 1);
    expect(await bob.poll(sub)).toMatchObject({ sequence: 3, data: [{ sequence: 3, type: "resync", data: 1 }] });
    await world.set("a", 2);
    expect((await bob.poll(sub)).data).toMatchObject([{ type: "resync" }, { sequence: 4, data: 2 }]);
  });

  it("has a resync stand for diffs that expire while the maintenance runs", async () => {
    const { world, bob, sub } = await subscribed({ granularity: "none" });
    const { changeLog, retention, maintenance } = world.host.service;
    await world.set("a", 1);
    const catchUp = retention.catchUp.bind(retention);
    const run = async (): Promise<void> => await maintenance.runDue(world.actor.id, { remaining: () => 60_000 });
    retention.catchUp = async (...given) => {
      const found = await catchUp(...given);
      world.host.now += 31 * DAY;
      return found;
    };
    await run();
    retention.catchUp = catchUp;
    const { dueAt = Infinity } = await changeLog.head(world.actor.id);
    expect(dueAt).toBeLessThanOrEqual(world.host.now + 60_000);
    await run();
    expect((await bob.poll(sub)).data).toMatchObject([{ type: "resync", data: { a: 1 } }]);
    // What is made up for is not due again and again.
    await run();
    expect((await changeLog.head(world.actor.id)).dueAt ?? Infinity).toBeGreaterThan(world.host.now + DAY);
  });

  it("keeps no record that every subscription has cleared", async () => {
    const { world, bob, sub } = await subscribed();
    const other = await bob.subscribe({ subtarget: "b" });
    const { changeLog, retention } = world.host.service;
    for (let n = 1; n <= 150; n += 1) await world.set("a", n);
    await bob.poll(sub);
    await bob.ask("PUT", sub, { sequence: 148 });
    const tidy = async (): Promise<void> => {
      const logHead = await changeLog.head(world.actor.id);
      await retention.catchUp(world.actor.id, await world.heads(), logHead.newest);
      const needs = needsOf(await world.heads(), world.host.now);
      const { deletedUpTo } = await retention.unneeded(world.actor.id, needs, logHead);
      await changeLog.deleteRecords(world.actor.id, deletedUpTo);
    };
    await tidy();
    expect(await world.records()).toHaveLength(2);
    expect(await bob.diffsOf(sub)).toEqual([{ a: 149 }, { a: 150 }]);
    await world.set("b", 1);
    expect(await bob.diffsOf(other)).toEqual([1]);
    expect((await bob.poll(sub)).data.map(({ sequence }) => sequence)).toEqual([149, 150, 151]);
  });
});
