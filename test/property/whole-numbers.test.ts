/**
 * Numbers in the texts of a peer pass everything that reads, stores, compares and prints them. The results are compared as
 * texts, because parsing would turn both sides into doubles.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listOf, NUMBERS, numberText, objectOf, valueText, type Spelt } from "./number-texts.ts";
import { NumbersWorld } from "../integration/app/numbers-world.ts";
import { sized } from "../support/sizes.ts";

/** More than the examples, which are among them. */
const RUNS = { numRuns: sized(20, 500) };

/** Each number: alone, nested and in a list. */
const examples = NUMBERS.map((number): [Spelt, Spelt] => [objectOf([["a", listOf([number, number])]]), number]);

describe("numbers that a peer sends", () => {
  it("stay exact in the replica and in hooks: callback, merge, pending, failed event, backlog, resync", async () => {
    await fc.assert(fc.asyncProperty(valueText, numberText, received), { ...RUNS, examples });
  });

  it("are found by value in lists, and distinguished from neighbouring numbers", async () => {
    await fc.assert(fc.asyncProperty(valueText, numberText, listed), { ...RUNS, examples });
  });
});

describe("numbers that an actor publishes", () => {
  it("stay exact in properties, lists, callbacks, polls and single diffs", async () => {
    await fc.assert(fc.asyncProperty(valueText, numberText, published), { ...RUNS, examples });
  });
});

async function received(value: Spelt, number: Spelt): Promise<void> {
  const world = await new NumbersWorld().open();
  const hooked = (data: Spelt, callbackType = "diff") => {
    expect(world.hookInputs.at(-1)).toEqual({ callbackType, text: data.plain, exact: data.shown });
  };

  const first = objectOf([["p", value]]);
  expect((await world.callback(1, first.sent)).status).toBe(201);
  expect(await world.copy("p")).toBe(value.shown);
  hooked(first);

  // Merged into a stored value: beside a number that stays, and in its place.
  await world.callback(2, objectOf([["m", objectOf([["a", number]])]]).sent);
  await world.callback(3, objectOf([["m", objectOf([["b", value]])]]).sent);
  const merged = objectOf([
    ["a", number],
    ["b", value],
  ]);
  expect(await world.copy("m")).toBe(merged.shown);
  await world.callback(4, objectOf([["m", objectOf([["a", value]])]]).sent);
  expect(await world.copy("m")).toBe(
    objectOf([
      ["a", value],
      ["b", value],
    ]).shown,
  );

  // Buffered until it is next.
  expect((await world.callback(6, objectOf([["late", value]]).sent)).status).toBe(202);
  expect((await world.callback(5, objectOf([["early", number]]).sent)).status).toBe(201);
  expect([await world.copy("early"), await world.copy("late")]).toEqual([number.shown, value.shown]);
  hooked(objectOf([["late", value]]));

  // Parked, and run again by the owner.
  world.toPark = 1;
  const failed = objectOf([["parked", value]]);
  await world.callback(7, failed.sent);
  expect(await world.retryFailedEvents()).toBe(1);
  hooked(failed);

  // From the publisher's backlog.
  const missed = [objectOf([["missed", value]]), objectOf([["missed", number]])];
  world.atPeer(
    9,
    missed.map(({ sent }, at) => `{"sequence":${8 + at},"timestamp":"2026-01-01T00:00:00Z","data":${sent}}`),
  );
  const caught = await world.owner("POST", "subscriptions/peer/sub/resync?mode=catch_up");
  expect(caught.json).toMatchObject({ result: "caught_up", sequence: 9 });
  expect(await world.copy("missed")).toBe(number.shown);
  hooked(missed[1]!);

  // From the publisher's state: properties one by one, and a list.
  const rows = listOf([value, number, number]);
  world.state({ p: number.sent, q: value.sent, rows: rows.sent }, ["rows"]);
  expect((await world.resync(10)).status).toBe(201);
  expect([await world.copy("p"), await world.copy("q"), await world.copy("rows")]).toEqual(
    [number, value, rows].map(({ shown }) => shown),
  );
  hooked(
    objectOf([
      ["p", number],
      ["q", value],
      ["rows", rows],
    ]),
    "resync",
  );
  expect(world.hookInputs.length).toBe(11);
}

