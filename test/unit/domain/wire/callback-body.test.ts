import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCallbackBody, type ParsedCallback } from "../../../../lib/domain/wire/callback-body.ts";
import { checkCallbackUrl, checkScope, fitsScope, MOST_PLACES } from "../../../../lib/domain/wire/callback-scope.ts";
import { parseDiffRecord } from "../../../../lib/domain/diff/diff-content.ts";
import { parsePermissionBody } from "../../../../lib/domain/wire/permission-body.ts";
import type { Json } from "../../../../lib/system/ports.ts";

const path = { actorId: "me", peerId: "peer", subscriptionId: "sub" };
const usual = {
  id: "peer",
  subscriptionid: "sub",
  target: "properties",
  sequence: 7,
  timestamp: "2026-11-20 23:57:18.530588",
  granularity: "high",
};
const parse = (body: Json): ParsedCallback => parseCallbackBody(body, path);
const whole = { target: "properties" };
const color = { target: "properties", subtarget: "color" };
const part = { target: "properties", subtarget: "color", resource: "rgb/red" };

function refused(run: () => unknown, code = "request.invalid"): string | undefined {
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ code });
    return (error as { field?: string }).field;
  }
  return undefined;
}

describe("parseCallbackBody", () => {
  it("reads a high diff as a real peer sends it", () => {
    expect(parse({ ...usual, data: { color: { v: "green" } } })).toMatchObject({
      kind: "high",
      sequence: 7,
      target: "properties",
      granularity: "high",
      timestamp: { sortable: "2026-11-20T23:57:18.530588000Z" },
      data: { color: { v: "green" } },
    });
  });

  it("reads a low diff: a url without data, or with null", () => {
    const url = "https://peer.example/peer/subscriptions/me/sub/7";
    expect(parse({ ...usual, granularity: "low", url })).toMatchObject({ kind: "low", url });
    expect(parse({ ...usual, data: null, url })).toMatchObject({ kind: "low", url });
  });

  it("reads data beside a url as a high diff, and null data without a url as a deletion", () => {
    expect(parse({ ...usual, data: { a: 1 }, url: "https://peer.example/x" })).toMatchObject({ kind: "high" });
    expect(parse({ ...usual, subtarget: "color", data: null })).toMatchObject({ kind: "high", data: null });
  });

  it("reads a resync with a url, with data, or with neither", () => {
    const resync = { ...usual, type: "resync" };
    expect(parse({ ...resync, url: "https://peer.example/peer/properties" })).toMatchObject({ kind: "resync" });
    expect(parse({ ...resync, data: { a: 1 } })).toMatchObject({ kind: "resync", data: { a: 1 } });
    expect(parse(resync)).not.toHaveProperty("data");
  });

  it("accepts a body without the fields that path and credentials determine", () => {
    expect(parse({ sequence: 12, data: { x: 3 } })).toEqual({ kind: "high", sequence: 12, data: { x: 3 } });
    expect(parse({ ...usual, id: null, granularity: null, type: null, data: {} })).toMatchObject({ kind: "high" });
  });

  it("ignores unknown fields", () => {
    expect(parse({ ...usual, data: {}, "x-more": [1] })).not.toHaveProperty("x-more");
  });

  it("keeps the pointers of overwritten that lead to a value, and distinguishes an empty list from an absent one", () => {
    const data = { a: { "b/c": 1, "~": [5] } };
    expect(parse({ ...usual, data, overwritten: ["", "/a/b~1c", "/a/~0/0", "/a/x", "/toString"] })).toMatchObject({
      overwritten: ["", "/a/b~1c", "/a/~0/0"],
    });
    expect(parse({ ...usual, data, overwritten: [] })).toMatchObject({ overwritten: [] });
    expect(parse({ ...usual, data })).not.toHaveProperty("overwritten");
  });

  it.each<[string, Json]>([
    ["body", [1, 2]],
    ["body", "text"],
    ["body", null],
    ["sequence", { data: {} }],
    ["sequence", { ...usual, sequence: "7", data: {} }],
    ["sequence", { ...usual, sequence: 0, data: {} }],
    ["sequence", { ...usual, sequence: -1, data: {} }],
    ["sequence", { ...usual, sequence: 10.5, data: {} }],
    ["sequence", { ...usual, sequence: 2 ** 53, data: {} }],
    ["sequence", { ...usual, sequence: true, data: {} }],
    ["id", { ...usual, id: "someoneelse", data: {} }],
    ["id", { ...usual, id: 7, data: {} }],
    ["subscriptionid", { ...usual, subscriptionid: "deadbeef", data: {} }],
    ["timestamp", { ...usual, timestamp: "soon", data: {} }],
    ["timestamp", { ...usual, timestamp: 1700000000, data: {} }],
    ["granularity", { ...usual, granularity: "medium", data: {} }],
    ["type", { ...usual, type: "zzz", data: {} }],
    ["type", { ...usual, type: "permission", data: {} }],
    ["type", { ...usual, type: 1, data: {} }],
    ["data", { ...usual }],
    ["data", { ...usual, type: "diff" }],
    ["url", { ...usual, url: "/relative" }],
    ["url", { ...usual, url: "file:///etc/passwd" }],
    ["url", { ...usual, url: "https://u:p@peer.example/" }],
    ["url", { ...usual, url: {} }],
    ["target", { ...usual, target: 5, data: {} }],
    ["subtarget", { ...usual, subtarget: {}, data: {} }],
    ["resource", { ...usual, resource: [], data: {} }],
    ["overwritten", { ...usual, data: {}, overwritten: "/a" }],
    ["overwritten", { ...usual, data: {}, overwritten: ["a"] }],
    ["overwritten", { ...usual, data: {}, overwritten: ["/a~2"] }],
    ["overwritten", { ...usual, data: {}, overwritten: [1] }],
  ])("refuses a wrong %s", (field, body) => expect(refused(() => parse(body))).toBe(field));
});

