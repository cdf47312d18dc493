import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import type { OwnedActor } from "../support/owned-actor.ts";

const ACTORS = sized(10, 200);
const KILLS = sized(2, 60);
const WRITERS = sized(5, 8);
/** Changes that are committed between two kills. */
const BETWEEN_KILLS = sized(30, 100);
const READERS = 2;
const OPERATOR = "operator-of-the-test";

/** An event as a reader stored it. */
interface StoredEvent {
  readonly id: string;
  readonly source: string;
  readonly position: string;
  readonly subject: string;
  readonly value: number;
}

let service: Service;
beforeAll(async () => {
  service = await startService({ ALL_EVENTS: "true", OPERATOR_TOKEN: OPERATOR });
});
afterAll(async () => {
  await service.dispose();
});

/**
 * A reader of all actors that dies now and then. State: what it has stored, the events of an answer together with the position
 * after them, as in one transaction. What it had in hand when it died, it has not stored.
 */
class Reader {
  readonly events: StoredEvent[] = [];
  lives = 1;
  #from: string;
  #dies = false;

  constructor(from: string) {
    this.#from = from;
  }

  die(): void {
    this.#dies = true;
  }

  /** @returns whether there were events */
  async read(limit: number, wait: number): Promise<boolean> {
    const query = new URLSearchParams({ from: this.#from, limit: String(limit), wait: String(wait) });
    const headers = { authorization: `Bearer ${OPERATOR}` };
    const got = await cutOff(async () => {
      const answer = await fetch(`${service.url}/events?${query.toString()}`, { headers });
      return { answer, text: await answer.text() };
    });
    if (got === undefined || got.answer.status === 503) return false;
    const { answer, text } = got;
    expect([200, 204], text).toContain(answer.status);
    if (this.#dies) {
      this.#dies = false;
      this.lives += 1;
      return true;
    }
    const events = text === "" ? [] : (JSON.parse(text) as any[]).map(stored);
    this.events.push(...events);
    this.#from = answer.headers.get("stream-next-offset") ?? this.#from;
    return events.length > 0;
  }
}

/** Undefined where the service was killed before it had answered. */
const cutOff = async <T>(request: () => Promise<T>): Promise<T | undefined> => await request().catch(() => undefined);

const stored = ({ id, source, position, subject, data }: any): StoredEvent => ({
  ...{ id, source, position, subject, value: data.value },
});

/** The events of an actor as its own reader gets them. */
async function logOf(actor: OwnedActor): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  let from = "earliest";
  for (let isUpToDate = false; !isUpToDate;) {
    const headers = { authorization: actor.basic };
    const answer = await fetch(`${actor.uri}/events?from=${from}&limit=1000`, { headers });
    events.push(...((await answer.json()) as any[]).map(stored));
    from = answer.headers.get("stream-next-offset") ?? "";
    isUpToDate = answer.headers.get("stream-up-to-date") === "true";
  }
  return events;
}

describe("readers of all actors, while the service is killed under many writers", () => {
  it("get each actor's events once and in order, and every one of them", async () => {
    const actors: OwnedActor[] = [];
    for (let made = 0; made < ACTORS; made += 1) actors.push(await service.createActor());
    const operator = { authorization: `Bearer ${OPERATOR}` };
    const begin = await fetch(`${service.url}/events?from=now`, { headers: operator });
    const readers = Array.from({ length: READERS }, () => new Reader(begin.headers.get("stream-next-offset") ?? ""));

    /** The values that were certainly committed, by actor: a change whose answer was cut off is made again, as another value. */
    const committed = new Map<string, number[]>(actors.map(({ uri }) => [uri, []]));
    let count = 0;
    let isOver = false as boolean;
    /** Resolved while the service is there. */
    let away = Promise.withResolvers<undefined>();
    away.resolve(undefined);
    const write = async (writer: number): Promise<void> => {
      for (let value = writer; !isOver; value += WRITERS) {
        const actor = actors[Math.floor(Math.random() * actors.length)] as OwnedActor;
        await away.promise;
        const answer = await cutOff(
          async () =>
            await fetch(`${actor.uri}/properties/w${String(writer)}`, {
              method: "PUT",
              headers: { authorization: actor.basic, "content-type": "application/json" },
              body: JSON.stringify(value),
            }),
        );
        if (answer?.ok !== true) continue;
        committed.get(actor.uri)?.push(value);
        count += 1;
      }
    };
    const writers = Array.from({ length: WRITERS }, async (_, writer) => await write(writer));
    const reading = readers.map(async (reader, at) => {
      while (!isOver) {
        await away.promise;
        await reader.read(at === 0 ? 7 : 100, 1);
      }
    });
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const before = count;
      await until("some load", () => count >= before + BETWEEN_KILLS);
      readers[kill % READERS]?.die();
      away = Promise.withResolvers<undefined>();
      expect(await service.kill()).toBe("SIGKILL");
      await service.start();
      away.resolve(undefined);
    }
    const soFar = count;
    await until("some load", () => count >= soFar + BETWEEN_KILLS);
    isOver = true;
    await Promise.all([...writers, ...reading]);
    // Events come 15 to 20 s after their changes, which is most of what this test takes.
    const ends = new Map<string, string>();
    for (const actor of actors) ends.set(actor.uri, (await logOf(actor)).at(-1)?.id ?? "");
    const hasAll = ({ events }: Reader): boolean => {
      const last = new Map(events.map(({ source, id }) => [source, id]));
      return [...ends].every(([uri, id]) => id === "" || last.get(uri) === id);
    };
    await Promise.all(
      readers.map(async (reader) => {
        // Where something is lost this ends too: the expectations below say what.
        for (let empty = 0; empty < 3 && !hasAll(reader);) empty = (await reader.read(100, 20)) ? 0 : empty + 1;
      }),
    );

    for (const actor of actors) {
      const log = await logOf(actor);
      const logged = new Set(log.map(({ value }) => value));
      expect((committed.get(actor.uri) ?? []).filter((value) => !logged.has(value))).toEqual([]);
      for (const { events } of readers) expect(events.filter(({ source }) => source === actor.uri)).toEqual(log);
    }
    const lives = readers.map((reader) => String(reader.lives)).join(" and ");
    process.stdout.write(
      `\n${String(KILLS)} kills, ${String(count)} changes of ${String(ACTORS)} actors, readers with ${lives} lives\n`,
    );
  });
});
