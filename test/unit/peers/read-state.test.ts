import { describe, expect, it } from "vitest";
import type { StateRequest } from "../../../lib/peers/publisher.ts";
import { type Json, PeerFailure } from "../../../lib/system/ports.ts";
import { BASE, type Says, ScriptedPeer } from "./scripted-peer.ts";
import { wholeState } from "./whole-state.ts";

const whole: StateRequest = { scope: { target: "properties" }, place: [], subscriptionId: "s1", excludedScopes: [] };
const at = (...place: string[]): StateRequest => ({
  ...whole,
  scope: { target: "properties", subtarget: place[0] ?? "", ...(place[1] === undefined ? {} : { resource: place[1] }) },
  place,
});
const read = async (script: Record<string, Says>, requested: StateRequest = whole) => {
  const peer = new ScriptedPeer(script);
  const answer = await wholeState(peer.actor(), requested);
  return { answer, calls: peer.calls, peer };
};
const values = (answer: Awaited<ReturnType<typeof read>>["answer"]): Record<string, Json> => {
  if (answer.is !== "state") throw new Error(`${answer.is}: not a state`);
  return Object.fromEntries(answer.parts.map((part) => [part.place.join("/"), part.value ?? part.items ?? null]));
};
const METADATA = "GET properties?metadata=true";
const inventory = (names: string[], bytes: number, lists: Record<string, Json> = {}): { json: Json } => ({
  json: { simple: { properties: names, total_bytes: bytes }, lists },
});
const memo = { count: 1, total_bytes: 11, description: "notes", explanation: "" };

