import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { sendEvent, type Endpoint } from "../../../../lib/listeners/webhooks/sender.ts";
import { PeerFailure, type PeerAnswer, type PeerRequest } from "../../../../lib/system/ports.ts";

const SECRET = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
const OLDER = `whsec_${Buffer.alloc(24, 4).toString("base64")}`;
const EVENT = { id: "e1", body: Buffer.from('{"snø":"😀"}') };
const ENDPOINT: Endpoint = {
  urls: ["https://a.example/x?q=1"],
  first: 0,
  timeoutMs: 15_000,
  secrets: [SECRET],
  once: false,
};

const said = (status: number, headers = {}, text = ""): PeerAnswer => ({ status, headers, body: Buffer.from(text) });

async function sent(
  answers: readonly (PeerAnswer | PeerFailure | Error)[],
  more: Partial<Endpoint> = {},
  msEach = 100,
) {
  const requests: PeerRequest[] = [];
  // The signature's time has to be near the verifier's clock.
  let now = Date.now();
  const http = {
    send: (request: PeerRequest): Promise<PeerAnswer> => {
      const answer = answers[requests.length] ?? said(500);
      requests.push(request);
      now += msEach;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
  const result = await sendEvent({ http, clock: { now: () => now } }, { ...ENDPOINT, ...more }, EVENT);
  return { ...result, requests };
}

describe("an attempt", () => {
  it("sends the very bytes that it signs, with the newest secret first", async () => {
    const { requests, outcome, attempt } = await sent([said(204)], { secrets: [SECRET, OLDER], bearer: "b" });
    const [request] = requests;
    expect(request).toMatchObject({
      method: "POST",
      url: "https://a.example/x?q=1",
      body: { bytes: EVENT.body, type: "application/cloudevents+json" },
      credentials: { bearer: "b", baseUri: "https://a.example/x?q=1" },
      startOnly: true,
      maxBytes: 1_024,
      timeoutMs: 15_000,
    });
    const headers = { ...request?.headers };
    for (const secret of [SECRET, OLDER]) {
      expect(new Webhook(secret).verify(EVENT.body.toString(), headers)).toEqual({ snø: "😀" });
    }
    expect(headers["webhook-signature"]?.split(" ")).toHaveLength(2);
    expect(outcome).toEqual({ is: "taken" });
    expect(attempt).toMatchObject({ result: "taken", status: 204, ms: 100, target: "https://a.example" });
  });

  it("names the event also where nothing is signed, and carries the owner's headers", async () => {
    const { requests } = await sent([said(200)], { secrets: [], headers: { "x-a": "b" } });
    expect(requests[0]?.headers).toEqual({ "x-a": "b", "webhook-id": "e1" });
  });

  it.each([
    ["not reached", new PeerFailure("unreachable", "x")],
    ["502", said(502)],
    ["503", said(503)],
    ["504", said(504)],
  ])("goes on to the next url within the same time-out when one is %s", async (_, first) => {
    const urls = ["https://a.example/", "https://b.example/", "https://c.example/"];
    const { requests, url, outcome, attempt } = await sent([first, said(200)], { urls, first: 2 });
    expect(requests.map((request) => [request.url, request.timeoutMs])).toEqual([
      ["https://c.example/", 15_000],
      ["https://a.example/", 14_900],
    ]);
    expect([url, outcome.is, attempt.ms]).toEqual([0, "taken", 200]);
  });

  it.each([
    ["a refusal", said(400), "failed"],
    ["an unanswered request", new PeerFailure("timeout", "x", { sent: true }), "ambiguous"],
    ["429", said(429, { "retry-after": "7" }), "unavailable"],
    ["a redirect", said(302, { location: "http://169.254.169.254/" }), "failed"],
  ])("ends at %s", async (_, answer, is) => {
    const { requests, outcome } = await sent([answer], { urls: ["https://a.example/", "https://b.example/"] });
    expect(requests).toHaveLength(1);
    expect(outcome.is).toBe(is);
  });

  it("tries each url once, and none after its time", async () => {
    const urls = ["https://a.example/", "https://b.example/"];
    expect((await sent([said(503), said(503)], { urls })).requests).toHaveLength(2);
    expect((await sent([said(503), said(200)], { urls }, 15_000)).requests).toHaveLength(1);
  });

  it("says what was refused, and why, without the secrets that an answer repeats", async () => {
    const refused = await sent([new PeerFailure("refused", "The peer's URL is not used: no.")]);
    expect(refused.attempt).toMatchObject({ result: "refused", error: "The peer's URL is not used: no." });
    const echo = await sent([said(400, {}, `you sent ${SECRET} and hush-hush and v-a-l-u-e`)], {
      bearer: "hush-hush",
      headers: { "x-a": "v-a-l-u-e" },
    });
    expect(echo.attempt).toMatchObject({ result: "failed", answer: "you sent [hidden] and [hidden] and [hidden]" });
  });

  it("keeps 1 KiB of an answer", async () => {
    const { attempt } = await sent([said(500, {}, "x".repeat(5_000))]);
    expect(attempt.answer).toHaveLength(1_024);
  });

  it("does not hide a defect", async () => {
    await expect(sent([new TypeError("a defect")])).rejects.toThrow(TypeError);
  });
});
