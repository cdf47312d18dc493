import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { stateOf } from "../support/random-writers.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import type { Behaviour } from "../support/subscriber-peer/behaviour.ts";
import { gather, type Member } from "../support/subscriber-peer/crowd.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";

/** Twice as many as misbehave. */
const SUBSCRIBERS = sized(16, 100);
/** Far more than the callbacks to those who behave take. */
const DELIVERY_TIMEOUT_MS = 10_000;
const THRESHOLD = 3;
const RECOVERY_MS = 1000;

let service: Service;
let host: SubscriberHost;
beforeAll(async () => {
  host = await new SubscriberHost().listen();
  service = await startService({
    TRUST_AUTO_APPROVE: "friend",
    SWEEP_INTERVAL_SECONDS: "0.5",
    CALLBACK_MODE: "sync",
    DELIVERY_TIMEOUT_SECONDS: String(DELIVERY_TIMEOUT_MS / 1000),
    BREAKER_FAILURE_THRESHOLD: String(THRESHOLD),
    BREAKER_RECOVERY_SECONDS: String(RECOVERY_MS / 1000),
  });
});
afterAll(async () => {
  await service.dispose();
  await host.close();
});

const BAD: readonly Behaviour[] = [
  { kind: "hang" },
  { kind: "refuse", status: 500 },
  { kind: "slow", ms: 1500 },
  { kind: "trickle", everyMs: 100 },
  { kind: "reset" },
  { kind: "garbage" },
  { kind: "huge", bytes: 10_000_000 },
  { kind: "refuse", status: 429, retryAfter: "120" },
];

/** The breaker of a peer as its owner sees it. */
async function breaker(actor: OwnedActor, peerId: string) {
  const all: { peerid: string; breaker: { state: string; failures: number; openUntil?: string } }[] = [];
  for (let after: string | undefined = ""; after !== undefined;) {
    const query: string = after === "" ? "" : `?after=${after}`;
    const page = await actor.expect("GET", `/peers${query}`, 200);
    const { data, next } = page as unknown as { data: typeof all; next?: string };
    all.push(...data);
    after = next;
  }
  const found = all.find(({ peerid }) => peerid === peerId);
  if (!found) throw new Error(`no peer ${peerId}`);
  return found.breaker;
}

async function write(actor: OwnedActor, n: number): Promise<void> {
  await actor.expect("PUT", `/properties/color`, 204, { n });
}

/** For how long (ms) the breaker of a peer opened each time, as the log has it. */
const openings = (peerId: string): number[] =>
  service.log
    .filter((line) => line.includes("the breaker of a peer opened") && line.includes(peerId))
    .map((line) => (JSON.parse(line) as { ms: number }).ms);

