import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import type { EventReceiver } from "../support/subscriber-peer/event-receiver.ts";

const KILLS = sized(2, 50);
/** Changes that are committed between two kills. */
const BETWEEN_KILLS = sized(6, 10);
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

    /** Of those of which the answer came: a change whose request was cut off is made again. */
    const committed = new Set<number>();
    let isOver = false as boolean;
    const change = async (key: number): Promise<void> => {
      for (let value = key; !isOver; value += KEYS) {
        let isCommitted = false;
        while (!isCommitted)
          isCommitted = await ask("PUT", `/properties/k${String(key)}`, value).then(
            ({ ok }) => ok,
            () => false,
          );
        committed.add(value);
      }
    };
    const changes = Promise.all(Array.from({ length: KEYS }, (_, key) => change(key)));
    const ended: unknown[] = [];
    const unnoted: Unnoted[] = [];
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const before = committed.size;
      await until("some load", () => committed.size >= before + BETWEEN_KILLS);
      if (kill % 2 === 0) unnoted.push(await killBetweenAnswerAndNote(steady));
      ended.push(kill % 2 === 0 ? unnoted.at(-1)?.ended : await service.kill());
      await service.start();
    }
    isOver = true;
    await changes;
    expect(ended).toEqual(Array.from({ length: KILLS }, () => "SIGKILL"));

    for (const receiver of receivers) {
      await until("everything taken", () => {
        return new Set(receiver.taken.map(({ data }) => data.value)).size === committed.size;
      });
      expect(receiver.faults).toEqual([]);
      const byKey = Map.groupBy(receiver.taken, ({ topic }) => topic);
      for (const events of byKey.values()) {
        const positions = events.map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted());
      }
      const byNumber = Map.groupBy(receiver.received, ({ sequence }) => sequence);
      for (const events of byNumber.values()) expect(new Set(events.map(({ id }) => id)).size).toBe(1);
    }
    // What was answered and never noted comes again.
    expect(unnoted).toHaveLength(Math.floor(KILLS / 2));
    for (const { id, times } of unnoted) {
      expect(steady.received.filter((event) => event.id === id && event.isTaken).length).toBeGreaterThan(times);
    }
    process.stdout.write(`\n${summary(receivers, { ended: ended.length, unnoted: unnoted.length })}\n`);
  });
});

/** An event that was answered as taken and is in no note. */
interface Unnoted {
  readonly id: string;
  /** How often it had been taken by then. */
  readonly times: number;
  /** The signal that ended the service. */
  readonly ended: unknown;
}

/** The service is killed when it has been sent the answer to an event, of which it could see nothing. */
async function killBetweenAnswerAndNote(receiver: EventReceiver): Promise<Unnoted> {
  const { behaviour } = receiver;
  return await new Promise<Unnoted>((resolve, reject) => {
    receiver.behaviour = (event) => {
      const { id } = event;
      receiver.behaviour = behaviour;
      service.freeze();
      // Once the answer is written, which is at the end of this turn.
      setImmediate(() => {
        const times = receiver.received.filter((each) => each.id === id && each.isTaken).length;
        service.kill().then((ended) => resolve({ id, times, ended }), reject);
      });
      return behaviour(event);
    };
  });
}

function summary(
  receivers: readonly EventReceiver[],
  kills: { readonly ended: number; readonly unnoted: number },
): string {
  const of = ({ received, taken }: EventReceiver): string =>
    `${String(received.length)} requests for ${String(taken.length)} events`;
  const counts = `${String(kills.ended)} kills, ${String(kills.unnoted)} between answer and note`;
  return `${counts}: ${receivers.map(of).join("; ")}`;
}
