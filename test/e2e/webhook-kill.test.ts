import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import type { EventReceiver } from "../support/subscriber-peer/event-receiver.ts";

const KILLS = sized(2, 50);
const CHANGES = sized(24, 500);
const KEYS = 5;
/** The flapping receiver refuses one request of so many. */
const FLAPS = sized(12, 40);

let service: Service;
const host = new SubscriberHost();
beforeAll(async () => {
  [service] = await Promise.all([startService({ BREAKER_RECOVERY_SECONDS: "1" }), host.listen()]);
});
afterAll(async () => {
  await service.dispose();
  await host.close();
});

describe("a service that is killed while two webhooks are delivered to, one of which flaps", () => {
  it("loses nothing, keeps each key in order, and repeats only under the same id", async () => {
    const actor = await service.createActor();
    const headers = { authorization: actor.basic, "content-type": "application/json" };
    const ask = async (method: string, path: string, json?: unknown): Promise<Response> =>
      await fetch(`${actor.uri}${path}`, {
        method,
        headers,
        ...(json !== undefined && { body: JSON.stringify(json) }),
      });
    const receivers: EventReceiver[] = [];
    for (const id of ["steady", "flapping"]) {
      const receiver = host.receiver(id);
      const made = await ask("PUT", `/webhooks/${id}`, { url: receiver.url, topics: ["properties.>"] });
      receiver.secret = ((await made.json()) as { secret: string }).secret;
      receivers.push(receiver);
    }
    const [steady, flapping] = receivers as [EventReceiver, EventReceiver];
    flapping.behaviour = () =>
      flapping.received.length % FLAPS === FLAPS - 1 ? { kind: "refuse", status: 503 } : undefined;

    /** Of those of which the answer came: a change whose request was cut off may stand or not. */
    const committed: number[] = [];
    let isOver = false as boolean;
    const change = async (key: number): Promise<void> => {
      for (let value = key; value < CHANGES; value += KEYS) {
        let isCommitted = false;
        while (!isCommitted)
          isCommitted = await ask("PUT", `/properties/k${String(key)}`, value).then(
            ({ ok }) => ok,
            () => false,
          );
        committed.push(value);
      }
    };
    const changes = Promise.all(Array.from({ length: KEYS }, (_, key) => change(key))).then(() => {
      isOver = true;
    });
    for (let kill = 1; kill <= KILLS && !isOver; kill += 1) {
      const before = committed.length;
      await until("some load", () => isOver || committed.length >= before + Math.floor(CHANGES / KILLS / 2));
      if (kill % 2 === 0) await killBetweenAnswerAndNote(steady);
      else await service.kill();
      await service.start();
    }
    await changes;

    for (const receiver of receivers) {
      await until("everything taken", () => new Set(receiver.taken.map(({ data }) => data.value)).size === CHANGES);
      expect(receiver.faults).toEqual([]);
      const byKey = Map.groupBy(receiver.taken, ({ topic }) => topic);
      for (const events of byKey.values()) {
        const positions = events.map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted());
      }
      const byNumber = Map.groupBy(receiver.received, ({ sequence }) => sequence);
      for (const events of byNumber.values()) expect(new Set(events.map(({ id }) => id)).size).toBe(1);
    }
  });
});

/** The service is killed when the receiver has the next event: its answer finds no sender, and no note is stored. */
async function killBetweenAnswerAndNote(receiver: EventReceiver): Promise<void> {
  const { behaviour } = receiver;
  await new Promise<void>((resolve, reject) => {
    receiver.behaviour = (event) => {
      receiver.behaviour = behaviour;
      service.kill().then(resolve, reject);
      return behaviour(event);
    };
  });
}