async function listed(value: Spelt, number: Spelt): Promise<void> {
  const world = await new NumbersWorld().open();
  const near = neighbours(number);
  const all = [...near, number, value].filter(({ shown }, at, list) => list.findIndex((o) => o.shown === shown) === at);
  world.state({ rows: listOf(all).sent }, ["rows"]);
  await world.resync(1);
  const operate = async (sequence: number, fields: readonly (readonly [string, Spelt])[]): Promise<void> => {
    const names = fields.map(([name, field]) => `,"${name}":${field.sent}`).join("");
    const answer = await world.callback(sequence, `{"rows":{"list":"rows"${names}}}`);
    expect(answer.status).toBe(201);
  };
  const text = (word: string): Spelt => ({ sent: `"${word}"`, shown: `"${word}"`, plain: `"${word}"` });
  const replaced = text("replaced");
  await operate(2, [
    ["operation", text("update")],
    ["old_item", number],
    ["item", replaced],
  ]);
  const after = all.map((item) => (item.shown === number.shown ? replaced : item));
  expect(await world.copy("rows")).toBe(listOf(after).shown);
  await operate(3, [
    ["operation", text("append")],
    ["item", number],
  ]);
  expect(await world.copy("rows")).toBe(listOf([...after, number]).shown);
  await operate(4, [
    ["operation", text("remove")],
    ["item", number],
  ]);
  expect(await world.copy("rows")).toBe(listOf(after).shown);
  await operate(5, [
    ["operation", text("extend")],
    ["items", listOf([number, value])],
  ]);
  expect(await world.copy("rows")).toBe(listOf([...after, number, value]).shown);

  // The same through the component that a deployer uses, with values of the language.
  const replica = (await world.store().getList("rows")) ?? [];
  await world.store().setList("again", replica);
  await world.store().setValue("value", replica);
  expect([await world.copy("again"), await world.copy("value")]).toEqual([
    await world.copy("rows"),
    await world.copy("rows"),
  ]);
}

async function published(value: Spelt, number: Spelt): Promise<void> {
  const world = await new NumbersWorld().open();
  const subscription = await world.peerSubscribes();
  let notified = 0;
  const diff = async (data: Spelt): Promise<void> => {
    notified += 1;
    expect(world.received).toHaveLength(notified);
    expect(world.received.at(-1)).toContain(`"data":${data.shown},`);
    expect((await world.peer("GET", `${subscription}/${notified}`)).text).toContain(`"data":${data.shown},`);
    expect((await world.peer("GET", subscription)).text).toContain(`"data":${data.shown},`);
  };

  expect((await world.owner("PUT", "properties/p", value.sent)).status).toBe(204);
  await diff(objectOf([["p", value]]));
  const below = objectOf([["a", number]]);
  expect((await world.owner("PUT", "properties/q", below.sent)).status).toBe(204);
  await diff(objectOf([["q", below]]));
  expect((await world.owner("PUT", "properties/q/b", objectOf([["c", value]]).sent, "")).status).toBe(204);
  notified += 1;
  const both = objectOf([
    ["a", number],
    ["b", objectOf([["c", value]])],
  ]);
  expect((await world.owner("GET", "properties/q")).text).toBe(both.shown);
  const posted = await world.owner("POST", "properties", objectOf([["r", value]]).sent);
  expect([posted.status, posted.text]).toEqual([201, objectOf([["r", value]]).shown]);
  await diff(objectOf([["r", value]]));

  await world.owner("POST", "properties", '{"rows":{"_type":"list"}}');
  notified = world.received.length;
  const operation = `{"operation":"extend","items":${listOf([number, value]).sent}}`;
  expect((await world.owner("POST", "properties/rows/items", operation)).status).toBe(201);
  notified += 1;
  expect(world.received.at(-1)).toContain(`"items":${listOf([number, value]).shown}`);
  const update = `{"operation":"update","index":0,"old_item":${number.sent},"item":${value.sent}}`;
  if (number.shown !== value.shown) {
    expect((await world.owner("POST", "properties/rows/items", update)).status).toBeLessThan(300);
    notified += 1;
    expect(world.received.at(-1)).toContain(`"old_item":${number.shown}`);
    expect((await world.owner("GET", "properties/rows")).text).toBe(listOf([value, value]).shown);
    expect((await world.owner("GET", "properties/rows/0")).text).toContain(value.shown.replace(/^"|"$/g, ""));
  }
  const list = (await world.owner("GET", "properties/rows")).text;
  const every = await world.owner("GET", "properties?format=full");
  for (const part of [`"p":${value.shown}`, `"q":${both.shown}`, `"items":${list}`]) expect(every.text).toContain(part);

  // The actor's own code reads what it wrote.
  const { properties } = world.us.service.actorOf(world.alice.id);
  await properties.set("s", (await properties.get("q"))!);
  expect((await world.owner("GET", "properties/s")).text).toBe(both.shown);
  for (const item of await properties.list("rows").items()) await properties.list("more").append(item);
  expect((await world.owner("GET", "properties/more")).text).toBe(list);
}

/** The whole numbers next to a whole number. */
function neighbours(number: Spelt): Spelt[] {
  if (!/^-?\d+$/.test(number.sent)) return [];
  return [-1n, 1n]
    .map((step) => String(BigInt(number.sent) + step))
    .filter((text) => text.replace("-", "").length <= 4_300)
    .map((text) => ({ sent: text, shown: text, plain: text }));
}