describe("whatever the body", () => {
  const field = fc.constantFrom(
    ...Object.keys({ ...usual, type: 0, data: 0, url: 0, overwritten: 0, subtarget: 0, resource: 0 }),
  );
  const body = fc.dictionary(
    field,
    fc.oneof(fc.jsonValue(), fc.constantFrom("resync", "diff", "high", 1, 7, "", null)),
  );

  it("is one of the three kinds or request.invalid, never another error", () => {
    const run = (json: unknown): void => {
      for (const scope of [whole, color, part]) {
        refused(() => {
          const parsed = parse(json as Json);
          expect(["high", "low", "resync"]).toContain(parsed.kind);
          checkScope(parsed, scope);
        });
      }
      refused(() => parsePermissionBody(json as Json, path));
    };
    fc.assert(fc.property(body, run), { numRuns: 500 });
    fc.assert(fc.property(fc.jsonValue(), run), { numRuns: 200 });
    fc.assert(
      fc.property(
        body.map((more) => ({ ...usual, ...more })),
        run,
      ),
      { numRuns: 500 },
    );
  });
});

describe("checkScope", () => {
  it("accepts a diff that names the subscription's scope, or none", () => {
    for (const more of [{}, { subtarget: null }, { subtarget: "", resource: "" }]) {
      expect(checkScope(parse({ ...usual, ...more, data: {} }), whole)).toEqual({
        place: [],
        narrower: false,
        exact: true,
      });
    }
    expect(checkScope(parse({ ...usual, subtarget: "color", data: "red" }), color).place).toEqual(["color"]);
    expect(checkScope(parse({ sequence: 1, data: 1 }), part).place).toEqual(["color", "rgb", "red"]);
  });

  it.each([
    ["target", { target: "resources" }, whole],
    ["subtarget", { subtarget: "color" }, whole],
    ["subtarget", { subtarget: "size" }, color],
    ["subtarget", { subtarget: null }, color],
    ["resource", { subtarget: "color", resource: "v" }, color],
    ["resource", { subtarget: "color", resource: "" }, part],
  ])("refuses a diff with another %s", (field, more, scope) => {
    expect(refused(() => checkScope(parse({ ...usual, ...more, data: {} }), scope))).toBe(field);
  });

  it("refuses target-level data that is no object", () => {
    for (const data of ["hello", 5, null, [1]]) {
      expect(refused(() => checkScope(parse({ ...usual, data }), whole))).toBe("data");
    }
    expect(refused(() => checkScope(parse({ ...usual, data: { __proto__x: 1, "list:memo": {} } }), whole))).toBe(
      undefined,
    );
  });

  it("accepts data with a name that no property can have, for the names beside it", () => {
    for (const name of ["a/b", "", "a\u0000", "x".repeat(257), "list:"]) {
      expect(refused(() => checkScope(parse({ ...usual, data: { [name]: 1, kept: 1 } }), whole))).toBeUndefined();
      expect(refused(() => checkScope(resync({ data: { [name]: 1, kept: 1 } }), whole))).toBeUndefined();
    }
  });

  it("refuses data that names more properties than can be written while the publisher waits", () => {
    const named = (count: number): Json => Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, 1]));
    expect(fitsScope({ data: named(MOST_PLACES) }, whole)).toBe(true);
    expect(
      refused(() => checkScope(parse({ ...usual, data: named(MOST_PLACES + 1) }), whole), "request.too_large"),
    ).toBe("data");
    expect(fitsScope({ data: named(MOST_PLACES + 1) }, { target: "resources" })).toBe(true);
    expect(fitsScope({ data: named(MOST_PLACES + 1) }, color)).toBe(true);
  });

  const resync = (more: Record<string, Json>): ParsedCallback => parse({ ...usual, type: "resync", ...more });

  it("accepts a resync of the subscription's scope, or of a part of it", () => {
    expect(checkScope(resync({ subtarget: "" }), whole)).toEqual({ place: [], narrower: false, exact: true });
    expect(checkScope(resync({ subtarget: "color" }), whole)).toEqual({
      place: ["color"],
      narrower: true,
      exact: true,
    });
    expect(checkScope(resync({}), part)).toMatchObject({ place: ["color", "rgb", "red"], narrower: false });
    expect(checkScope(resync({ subtarget: "color", resource: "rgb" }), color)).toMatchObject({
      place: ["color", "rgb"],
      narrower: true,
    });
  });

  it("counts a resync of a broader scope, or of one beside it, as one of the own scope, without its url", () => {
    for (const more of [{ subtarget: "" }, { subtarget: "size" }]) {
      expect(checkScope(resync(more), color)).toEqual({ place: ["color"], narrower: false, exact: false });
    }
  });

  it("refuses the data of a resync that does not fit, when the data would be used", () => {
    for (const data of ["x", [1], 0]) {
      expect(refused(() => checkScope(resync({ data }), whole))).toBe("data");
      expect(refused(() => checkScope(resync({ data, url: "https://p.example/a/properties" }), whole))).toBeUndefined();
      expect(refused(() => checkScope(resync({ subtarget: "", data }), color))).toBeUndefined();
    }
    expect(refused(() => checkScope(resync({ subtarget: "a/b" }), whole))).toBe("subtarget");
  });

  it("refuses a resync of another target", () => {
    expect(refused(() => checkScope(resync({ target: "resources" }), whole))).toBe("target");
  });
});