const numbers = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe(`${SUBSCRIBERS} subscribers`, () => {
  let actor: OwnedActor;
  let members: Member[];
  beforeAll(async () => {
    actor = await service.createActor();
    // The bad ones come first, by name and by the order of subscribing: a delivery that waits for them delays the others.
    members = await gather(host, actor, SUBSCRIBERS);
  });

  it("have their callback while some of them hang, refuse, trickle or talk nonsense", async () => {
    const good = members.slice(BAD.length);
    await write(actor, 1);
    await until("everyone's callbacks", () => members.every(({ stream }) => stream.last === 1));
    for (const [index, behaviour] of BAD.entries()) members[index]!.peer.behaviour = behaviour;
    let givenUp = false;
    const onGivenUp = (): void => {
      givenUp = true;
    };
    members[0]!.peer.behaviour = { kind: "delayed", until: new Promise(() => undefined), onGivenUp };
    const writing = write(actor, 2);
    await until("the others' callbacks", () => good.every(({ stream }) => stream.last === 2));
    expect(givenUp, "the one that hangs has been given up before").toBe(false);
    await writing;
    expect(good.flatMap(({ stream }) => stream.faults)).toEqual([]);
    expect(members[2]!.stream.last, "the slow one").toBe(2);
  });

  it("one that refuses opens its breaker, is probed one at a time, and gets what it missed in order", async () => {
    for (const { peer } of members) peer.behaviour = undefined;
    const { peer, stream } = members.at(-1)!;
    const before = stream.last;
    const began = Date.now();
    peer.behaviour = { kind: "refuse", status: 503 };
    const refused = (): typeof peer.callbacks => peer.callbacks.filter(({ status }) => status === 503);
    for (let n = 1; n <= THRESHOLD; n++) await write(actor, n);
    expect(refused().length).toBe(THRESHOLD);
    const opened = await until("an open breaker", async () => {
      const seen = await breaker(actor, peer.id);
      return /^open$/i.test(seen.state) && seen;
    });
    expect(opened.failures).toBeGreaterThanOrEqual(THRESHOLD);
    expect(Date.parse(opened.openUntil ?? "")).toBeGreaterThan(began);
    for (let n = THRESHOLD + 1; n <= 10; n++) await write(actor, n);

    await until("two failed probes", () => refused().length >= THRESHOLD + 2);
    const probes = refused().slice(THRESHOLD);
    expect(new Set(probes.map(({ sequence }) => sequence)), "the first it missed, and no other").toEqual(
      new Set([before + 1]),
    );
    const waits = await until("three openings", () => {
      const all = openings(peer.id);
      return all.length >= 3 && all;
    });
    expect(waits.slice(0, 3), "each waits twice as long").toEqual([RECOVERY_MS, 2 * RECOVERY_MS, 4 * RECOVERY_MS]);
    peer.behaviour = undefined;
    await until("the backlog", () => stream.last === before + 10);
    const taken = peer.taken(stream).map(({ sequence }) => sequence);
    expect(taken.filter((sequence) => sequence > before)).toEqual(numbers(10).map((n) => before + n));
    expect(await breaker(actor, peer.id)).toMatchObject({ state: expect.stringMatching(/^closed$/i) as string });
    expect(stream.copy).toEqual(await stateOf(actor));
    expect(stream.faults).toEqual([]);
  });
});

describe("a breaker closed by hand", () => {
  /** Longer than the test, so that only the owner closes the breaker. */
  const OPEN_SECONDS = 600;
  let patient: Service;
  beforeAll(async () => {
    patient = await startService({
      TRUST_AUTO_APPROVE: "friend",
      SWEEP_INTERVAL_SECONDS: "0.5",
      CALLBACK_MODE: "sync",
      BREAKER_FAILURE_THRESHOLD: String(THRESHOLD),
      BREAKER_RECOVERY_SECONDS: String(OPEN_SECONDS),
    });
  });
  afterAll(() => patient.dispose());

  it("delivers the backlog at once, as callbacks in order", async () => {
    const actor = await patient.createActor();
    const [{ peer, stream } = expect.fail("no subscriber")] = await gather(host, actor, 1);
    await write(actor, 1);
    await until("the first", () => stream.last === 1);
    peer.behaviour = { kind: "reset" };
    for (let n = 2; n <= 1 + THRESHOLD; n++) await write(actor, n);
    const opened = await until("an open breaker", async () => {
      const seen = await breaker(actor, peer.id);
      return /^open$/i.test(seen.state) && seen;
    });
    expect(opened.failures).toBeGreaterThanOrEqual(THRESHOLD);
    expect(Date.parse(opened.openUntil ?? ""), "no probe soon").toBeGreaterThan(Date.now() + (OPEN_SECONDS / 2) * 1000);
    peer.behaviour = undefined;
    for (let n = 2 + THRESHOLD; n <= 10; n++) await write(actor, n);
    expect(stream.arrivals, "nothing gets past an open breaker").toEqual([1]);
    expect(await breaker(actor, peer.id)).toEqual(opened);

    await actor.expect("DELETE", `/peers/${peer.id}/breaker`, 204);
    expect(await breaker(actor, peer.id)).toMatchObject({ state: expect.stringMatching(/^closed$/i) as string });
    await until("the backlog", () => stream.last === 10).catch(() => undefined);
    // The subscriber asks for nothing: what it has came by callback.
    expect(stream.arrivals).toEqual(numbers(10));
    expect(peer.taken(stream).map(({ body }) => body?.["data"])).toEqual(numbers(10).map((n) => ({ color: { n } })));
    await write(actor, 11);
    await until("the next", () => stream.last === 11);
    expect(stream.arrivals).toEqual(numbers(11));
    expect(stream.copy).toEqual(await stateOf(actor));
    expect(stream.faults).toEqual([]);
  });
});