describe("reading a whole target", () => {
  it("of the reference: overview, everything small in one call, then each list", async () => {
    const { answer, calls, peer } = await read({
      [METADATA]: inventory(["color", "index"], 29, { memo }),
      "GET properties": { json: { color: { v: "low1" }, index: 1, memo: { _list: true, count: 1 } } },
      "GET properties/memo": { json: [{ t: "hi" }] },
    });
    expect(calls).toEqual([METADATA, "GET properties", "GET properties/memo"]);
    expect(values(answer)).toEqual({ color: { v: "low1" }, index: 1, memo: [{ t: "hi" }] });
    expect(answer).toMatchObject({
      parts: [{ kind: "value" }, { kind: "value" }, { kind: "list", description: "notes" }],
      stale: {},
    });
    expect(answer).not.toHaveProperty("sequence");
    expect(peer.requests.every((request) => request.headers?.["x-actingweb-subscription"] === "s1")).toBe(true);
  });

  it.each<[string, Says]>([
    ["does not know the form", { status: 404 }],
    ["refuses it", { status: 400 }],
    ["ignores the query", { json: { color: "red", memo: { _list: true, count: 2 } } }],
    ["answers nonsense", { text: "hello" }],
  ])("of a peer that %s: plain GETs", async (_name, says) => {
    const { answer } = await read({
      [METADATA]: says,
      "GET properties": { json: { color: "red", memo: { _list: true, count: 2 } } },
      "GET properties/memo": { json: [1, 2] },
    });
    expect(values(answer)).toEqual({ color: "red", memo: [1, 2] });
  });

  it("asks for each property when together they are large, four at a time", async () => {
    const names = Array.from({ length: 12 }, (_, i) => `p${i}`);
    const { answer, calls, peer } = await read({
      [METADATA]: inventory(names, 5_000_000),
      ...Object.fromEntries(names.map((name) => [`GET properties/${name}`, { json: { name } }])),
    });
    expect(calls).not.toContain("GET properties");
    expect(Object.keys(values(answer)).sort()).toEqual([...names].sort());
    expect(peer.most).toBe(4);
  });

  it("asks for each property when the plain form is refused as too large", async () => {
    const { answer } = await read({
      [METADATA]: inventory(["a", "b", "gone", "hidden"], 10),
      "GET properties": { status: 413 },
      "GET properties/a": { text: "text" },
      "GET properties/b": { json: [1] },
      "GET properties/hidden": { status: 403 },
    });
    expect(values(answer)).toEqual({ a: "text", b: [1] });
  });

  it("reports the places that are too large, make no sense or cannot be addressed, and reads the rest", async () => {
    const { answer } = await read({
      [METADATA]: inventory(["big", "broken", "..", "fine"], 5_000_000, { long: { ...memo, total_bytes: 5 } }),
      "GET properties/big": new PeerFailure("too_large", "x"),
      "GET properties/broken": { text: "{oops", headers: { "content-type": "application/json" } },
      "GET properties/fine": { json: 1 },
      "GET properties/long": new PeerFailure("too_large", "x"),
      "GET properties/long?limit=500": new PeerFailure("too_large", "x"),
    });
    expect(values(answer)).toEqual({ fine: 1 });
    expect(answer.is === "state" && Object.keys(answer.stale).sort()).toEqual(["..", "big", "broken", "long"]);
  });

  it("reads what no path can name, as what has % or ?, out of the whole state, once for all of them", async () => {
    const { answer, calls } = await read({
      [METADATA]: inventory(["50%", "what?", ".."], 5_000_000, { "%list": memo }),
      "GET properties?format=full": {
        json: { "50%": 1, "what?": { v: 2 }, "..": 3, "%list": { _list: true, count: 1, items: [4] } },
      },
    });
    expect(values(answer)).toEqual({ "50%": 1, "what?": { v: 2 }, "..": 3, "%list": [4] });
    expect(calls).toEqual([METADATA, "GET properties?format=full"]);
    expect(answer).toMatchObject({ stale: {} });
  });

  it("leaves out names that no copied property can have, and keeps what stands beside them", async () => {
    const odd = ["", "a/b", "a\u0000b", "n".repeat(257)];
    const { answer } = await read({
      [METADATA]: inventory([...odd, "fine"], 20),
      "GET properties": { json: Object.fromEntries([...odd, "fine"].map((name) => [name, 1])) },
    });
    expect(values(answer)).toEqual({ fine: 1 });
    expect(answer.is === "state" && [...answer.leftOut].sort()).toEqual([...odd].sort());
  });

  it("reads each that its overview names and its whole state lacks, for that may have been cut short", async () => {
    const { answer } = await read({
      [METADATA]: inventory(["a", "b", "gone"], 20),
      "GET properties": { json: { a: 1 } },
      "GET properties/b": { json: 2 },
    });
    expect(values(answer)).toEqual({ a: 1, b: 2 });
    expect(answer).toMatchObject({ stale: {} });
  });

  it("reads each when the whole state cannot be read, so that one bad value hides no other", async () => {
    const type = { "content-type": "application/json" };
    const { answer } = await read({
      [METADATA]: inventory(["a", "bad"], 20),
      "GET properties": { text: '{"a": 1, "bad": NaN}', headers: type },
      "GET properties/a": { json: 1 },
      "GET properties/bad": { text: "NaN", headers: type },
    });
    expect(values(answer)).toEqual({ a: 1 });
    expect(answer).toMatchObject({ stale: { bad: expect.any(String) as string } });
  });

  it("does not read what narrower subscriptions own", async () => {
    const { answer, calls } = await read(
      {
        [METADATA]: inventory(["color", "size"], 10, { memo }),
        "GET properties": { json: { color: 1, size: 2, memo: { _list: true, count: 1 } } },
      },
      { ...whole, excludedScopes: [["color"], ["memo"], ["size", "w"]] },
    );
    expect(values(answer)).toEqual({ size: 2 });
    expect(calls).not.toContain("GET properties/memo");
  });

  it("takes a value that looks like a list marker for a value when the overview lists it as one", async () => {
    const { answer } = await read({
      [METADATA]: inventory(["odd"], 10),
      "GET properties": { json: { odd: { _list: true, count: 3 } } },
    });
    expect(values(answer)).toEqual({ odd: { _list: true, count: 3 } });
  });

  it("gives the lowest position of all answers, and the position of each part", async () => {
    const position = (n: number) => ({ headers: { "x-actingweb-sequence": String(n) } });
    const { answer } = await read({
      [METADATA]: { ...inventory(["a", "b"], 5_000_000, { memo }), ...position(12) },
      "GET properties/a": { json: 1, ...position(14) },
      "GET properties/b": { json: 2, ...position(13) },
      "GET properties/memo": { json: [], ...position(15) },
    });
    expect(answer).toMatchObject({ is: "state", sequence: 12 });
    expect(answer.is === "state" && answer.parts.map((part) => part.sequence)).toEqual([14, 13, 15]);
  });

  it("gives no position when one answer has none, or an invalid one", async () => {
    for (const odd of ["-1", "1.5", "abc", "99999999999999999"]) {
      const { answer } = await read({
        [METADATA]: { ...inventory(["a"], 5), headers: { "x-actingweb-sequence": "12" } },
        "GET properties": { json: { a: 1 }, headers: { "x-actingweb-sequence": odd } },
      });
      expect(answer).not.toHaveProperty("sequence");
    }
  });

  it("keeps __proto__ a property like others", async () => {
    const { answer } = await read({
      "GET properties": { text: '{"__proto__": {"x": 1}}', headers: { "content-type": "application/json" } },
    });
    expect(answer).toMatchObject({ parts: [{ place: ["__proto__"], value: { x: 1 } }] });
  });

  it.each<[string, Record<string, Says>, object]>([
    ["no such target", {}, { is: "absent" }],
    ["broken", { [METADATA]: { status: 500 } }, { is: "failed" }],
    ["unreachable", { [METADATA]: new PeerFailure("timeout", "x") }, { is: "failed" }],
    ["credentials refused", { "GET properties": { status: 403 } }, { is: "failed" }],
    ["no object", { "GET properties": { json: [1] } }, { is: "failed" }],
    [
      "broken half-way",
      { [METADATA]: inventory(["a"], 5_000_000), "GET properties/a": { status: 503 } },
      { is: "state", parts: [], stale: { a: "The peer answered 503." } },
    ],
    [
      "throttled half-way",
      {
        [METADATA]: inventory(["a", "b"], 5_000_000),
        "GET properties/a": { json: 1 },
        "GET properties/b": { status: 429, headers: { "retry-after": "30" } },
      },
      { is: "state", parts: [{ place: ["a"] }], stale: {}, stopped: { status: 429, retryAfter: "30" } },
    ],
  ])("%s", async (_name, script, expected) => {
    expect((await read(script)).answer).toMatchObject(expected);
  });

  it("reads a resync's own url, unless it is the usual one", async () => {
    const snapshot = await read({ "GET snapshots/1": { json: { a: 1 } } }, { ...whole, url: `${BASE}/snapshots/1` });
    expect(values(snapshot.answer)).toEqual({ a: 1 });
    const usual = await read({ [METADATA]: inventory([], 0) }, { ...whole, url: `${BASE}/properties?format=full` });
    expect(usual.calls).toEqual([METADATA]);
  });
});

