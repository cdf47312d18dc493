import { describe, expect, it } from "vitest";
import { decidePut, tagOf, type StatedWebhook } from "../../../../lib/listeners/webhooks/put-decision.ts";
import { readWebhookRequest } from "../../../../lib/listeners/webhooks/settings.ts";
import { isServiceError } from "../../../../lib/system/errors.ts";
import { randomIds } from "../../../../lib/system/ids.ts";

const SECRET = `whsec_${Buffer.alloc(24, 9).toString("base64")}`;
const request = (more: object = {}) =>
  readWebhookRequest(
    { url: "https://a.example/", topics: ["a"], ...more },
    { addresses: { allowHttp: false, allowPrivate: false }, bus: false },
  );
const put = (stored: StatedWebhook | undefined, more: object = {}, preconditions = {}) =>
  decidePut(stored, request(more), preconditions, randomIds);
const made = (more: object = {}): StatedWebhook => put(undefined, more).stated;

function refusal(decide: () => unknown): unknown {
  try {
    decide();
  } catch (error) {
    if (isServiceError(error)) return [error.status, error.extra["fields"]];
    throw error;
  }
  return undefined;
}

describe("a PUT of a webhook", () => {
  it("makes one, with a secret when it has none of its own and signs", () => {
    const minted = put(undefined);
    expect(minted).toMatchObject({ is: "created" });
    expect(minted.minted).toMatch(/^whsec_/);
    expect(minted.stated.secret).toBe(minted.minted);
    const given = put(undefined, { secret: SECRET });
    expect([given.minted, given.stated.secret]).toEqual([undefined, SECRET]);
    const unsigned = put(undefined, { signature: "none" });
    expect([unsigned.minted, unsigned.stated.secret]).toEqual([undefined, undefined]);
  });

  it("changes nothing when it states what stands, whatever its from and without a secret", () => {
    const stored = made();
    expect(put(stored, { from: "earliest" })).toMatchObject({ is: "same", stated: stored });
    expect(put(stored, { secret: stored.secret }).is).toBe("same");
    expect(put(stored, { url: null, urls: ["https://a.example/"] }).is).toBe("same");
    expect(put(stored, {}, { ifMatch: tagOf(stored) }).is).toBe("same");
    expect(put(stored, {}, { ifMatch: "*" }).is).toBe("same");
  });

  it("needs If-Match to change something, and says what differs", () => {
    const stored = made({ bearer: "b" });
    const more = { order: "none", topics: ["b"], headers: { "x-a": "b" }, secret: SECRET };
    const fields = ["bearer", "headers", "order", "secret", "topics"];
    expect(refusal(() => put(stored, more))).toEqual([428, fields]);
    expect(put(stored, more, { ifMatch: tagOf(stored) })).toMatchObject({
      is: "changed",
      selection: true,
      endpoint: true,
    });
  });

  it("is refused on another webhook than that of If-Match, before anything else", () => {
    const stored = made();
    for (const ifMatch of ['"other"', `W/${tagOf(stored)}`]) {
      expect(refusal(() => put(stored, { order: "none" }, { ifMatch }))).toEqual([412, undefined]);
      expect(refusal(() => put(stored, {}, { ifMatch }))).toEqual([412, undefined]);
    }
    expect(refusal(() => put(undefined, {}, { ifMatch: "*" }))).toEqual([412, undefined]);
    expect(refusal(() => put(stored, {}, { ifNoneMatch: "*" }))).toEqual([412, undefined]);
    expect(put(undefined, {}, { ifNoneMatch: "*" }).is).toBe("created");
  });

  it.each([
    [{ topics: ["b"] }, true, false],
    [{ types: ["x"] }, true, false],
    [{ url: "https://b.example/" }, false, true],
    [{ url: null, urls: ["https://a.example/", "https://b.example/"] }, false, true],
    [{ bearer: "b" }, false, true],
    [{ headers: { "x-a": "b" } }, false, true],
    [{ signature: "none" }, false, true],
    [{ secret: SECRET }, false, true],
    [{ parallel: 1, rate: { limit: 1, periodSeconds: 1 }, maxAttempts: 1, inlineMaxBytes: 0 }, false, false],
  ])("with %j changes what is heard: %s, and the endpoint: %s", (more, selection, endpoint) => {
    const stored = made();
    expect(put(stored, more, { ifMatch: tagOf(stored) })).toMatchObject({ is: "changed", selection, endpoint });
  });

  it("mints a secret when it begins to sign", () => {
    const stored = made({ signature: "none" });
    expect(put(stored, {}, { ifMatch: "*" }).minted).toMatch(/^whsec_/);
  });
});

describe("the tag of a webhook's settings", () => {
  it("changes with each of them, secrets included, and shows nothing of them", () => {
    const stored = made({ bearer: "one", headers: { "x-a": "1" } });
    const others = [
      { bearer: "two", headers: { "x-a": "1" } },
      { bearer: "one", headers: { "x-a": "2" } },
      { bearer: "one", headers: { "x-a": "1" }, secret: SECRET },
    ].map((more) => put(stored, more, { ifMatch: "*" }).stated);
    expect(new Set([stored, ...others].map(tagOf)).size).toBe(4);
    // The same settings of another webhook have another tag: secrets cannot be tried out on one.
    const { settings, secret = "" } = stored;
    expect(tagOf(made({ bearer: "one", headers: settings.headers, secret }))).not.toBe(tagOf(stored));
  });
});
