import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { stateOf, writeRandomly } from "../support/random-writers.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import { gather } from "../support/subscriber-peer/crowd.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import type { SubscriberPeer } from "../support/subscriber-peer/peer.ts";
import type { StreamScope } from "../support/subscriber-peer/stream.ts";

let service: Service;
let host: SubscriberHost;
beforeAll(async () => {
  host = await new SubscriberHost().listen();
  service = await startService({ TRUST_AUTO_APPROVE: "friend", SWEEP_INTERVAL_SECONDS: "1" });
});
afterAll(async () => {
  await service.dispose();
  await host.close();
});

async function meet(): Promise<{ actor: OwnedActor; peer: SubscriberPeer }> {
  const actor = await service.createActor();
  const peer = host.add();
  expect(await peer.trust(actor)).toBe(201);
  return { actor, peer };
}

/** Half of them before the publisher is killed. */
const CHANGES = sized(24, 120);

const numbers = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe("changes over HTTP", () => {
  it("40 writes with 8 in flight make exactly the diffs 1 to 40", async () => {
    const { actor, peer } = await meet();
    const stream = await peer.subscribe();
    const left = numbers(40);
    const write = async (): Promise<void> => {
      for (let n = left.shift(); n !== undefined; n = left.shift()) {
        const put = () => actor.fetch("PUT", `/properties/p${n}`, { json: { n } });
        // A 503 has changed nothing: on a busy machine the others are always faster for a while.
        const status = await until(`p${n}`, async () => [(await put()).status].find((one) => one !== 503));
        expect(status).toBe(204);
      }
    };
    await Promise.all(Array.from({ length: 8 }, write));
    const { newest, entries } = await stream.poll();
    expect(newest).toBe(40);
    expect(entries.map(({ sequence }) => sequence)).toEqual(numbers(40));
    const names = entries.flatMap(({ data }) => Object.keys(data as object));
    expect(names.toSorted(), "each change once").toEqual(
      numbers(40)
        .map((n) => `p${n}`)
        .toSorted(),
    );
    await until("all callbacks", () => stream.last === 40);
    expect(stream.arrivals, "in order, each once").toEqual(numbers(40));
    expect(stream.copy).toEqual(await stateOf(actor));
    expect(stream.faults).toEqual([]);
  });

  it("states with a position equal the sum of the diffs up to it", async () => {
    const { actor, peer } = await meet();
    const scopes: Partial<StreamScope>[] = [{}, { subtarget: "p0" }, { subtarget: "l0" }];
    const streams = await Promise.all(
      scopes.map(async (scope) => {
        const own = host.add();
        await own.trust(actor);
        return await own.subscribe(scope);
      }),
    );
    const reader = await peer.subscribe();
    const states: { stream: number; position: number; text: string }[] = [];
    let writing = true;
    const read = async (): Promise<void> => {
      while (writing) {
        for (const [index, stream] of streams.entries()) {
          const { position, state } = await stream.look();
          states.push({ stream: index, position, text: JSON.stringify(state ?? null) });
        }
      }
    };
    const reading = read();
    await writeRandomly(actor, { seed: 7, changes: sized(50, 200), mostRefused: 2 });
    writing = false;
    await reading;
    for (const [index, stream] of streams.entries()) {
      const { newest } = await stream.poll();
      await until("all callbacks", () => stream.last === newest);
      expect(stream.faults).toEqual([]);
      const own = states.filter((one) => one.stream === index);
      expect(new Set(own.map(({ position }) => position)).size, "several positions were seen").toBeGreaterThan(2);
      for (const { position, text } of own) {
        expect(JSON.parse(text), `position ${position}`).toEqual(stream.history.get(position) ?? null);
      }
    }
    expect(await reader.baseline()).toBe((await reader.poll()).newest);
    expect(reader.copy).toEqual(await stateOf(actor));
  });

  it("everything arrives, in order and without a hole, after the publisher was killed in the middle of fan-outs", async () => {
    const actor = await service.createActor();
    const members = await gather(host, actor, sized(6, 20));
    const reached = Promise.withResolvers<undefined>();
    const onChange = (made: number): void => {
      if (made === CHANGES / 2) reached.resolve(undefined);
    };
    const writing = writeRandomly(actor, { seed: 8, changes: CHANGES, patient: true, onChange });
    await Promise.race([reached.promise, writing]);
    await service.kill();
    await service.start();
    await writing;
    const state = await stateOf(actor);
    for (const { stream } of members) {
      const { newest } = await stream.poll();
      await until(`${newest} callbacks, ${stream.last} now`, () => stream.last === newest);
      expect(stream.gaps(newest)).toEqual([]);
      const firsts = [...new Set(stream.arrivals)];
      expect(firsts, "in order; one may come again").toEqual(numbers(newest));
      expect(stream.copy).toEqual(state);
      expect(stream.faults).toEqual([]);
    }
  });
});