describe("reading a list in pages", () => {
  const rows = (from: number, to: number): Json[] => Array.from({ length: to - from }, (_, i) => from + i);
  const long = { ...memo, count: 1200, total_bytes: 50_000_000 };

  it("reads pages until one is short", async () => {
    const { answer, calls } = await read({
      [METADATA]: inventory([], 0, { long }),
      "GET properties/long?limit=500": { json: rows(0, 500) },
      "GET properties/long?after=499&limit=500": { json: rows(500, 1000) },
      "GET properties/long?after=999&limit=500": { json: rows(1000, 1200) },
    });
    expect(values(answer)["long"]).toEqual(rows(0, 1200));
    expect(calls.length).toBe(4);
  });

  it("follows the peer's own token where it gives one", async () => {
    const { answer } = await read({
      [METADATA]: inventory([], 0, { long }),
      "GET properties/long?limit=500": { json: { items: rows(0, 100), next: "v7:99" } },
      "GET properties/long?after=v7%3A99&limit=500": { json: { items: rows(100, 150) } },
    });
    expect(values(answer)["long"]).toEqual(rows(0, 150));
  });

  it("begins again when the list has changed, and gives up after three times", async () => {
    const peer = new ScriptedPeer({
      [METADATA]: inventory([], 0, { long }),
      "GET properties/long?limit=500": { json: rows(0, 500) },
      "GET properties/long?after=499&limit=500": { status: 409 },
    });
    expect(await wholeState(peer.actor(), whole)).toMatchObject({
      parts: [],
      stale: { long: expect.stringContaining("changing") as string },
    });
    expect(peer.calls.length).toBe(7);
  });

  it.each([204, 302, 400, 403, 404, 409, 410, 412, 418, 428, 451, 500])(
    "takes no %i of a later page for the end of the list, nor for its absence",
    async (status) => {
      const { answer } = await read({
        [METADATA]: inventory([], 0, { long }),
        "GET properties/long?limit=500": { json: rows(0, 500) },
        "GET properties/long?after=499&limit=500": { status },
      });
      expect(answer).toMatchObject({ is: "state", parts: [], stale: { long: expect.any(String) as string } });
    },
  );
});

