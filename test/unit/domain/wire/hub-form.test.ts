import { describe, expect, it } from "vitest";
import { normalCallback, readHubForm, withParameters } from "../../../../lib/domain/wire/hub-form.ts";

const GOOD = { "hub.mode": "subscribe", "hub.topic": "https://a.example/t", "hub.callback": "https://s.example/cb" };
const read = (fields: Record<string, string> | string) =>
  readHubForm(new URLSearchParams(fields), (callback) => (callback.startsWith("https:") ? undefined : "only https"));

describe("a form for a hub", () => {
  it("is read with what it leaves out", () => {
    const request = { mode: "subscribe", topic: "https://a.example/t", callback: "https://s.example/cb" };
    expect(read(GOOD)).toEqual({ ...request, leaseSeconds: 0 });
    expect(read({ ...GOOD, "hub.secret": "", foo: "bar", "hub.foo": "hub.bar" })).toEqual({
      ...request,
      leaseSeconds: 0,
    });
    expect(read({ ...GOOD, "hub.secret": "s", "hub.lease_seconds": "0060" })).toEqual({
      ...request,
      secret: "s",
      leaseSeconds: 60,
    });
    expect(read(`${new URLSearchParams(GOOD).toString()}&foo=1&foo=2`)).toMatchObject({ leaseSeconds: 0 });
  });

  it("that unsubscribes says nothing of a lease and a secret", () => {
    const fields = { ...GOOD, "hub.mode": "unsubscribe", "hub.secret": "s".repeat(500), "hub.lease_seconds": "-1" };
    expect(read(fields)).toEqual({
      mode: "unsubscribe",
      topic: "https://a.example/t",
      callback: "https://s.example/cb",
      leaseSeconds: 0,
    });
  });

  it("that publishes needs a topic alone", () => {
    expect(read({ "hub.mode": "publish", "hub.topic": "x" })).toEqual({ mode: "publish", topic: "x" });
  });

  it.each([
    ["hub.mode", { ...GOOD, "hub.mode": "" }],
    ["hub.mode", { ...GOOD, "hub.mode": "denied" }],
    ["hub.topic", { ...GOOD, "hub.topic": "" }],
    ["hub.topic", { ...GOOD, "hub.topic": `https://a.example/${"t".repeat(2_048)}` }],
    ["hub.callback", { ...GOOD, "hub.callback": "" }],
    ["hub.callback", { ...GOOD, "hub.callback": "http://s.example/cb" }],
    ["hub.callback", { ...GOOD, "hub.callback": "https://s.example/cb#a" }],
    ["hub.callback", { ...GOOD, "hub.callback": `https://s.example/${"c".repeat(2_048)}` }],
    ["hub.secret", { ...GOOD, "hub.secret": "s".repeat(200) }],
    ["hub.secret", { ...GOOD, "hub.secret": "é".repeat(100) }],
    ["hub.lease_seconds", { ...GOOD, "hub.lease_seconds": "0" }],
    ["hub.lease_seconds", { ...GOOD, "hub.lease_seconds": "-5" }],
    ["hub.lease_seconds", { ...GOOD, "hub.lease_seconds": "1.5" }],
    ["hub.lease_seconds", { ...GOOD, "hub.lease_seconds": "1e3" }],
    ["hub.lease_seconds", { ...GOOD, "hub.lease_seconds": "" }],
    ["hub.topic", `${new URLSearchParams(GOOD).toString()}&hub.topic=x`],
    ["hub.secret", `${new URLSearchParams(GOOD).toString()}&hub.secret=a&hub.secret=a`],
  ])("names %s when it is wrong", (parameter, fields) => {
    expect(read(fields)).toMatchObject({ parameter });
  });

  it("takes a secret of 199 bytes", () => {
    expect(read({ ...GOOD, "hub.secret": "s".repeat(199) })).toMatchObject({ secret: "s".repeat(199) });
  });
});

describe("a callback", () => {
  it.each([
    ["https://s.example/cb", "https://s.example/cb?hub.mode=subscribe&hub.topic=a%26b"],
    ["https://s.example/cb?", "https://s.example/cb?hub.mode=subscribe&hub.topic=a%26b"],
    [
      "https://s.example/cb?x=%20y&hub.mode=mine",
      "https://s.example/cb?x=%20y&hub.mode=mine&hub.mode=subscribe&hub.topic=a%26b",
    ],
    ["https://s.example/cb?x&", "https://s.example/cb?x&hub.mode=subscribe&hub.topic=a%26b"],
  ])("%s keeps its query", (callback, url) => {
    expect(withParameters(callback, { "hub.mode": "subscribe", "hub.topic": "a&b" })).toBe(url);
  });

  it("is the same however it is encoded", () => {
    expect(normalCallback("https://S.example:443/%63b?x=%7e%c3%a9")).toBe(normalCallback("https://s.example/cb?x=~é"));
    expect(normalCallback("https://s.example/a%2Fb")).not.toBe(normalCallback("https://s.example/a/b"));
  });
});
