/** Ten clients that change one long list at the same time. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import type { Json } from "../support/publisher/json.ts";
import { startService, type Service } from "../support/service.ts";

const WRITERS = 10;
const EACH = 6;
const ITEMS = Array.from({ length: 1_000 }, (_, index) => index);

let service: Service;
let actor: OwnedActor;
beforeAll(async () => {
  service = await startService();
  actor = await service.createActor();
  await actor.expect("POST", "/properties", 201, { memo: { _type: "list" } });
  await actor.expect("POST", "/properties/memo/items", 201, { operation: "extend", items: ITEMS });
});
afterAll(async () => {
  await service.dispose();
});

interface Written {
  readonly item: string;
  readonly made: boolean;
}

/** One change, made or refused with the advice to come again. */
async function write(item: string, operation: Record<string, Json>): Promise<Written> {
  const answer = await actor.fetch("POST", "/properties/memo/items", { json: { ...operation, item } });
  if (answer.status === 503) expect(answer.headers["retry-after"]).toMatch(/^\d+$/);
  else expect(answer.status, answer.text).toBeLessThan(300);
  return { item, made: answer.status < 300 };
}

describe("ten writers at once on a list of 1 000 items", () => {
  it("get 2xx, or 503 with Retry-After, and the list holds exactly what was answered with 2xx", async () => {
    const lane = async (writer: number): Promise<Written[]> => {
      const written: Written[] = [];
      for (let n = 0; n < EACH; n += 1) {
        const operation = n % 2 === 0 ? { operation: "append" } : { operation: "insert", index: 500 };
        written.push(await write(`${writer}.${n}`, operation));
      }
      return written;
    };
    const written = (
      await Promise.all(Array.from({ length: WRITERS }, async (_, writer) => await lane(writer)))
    ).flat();
    const items = (await actor.expect("GET", "/properties/memo", 200)) as Json[];
    expect(items.filter((item) => typeof item === "number")).toEqual(ITEMS);
    const made = written.flatMap(({ item, made: done }) => (done ? [item] : []));
    expect(items.filter((item) => typeof item === "string").toSorted()).toEqual(made.toSorted());
    expect(made.length).toBeGreaterThan(WRITERS);
  });
});