describe("reading one place", () => {
  it.each<[string, Says, object]>([
    ["an object", { json: { v: 1 } }, { kind: "value", value: { v: 1 } }],
    ["a number", { json: 5 }, { kind: "value", value: 5 }],
    ["text", { text: "5" }, { kind: "value", value: "5" }],
    ["empty text", { text: "" }, { kind: "value", value: "" }],
    ["bare text marked as JSON", { text: "red", headers: { "content-type": "application/json" } }, { value: "red" }],
    ["an object without a type", { text: '{"v":1}', headers: { "content-type": "" } }, { value: { v: 1 } }],
  ])("%s", async (_name, says, expected) => {
    const { answer, calls } = await read({ "GET properties/color": says }, at("color"));
    expect(answer).toMatchObject({ is: "state", parts: [{ place: ["color"], ...expected }] });
    expect(calls).toEqual(["GET properties/color"]);
  });

  it("distinguishes a list from an array by the overview, in either form", async () => {
    const array = { "GET properties/memo": { json: [1] } };
    const known = await read({ ...array, [METADATA]: inventory([], 0, { memo }) }, at("memo"));
    expect(known.answer).toMatchObject({ parts: [{ kind: "list", items: [1], description: "notes" }] });
    const value = await read({ ...array, [METADATA]: inventory(["memo"], 3) }, at("memo"));
    expect(value.answer).toMatchObject({ parts: [{ kind: "value", value: [1] }] });
    const marked = await read(
      { ...array, "GET properties": { json: { memo: { _list: true, count: 1 } } } },
      at("memo"),
    );
    expect(marked.answer).toMatchObject({ parts: [{ kind: "list", items: [1] }] });
    const plain = await read({ ...array, "GET properties": { json: { memo: [1] } } }, at("memo"));
    expect(plain.answer).toMatchObject({ parts: [{ kind: "value", value: [1] }] });
  });

  it("below a property an array is a value", async () => {
    const { answer, calls } = await read({ "GET properties/color/rgb": { json: [1] } }, at("color", "rgb"));
    expect(answer).toMatchObject({ parts: [{ place: ["color", "rgb"], kind: "value", value: [1] }] });
    expect(calls.length).toBe(1);
  });

  it("that does not exist is a state without parts, at the peer's position", async () => {
    const headers = { "x-actingweb-sequence": "4" };
    expect((await read({ "GET properties/color": { status: 404, headers } }, at("color"))).answer).toEqual({
      is: "state",
      parts: [],
      stale: {},
      leftOut: [],
      sequence: 4,
    });
    expect((await read({}, at("color"))).answer).toEqual({ is: "state", parts: [], stale: {}, leftOut: [] });
  });

  it("that is too large gives no value, nor does a broken peer", async () => {
    const large = { "GET properties/color": new PeerFailure("too_large", "x") };
    const stale = { color: expect.any(String) as string };
    expect((await read(large, at("color"))).answer).toMatchObject({ is: "state", parts: [], stale });
    expect((await read({ "GET properties/color": { status: 401 } }, at("color"))).answer).toMatchObject({
      is: "state",
      parts: [],
      stale,
    });
  });

  it("with a key that no path can name is read from the value around it, or from the whole state", async () => {
    const within = await read({ "GET properties/color": { json: { "50%": { v: 1 } } } }, at("color", "50%"));
    expect(values(within.answer)).toEqual({ "color/50%": { v: 1 } });
    const whole = await read({ "GET properties?format=full": { json: { "50%": { v: 1 } } } }, at("50%", "v"));
    expect(values(whole.answer)).toEqual({ "50%/v": 1 });
    expect(whole.calls).toEqual(["GET properties?format=full"]);
  });

  it("ignores a resync's url of something around it", async () => {
    const { calls } = await read({}, { ...at("color"), url: `${BASE}/properties` });
    expect(calls).toEqual(["GET properties/color"]);
  });
});

describe("reading an app's own target", () => {
  const own = { ...whole, scope: { target: "resources" } };
  it("is absent without a state, else its members", async () => {
    expect((await read({}, own)).answer).toEqual({ is: "absent" });
    expect((await read({ "GET resources": { status: 500 } }, own)).answer).toMatchObject({ is: "failed" });
    expect((await read({ "GET resources": { text: "a page" } }, own)).answer).toEqual({ is: "absent" });
    expect(values((await read({ "GET resources": { json: { a: [1] } } }, own)).answer)).toEqual({ a: [1] });
  });
});
