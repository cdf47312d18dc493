import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deployment } from "../../lib/client/index.ts";
import type { OwnedActor } from "../support/owned-actor.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";

const ACTORS = sized(4, 200);
const CHANGES = sized(3, 20);
const KILLS = sized(1, 20);
const TOKEN = "operator";

let service: Service;
beforeAll(async () => {
  service = await startService({ ALL_EVENTS: "true", OPERATOR_TOKEN: TOKEN });
});
afterAll(async () => {
  // A request that waits for events would keep it from stopping.
  await service.kill();
  await service.dispose();
});

describe("the client's workers of a group over all actors", () => {
  it("have each actor's events in order and miss none, while the service and a worker are killed", async () => {
    const operator = deployment(service.url, { bearer: TOKEN });
    const settings = { topics: ["*.properties.n"], lanes: 2, leaseSeconds: 2, maxAttempts: 20 };
    const taken: { readonly source: string; readonly value: number }[] = [];
    let dying = 0;
    const work = () =>
      operator.group("all", settings).run<{ value: number }>(
        ({ source, data }) => {
          if (dying > 0) {
            dying -= 1;
            throw new Error("dies with the event in hand");
          }
          taken.push({ source, value: data?.value ?? -1 });
        },
        { waitSeconds: 1, onError: () => undefined },
      );
    await operator.group("all", settings).declare();
    const workers = [work(), work()];
    const actors: OwnedActor[] = [];
    for (let made = 0; made < ACTORS; made += 1) actors.push(await service.createActor());
    const change = async (actor: OwnedActor): Promise<void> => {
      for (let value = 1; value <= CHANGES; value += 1) {
        const put = async (): Promise<boolean> => {
          const { status } = await actor.fetch("PUT", "/properties/n", { json: value });
          return status >= 200 && status < 300;
        };
        await until("a change", async () => await put().catch(() => false));
      }
    };
    const changing = Promise.all(actors.map(change));
    for (let kill = 0; kill < KILLS; kill += 1) {
      const enough = taken.length + 1;
      await until("an event", () => taken.length >= enough);
      dying += 1;
      await service.kill();
      await service.start();
    }
    await changing;
    const seen = (): number => new Set(taken.map(({ source, value }) => `${source} ${String(value)}`)).size;
    await until("all events", () => seen() === ACTORS * CHANGES);
    await Promise.all(workers.map(async (worker) => await worker.stop()));
    for (const { uri } of actors) {
      const values = taken.filter(({ source }) => source === uri).map(({ value }) => value);
      expect([...new Set(values)], uri).toEqual(Array.from({ length: CHANGES }, (_, at) => at + 1));
    }
    expect((await service.fetch("/groups/all")).status).toBe(401);
    const headers = { authorization: `Bearer ${TOKEN}` };
    const ended = await service.fetch("/groups/all?drainSeconds=5", { method: "DELETE", headers });
    expect([200, 202]).toContain(ended.status);
  });
});
