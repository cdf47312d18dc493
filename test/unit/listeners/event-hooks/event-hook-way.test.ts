import { describe, expect, it } from "vitest";
import type { NumberedEvent, Outcome } from "../../../../lib/domain/events/keeper-steps.ts";
import { eventsOf } from "../../../../lib/domain/events/record-events.ts";
import { Verdict } from "../../../../lib/failed-events/hook-event.ts";
import { MOST_HOPS, type EventHookAttempt } from "../../../../lib/listeners/event-hooks/definition.ts";
import { EventHookWay, type HookTarget } from "../../../../lib/listeners/event-hooks/event-hook-way.ts";
import type { LogEvent } from "../../../../lib/listeners/log-events.ts";

const target = (): HookTarget => ({ actorId: "a1", id: "all", stopped: false, failures: new Map() });

function numbered(hops = 0): NumberedEvent<LogEvent> {
  const at = "2026-01-01T00:00:00.000000Z";
  const changes = [{ do: "notify", target: "orders", data: 1 }] as const;
  const [event] = eventsOf({ kind: "change", at, changes, hops });
  if (event === undefined) throw new Error("no event");
  const of = { key: event.key, barrier: false, at: 0, expiresAt: 1 };
  return { number: 7, attempts: 1, event: { ...of, id: "e1", position: "p1", record: 1, event } };
}

function world(hook: () => void = () => undefined) {
  const runs: EventHookAttempt[] = [];
  const logged: unknown[] = [];
  const way = new EventHookWay({
    after: () => () => undefined,
    log: { warn: (message, fields) => void logged.push([message, fields]) },
    rootOf: (actorId) => `https://me.example/${actorId}`,
    runner: {
      runEventHook: async (_, run) => {
        runs.push(run);
        await Promise.resolve();
        hook();
      },
    },
  });
  return { way, runs, logged };
}

describe("the way out to event hooks", () => {
  it("gives a hook the envelope with its attempt", async () => {
    const { way, runs } = world();
    expect(await (await way.render(target(), numbered()))(1)).toBeUndefined();
    const event = { id: "e1", source: "https://me.example/a1", subject: "orders", sequence: "0000000000000007" };
    expect(runs).toMatchObject([{ actorId: "a1", attempt: 2, event }]);
  });

  it("parks a loop without a run", async () => {
    const { way, runs } = world();
    const answer = await (await way.render(target(), numbered(MOST_HOPS)))(1);
    expect([answer, runs]).toMatchObject([{ verdict: "park", starts: 0 }, []]);
    expect(answer?.error).toMatch(/^loop/);
    expect(await (await way.render(target(), numbered(MOST_HOPS - 1)))(1)).toBeUndefined();
  });

  it.each<[string, () => void, Outcome["is"], boolean]>([
    ["an end", () => undefined, "taken", false],
    ["an error", () => expect.fail("no"), "failed", false],
    ["skip", () => verdict("skip"), "taken", false],
    ["park", () => verdict("park"), "ambiguous", false],
    ["stop", () => verdict("stop"), "ambiguous", true],
  ])("judges %s", async (_, hook, is, stops) => {
    const { way, logged } = world(hook);
    const [to, event] = [target(), numbered()];
    const answer = await (await way.render(to, event))(1);
    const outcome = way.classify(answer);
    expect(outcome).toEqual({ is });
    way.onFailure(to, { event, answer, outcome, beganAt: 1, endedAt: 2 });
    expect(way.ends(to) !== undefined).toBe(stops);
    expect(to.failures.get(7)).toEqual(answer);
    expect(logged).toHaveLength(answer === undefined ? 0 : 1);
  });
});

function verdict(is: "skip" | "park" | "stop"): never {
  throw new Verdict(is);
}
