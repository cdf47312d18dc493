import { describe, expect, it } from "vitest";
import { readAnswer, readJsonAnswer, failureOfStatus, type Remote } from "../../../lib/peers/remote-answer.ts";
import { valueOf } from "../../../lib/peers/state-answers.ts";
import type { PeerAnswer } from "../../../lib/system/ports.ts";
import type { StateRequest } from "../../../lib/peers/publisher.ts";
import { ScriptedPeer } from "./scripted-peer.ts";
import { wholeState } from "./whole-state.ts";

const answered = (status: number, body: string | Uint8Array = "", type = "application/json"): PeerAnswer => ({
  status,
  headers: { "content-type": type },
  body: Buffer.from(body),
});
const called = (answer: PeerAnswer): Remote<PeerAnswer> =>
  failureOfStatus(answer) ?? { ok: true, value: answer, status: answer.status };

const STATUSES = Array.from({ length: 500 }, (_, index) => 100 + index);

describe("the meaning of an answer to a read", () => {
  it("is the value for 200, absence for 404 and 410, and nothing for every other status", () => {
    for (const status of STATUSES) {
      const { is } = readAnswer(called(answered(status)), { listed: false });
      expect([status, is]).toEqual([
        status,
        status === 200 ? "value" : status === 404 || status === 410 ? "absent" : "failed",
      ]);
    }
  });

  it("is absence for 403 too, of one part of a state whose listing was given", () => {
    for (const status of STATUSES) {
      const { is } = readAnswer(called(answered(status)), { listed: true });
      expect([status, is === "absent"]).toEqual([status, [403, 404, 410].includes(status)]);
    }
  });

  const deep = "[".repeat(70) + "]".repeat(70);
  it.each<[string, string | Uint8Array]>([
    ["what does not parse", "{half"],
    ["an empty body", ""],
    ["what nests too deep", deep],
    ["what is not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["NaN", "NaN"],
    ["NaN inside", '{"a": NaN}'],
    ["a number out of range", "1e999"],
    ["a page for people", "<html>"],
  ])("is nothing for 200 with %s, where JSON is asked for", (_, body) => {
    const read = readJsonAnswer(called(answered(200, body)), { listed: true });
    expect(read).toMatchObject({ is: "failed", failure: { reason: expect.any(String) as string } });
  });
});

describe("the value of one property", () => {
  it.each<[string, string, string, unknown]>([
    ["text that could not have been begun as JSON", "application/json", "red", { json: "red" }],
    ["text that looks like a word of JSON", "application/json", "nice", { json: "nice" }],
    ["text that begins with digits", "application/json", "12 monkeys", { json: "12 monkeys" }],
    ["JSON", "application/json", '{"a": 1}', { json: { a: 1 } }],
    ["JSON that is cut short", "application/json", '{"a": 1', "problem"],
    ["a string that is cut short", "application/json", '"red', "problem"],
    ["NaN", "application/json", "NaN", "problem"],
    ["Infinity", "application/json", " Infinity\n", "problem"],
    ["-Infinity", "application/json", "-Infinity", "problem"],
    ["a number out of range", "application/json", "1e999", "problem"],
    ["nothing", "application/json", "", "problem"],
    ["text of its own type", "text/plain", "NaN", { json: "NaN" }],
    ["empty text", "text/plain", "", { json: "" }],
  ])("is, or is not: %s", (_, type, body, expected) => {
    const value = valueOf(answered(200, body, type));
    if (expected === "problem") expect(value).toHaveProperty("problem");
    else expect(value).toEqual(expected);
  });
});

describe("every reader", () => {
  const METADATA = "GET properties?metadata=true";
  const whole: StateRequest = { scope: { target: "properties" }, place: [], subscriptionId: "s", excludedScopes: [] };
  const memo = { count: 1, total_bytes: 10, description: "", explanation: "" };
  const others = STATUSES.filter((status) => status >= 200 && ![200, 403, 404, 410].includes(status));

  it("leaves a property and a list whose read has another answer, and reads the rest", async () => {
    for (const status of others) {
      const peer = new ScriptedPeer({
        [METADATA]: { json: { simple: { properties: ["a", "z"], total_bytes: 9_999_999 }, lists: { memo } } },
        "GET properties/a": { status },
        "GET properties/memo": { status },
        "GET properties/memo?limit=500": { status },
        "GET properties/z": { json: 1 },
      });
      const state = await wholeState(peer.actor(), whole);
      expect([status, state]).toMatchObject([status, { is: "state", parts: [{ place: ["z"], value: 1 }] }]);
      if (state.is === "state") expect(Object.keys(state.stale)).toEqual(["a", "memo"]);
    }
  });

  it("knows nothing of a state whose listing is answered otherwise", async () => {
    for (const status of [...others, 403]) {
      const peer = new ScriptedPeer({ [METADATA]: { status }, "GET properties": { status } });
      expect([status, (await wholeState(peer.actor(), whole)).is]).toEqual([status, "failed"]);
    }
  });

  it("tries the plain forms for a peer that answers ?metadata=true with 4xx, but for 401, 403, 408, 425 and 429", async () => {
    for (const status of STATUSES.filter((each) => each >= 400 && each < 500)) {
      const peer = new ScriptedPeer({ [METADATA]: { status }, "GET properties": { json: { a: 1 } } });
      const state = await wholeState(peer.actor(), whole);
      const refused = [401, 403, 408, 425, 429].includes(status);
      expect([status, state.is]).toEqual([status, refused ? "failed" : "state"]);
    }
  });

  it("takes 403 at a place without a listing for nothing", async () => {
    const place = { ...whole, scope: { target: "properties", subtarget: "a" }, place: ["a"] };
    const state = await wholeState(new ScriptedPeer({ "GET properties/a": { status: 403 } }).actor(), place);
    expect(state).toMatchObject({ is: "state", parts: [], stale: { a: "The peer answered 403." } });
  });
});
