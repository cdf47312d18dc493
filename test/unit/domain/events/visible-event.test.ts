import { describe, expect, it } from "vitest";
import type { Change } from "../../../../lib/domain/diff/change-record.ts";
import { eventsOf } from "../../../../lib/domain/events/record-events.ts";
import { visibleEvent, type VisibleEvent } from "../../../../lib/domain/events/visible-event.ts";
import { READS_ALL, readsOf } from "../../../../lib/domain/policy/visibility.ts";

const reads = (patterns: string[], excluded: string[] = [], operations = ["read"]) =>
  readsOf({ patterns, excluded_patterns: excluded, operations });

function seen(change: Change, by = READS_ALL): VisibleEvent | undefined {
  const [event] = eventsOf({ kind: "change", changes: [change], at: "2026-01-01T00:00:00.000000Z" });
  return event && visibleEvent(event, change, by);
}
const dataOf = (change: Change, by = READS_ALL) => {
  const visible = seen(change, by);
  return (
    visible && {
      type: visible.event.type.slice("org.actingweb.".length),
      data: visible.event.data,
      isCut: visible.isCut,
    }
  );
};

const set: Change = { do: "set", path: ["profile"], value: { name: "n", secret: { pin: 1 } } };

describe("what a peer sees of an event of a value that was set", () => {
  it("is all of it where everything is open, the same object", () => {
    const [event] = eventsOf({ kind: "change", changes: [set], at: "2026-01-01T00:00:00.000000Z" });
    expect(seen(set)?.event.data).toEqual(event?.data);
    expect(seen(set)?.isCut).toBe(false);
  });

  it("is the open part, which must not lead to the whole", () => {
    expect(dataOf(set, reads(["*"], ["profile/secret"]))).toEqual({
      ...{ type: "property.set", isCut: true },
      data: { name: "profile", value: { name: "n" } },
    });
    expect(dataOf(set, reads(["profile/secret/pin"]))).toEqual({
      ...{ type: "property.set", isCut: true },
      data: { name: "profile", value: { secret: { pin: 1 } } },
    });
  });

  it("is nothing where nothing is open, or another operation alone", () => {
    expect(seen(set, reads(["color"]))).toBeUndefined();
    expect(seen(set, reads(["*"], [], ["write"]))).toBeUndefined();
    expect(seen({ ...set, path: ["profile", "secret"], value: 2 }, reads(["*"], ["profile/secret"]))).toBeUndefined();
  });

  it("looks deleted when it took the place of something that was visible", () => {
    const over: Change = { ...set, value: { secret: 1 }, removed: { name: null } };
    expect(dataOf(over, reads(["profile/name"]))).toEqual({
      ...{ type: "property.deleted", isCut: true },
      data: { name: "profile" },
    });
    const hidden: Change = { ...set, value: { secret: 1 }, removed: { other: null } };
    expect(seen(hidden, reads(["profile/name"]))).toBeUndefined();
  });
});

describe("what a peer sees of an event of something that was deleted", () => {
  it("is the event where it may have seen what was there", () => {
    const gone: Change = { do: "delete", path: ["profile"], removed: { name: null } };
    expect(dataOf(gone, reads(["profile"]))).toEqual({
      type: "property.deleted",
      data: { name: "profile" },
      isCut: false,
    });
    expect(seen(gone, reads(["profile/name"]))?.isCut).toBe(false);
    expect(seen(gone, reads(["profile/other"]))).toBeUndefined();
    expect(seen({ ...gone, removed: null }, reads(["profile/other"]))).toBeDefined();
  });

  it("names of all properties those that it may have seen", () => {
    const all: Change = { do: "delete", path: [], removed: { a: null, b: { c: null }, private: null } };
    expect(dataOf(all, reads(["*"], ["b"]))).toEqual({
      ...{ type: "properties.cleared", isCut: true },
      data: { names: ["a"] },
    });
    expect(dataOf(all, reads(["b/c"]))?.data).toEqual({ names: ["b"] });
    expect(seen(all, reads(["other"]))).toBeUndefined();
    expect(dataOf({ ...all, removed: null }, reads(["a"]))).toEqual({
      ...{ type: "properties.cleared", data: {}, isCut: false },
    });
  });
});

describe("what a peer sees of other events", () => {
  it("is a list's operation where the list is open", () => {
    const list: Change = { do: "list", name: "todo", operation: { list: "todo", operation: "append", item: 1 } };
    expect(dataOf(list, reads(["todo"]))?.isCut).toBe(false);
    expect(seen(list, reads(["todo/x"]))).toBeUndefined();
  });

  it("is all of an app's event, and the open part of one at `properties`", () => {
    expect(seen({ do: "notify", target: "orders", data: 1 }, reads([]))?.isCut).toBe(false);
    const own: Change = { do: "notify", target: "properties", subtarget: "profile", data: { name: 1, pin: 2 } };
    expect(dataOf(own, reads(["profile/name"]))).toMatchObject({ data: { name: 1 }, isCut: true });
    expect(seen(own, reads(["color"]))).toBeUndefined();
    expect(seen(own, reads(["profile"], ["profile/name", "profile/pin"]))).toBeUndefined();
    expect(dataOf({ ...own, data: {} }, reads(["profile"], ["profile/name", "profile/pin"]))).toMatchObject({
      data: {},
    });
  });

  it("is nothing of the service's own", () => {
    expect(seen({ do: "sys", event: "webhook.gone", listener: "x", data: {} })).toBeUndefined();
  });
});
