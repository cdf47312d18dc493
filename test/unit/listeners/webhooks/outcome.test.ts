import { describe, expect, it } from "vitest";
import { mayTryNext, outcomeOfFailure, outcomeOfStatus } from "../../../../lib/listeners/webhooks/outcome.ts";
import { PeerFailure } from "../../../../lib/system/ports.ts";

const NOW = Date.UTC(2026, 0, 1);

describe("the outcome of an attempt", () => {
  it("follows from each status", () => {
    const of = (is: string): number[] =>
      Array.from({ length: 500 }, (_, at) => at + 100).filter(
        (status) => outcomeOfStatus(status, undefined, NOW).is === is,
      );
    expect(of("taken")).toEqual(Array.from({ length: 100 }, (_, at) => at + 200));
    expect(of("ended")).toEqual([410]);
    expect(of("unavailable")).toEqual([408, 425, 429, 502, 503, 504]);
    expect(of("ambiguous")).toEqual([]);
    expect(of("failed")).toHaveLength(500 - 100 - 1 - 6);
  });

  it.each([
    ["30", 30_000],
    [new Date(NOW + 60_000).toUTCString(), 60_000],
    ["999999", 86_400_000],
    ["soon", undefined],
  ])("asks for a pause by Retry-After: %s", (header, ms) => {
    expect(outcomeOfStatus(503, header, NOW).retryAfterMs).toBe(ms);
    expect(outcomeOfStatus(400, header, NOW).retryAfterMs).toBe(ms);
  });

  it("is the endpoint's before the whole request went out, and unknown after that", () => {
    expect(outcomeOfFailure(new PeerFailure("timeout", "x")).is).toBe("unavailable");
    expect(outcomeOfFailure(new PeerFailure("refused", "x")).is).toBe("unavailable");
    expect(outcomeOfFailure(new PeerFailure("timeout", "x", { sent: true })).is).toBe("ambiguous");
  });

  it("lets another url have the event only where no receiver can have taken it", () => {
    expect([200, 400, 408, 410, 429, 500, 502, 503, 504].filter((status) => mayTryNext({ status }))).toEqual([
      502, 503, 504,
    ]);
    expect(mayTryNext(new PeerFailure("unreachable", "x"))).toBe(true);
    expect(mayTryNext(new PeerFailure("unreachable", "x", { sent: true }))).toBe(false);
  });
});