describe("checkCallbackUrl", () => {
  it("refuses a url that is not under the peer's root", () => {
    expect(refused(() => checkCallbackUrl("https://peer.example/a/x", "https://peer.example/a"))).toBeUndefined();
    expect(refused(() => checkCallbackUrl("https://evil.example/a/x", "https://peer.example/a"))).toBe("url");
  });
});

describe("parseDiffRecord", () => {
  it("reads a diff from the backlog of the reference implementation", () => {
    const record = { sequence: 1, timestamp: "2026-11-20T23:57:18.530588Z", data: { color: "" } };
    expect(parseDiffRecord(record)).toMatchObject({ sequence: 1, data: { color: "" } });
  });

  it.each<Json>([null, [], {}, { sequence: 1 }, { sequence: 0, data: {} }, { sequence: 1, data: 1, timestamp: "x" }])(
    "refuses %j",
    (record) => expect(() => parseDiffRecord(record)).toThrow(expect.objectContaining({ code: "request.invalid" })),
  );
});

describe("parsePermissionBody", () => {
  const grant = { properties: { patterns: ["*"], operations: ["read"], excluded_patterns: ["color"] }, extra: 1 };
  const body = {
    id: "peer",
    target: "permissions",
    type: "permission",
    timestamp: "2026-11-21T00:00:00Z",
    data: grant,
  };

  it("reads the whole grant and keeps unknown members", () => {
    expect(parsePermissionBody(body, path)).toMatchObject({
      grant,
      patterns: ["*"],
      excludedPatterns: ["color"],
      timestamp: { ms: Date.UTC(2026, 10, 21) },
    });
    const nothing = { ...body, data: { properties: {} } };
    expect(parsePermissionBody(nothing, path)).toMatchObject({ patterns: [], excludedPatterns: [] });
    expect(parsePermissionBody({ data: grant }, path)).toMatchObject({ patterns: ["*"] });
    expect(parsePermissionBody({ data: { properties: ["a", "b/*"], tools: ["t"] } }, path)).toEqual({
      grant: { properties: { patterns: ["a", "b/*"], operations: ["read"] }, tools: ["t"] },
      patterns: ["a", "b/*"],
      excludedPatterns: [],
    });
  });

  it.each<[string, Json]>([
    ["body", "x"],
    ["id", { ...body, id: "other" }],
    ["target", { ...body, target: "properties" }],
    ["type", { ...body, type: "diff" }],
    ["timestamp", { ...body, timestamp: "never" }],
    ["data", { ...body, data: [] }],
    ["data", { id: "peer" }],
    ["data.properties", { ...body, data: {} }],
    ["data.properties", { ...body, data: { properties: null } }],
    ["data.properties", { ...body, data: { properties: [1] } }],
    ["data.properties.patterns", { ...body, data: { properties: { patterns: "*" } } }],
    ["data.properties.operations", { ...body, data: { properties: { operations: [1] } } }],
  ])("refuses a wrong %s", (field, wrong) => {
    expect(refused(() => parsePermissionBody(wrong, path))).toBe(field);
  });
});
