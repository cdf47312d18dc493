import { describe, expect, it } from "vitest";
import { readWebhookRequest, type UrlRules } from "../../../../lib/listeners/webhooks/settings.ts";
import { ServiceError } from "../../../../lib/system/errors.ts";

const RULES: UrlRules = { addresses: { allowHttp: false, allowPrivate: false }, bus: false };
const SECRET = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
const LEAST = { url: "https://example.com/hook", topics: ["properties.>"] };

const read = (more: object = {}, rules = RULES) => readWebhookRequest({ ...LEAST, ...more }, rules);

function refused(more: object, rules = RULES): ServiceError {
  try {
    read(more, rules);
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("the settings of a webhook", () => {
  it("have a default for all that is not stated", () => {
    expect(read()).toEqual({
      from: "now",
      settings: {
        urls: ["https://example.com/hook"],
        topics: ["properties.>"],
        order: "key",
        parallel: 4,
        signature: "v1",
        rate: { limit: 100, periodSeconds: 10 },
        maxAttempts: 10,
        onExhausted: "park",
        retryAmbiguous: true,
        timeoutSeconds: 15,
      },
    });
  });

  it("are the same for the same sets, and null is nothing", () => {
    const one = read({ topics: ["b", "a/b", "b"], types: ["x.*", "a"], bearer: null, secret: null });
    expect(one.settings).toEqual(read({ topics: ["a.b", "b"], types: ["a", "x.*"] }).settings);
    expect(one.settings.topics).toEqual(["a.b", "b"]);
  });

  it("keep several urls in their order, and headers by lower-case names", () => {
    const urls = ["https://b.example/", "https://a.example/"];
    expect(read({ url: null, urls }).settings.urls).toEqual(urls);
    expect(read({ headers: { "X-B": "2", "x-A": "1" } }).settings.headers).toEqual({ "x-a": "1", "x-b": "2" });
  });

  it("may name the bus where there is one", () => {
    expect(read({ url: "bus:" }, { ...RULES, bus: true }).settings.urls).toEqual(["bus:"]);
    expect(refused({ url: "bus:" }).field).toBe("url");
    const several = { url: null, urls: ["bus:", "https://a.example/"] };
    expect(refused(several, { ...RULES, bus: true }).field).toBe("urls");
  });

  it.each([
    [{ url: null }, "url"],
    [{ urls: ["https://a.example/"] }, "url"],
    [{ url: null, urls: [] }, "urls"],
    [{ url: null, urls: Array.from({ length: 6 }, (_, at) => `https://${String(at)}.example/`) }, "urls"],
    [{ url: null, urls: ["https://a.example/", "https://a.example/"] }, "urls"],
    [{ url: null, urls: ["https://a.example/", "http://a.example/"] }, "urls.1"],
    [{ url: "https://127.0.0.1/" }, "url"],
    [{ url: "https://0x7f.1/" }, "url"],
    [{ url: "https://[::ffff:10.0.0.1]/" }, "url"],
    [{ url: "https://localhost/" }, "url"],
    [{ url: "https://user:pass@example.com/" }, "url"],
    [{ url: "https://example.com/a#b" }, "url"],
    [{ url: "https://example.com/%2e%2e%2fadmin" }, "url"],
    [{ url: `https://example.com/${"a".repeat(2_048)}` }, "url"],
    [{ url: "ftp://example.com/" }, "url"],
    [{ topics: undefined }, "topics"],
    [{ topics: [] }, "topics"],
    [{ topics: Array.from({ length: 21 }, (_, at) => `t${String(at)}`) }, "topics"],
    [{ topics: ["a", "b.>.c"] }, "topics.1"],
    [{ topics: ["$other.x"] }, "topics.0"],
    [{ types: ["a*"] }, "types.0"],
    [{ types: [] }, "types"],
    [{ order: "some" }, "order"],
    [{ parallel: 0 }, "parallel"],
    [{ parallel: 17 }, "parallel"],
    [{ signature: "v2" }, "signature"],
    [{ secret: "whsec_c2hvcnQ=" }, "secret"],
    [{ secret: true }, "secret"],
    [{ bearer: "two words" }, "bearer"],
    [{ rate: { limit: 1 } }, "rate.periodSeconds"],
    [{ rate: { limit: 0, periodSeconds: 1 } }, "rate.limit"],
    [{ maxAttempts: 21 }, "maxAttempts"],
    [{ onExhausted: "drop" }, "onExhausted"],
    [{ retryAmbiguous: "yes" }, "retryAmbiguous"],
    [{ timeoutSeconds: 21 }, "timeoutSeconds"],
    [{ inlineMaxBytes: 262_145 }, "inlineMaxBytes"],
    [{ from: "" }, "from"],
    [{ headers: { "X-A": "a\nb" } }, "headers.X-A"],
    [{ headers: { "x a": "b" } }, "headers.x a"],
    [{ headers: { "X-A": "1", "x-a": "2" } }, "headers.x-a"],
    [{ headers: Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`x-${String(at)}`, ""])) }, "headers"],
    [{ headers: { "x-a": "b".repeat(2_048) } }, "headers"],
  ])("refuse %j and name the field", (more, field) => {
    const { code, field: named } = refused(more);
    expect([code, named]).toEqual(["request.invalid", field]);
  });

  it.each(
    "Host authorization cookie Content-Type content-digest Webhook-Id ce-type X-Hub-Signature connection x-request-id traceparent te"
      .split(" ")
      .map((name) => [name]),
  )("refuse the header %s", (name) => {
    expect(refused({ headers: { [name]: "a" } }).field).toBe(`headers.${name}`);
  });

  it("never show a secret in what they say", () => {
    for (const more of [
      { secret: `${SECRET}!` },
      { bearer: "hush hush" },
      { headers: { "x-a": "hush hush\n" } },
      { headers: { host: "hush hush" } },
    ]) {
      expect(refused(more).message).not.toMatch(/hush|whsec_B/);
    }
  });

  it("take secrets of 24 to 64 bytes", () => {
    for (const bytes of [24, 32, 64]) {
      const secret = `whsec_${Buffer.alloc(bytes, 1).toString("base64")}`;
      expect(read({ secret }).secret).toBe(secret);
    }
  });
});
