import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { startService, until, type Service } from "../support/service.ts";

const ID = "653247040368672768";
const NEXT = "653247040368672769";
const NINES = "9".repeat(4_300);
const VALUE = `{"id":${ID},"most":[${NINES},-9223372036854775808,18446744073709551616],"double":1e20,"one":1}`;

let service: Service;
let publisher: OwnedActor;
let subscriber: OwnedActor;
beforeAll(async () => {
  service = await startService({ TRUST_AUTO_APPROVE: "friend" });
  [publisher, subscriber] = [await service.createActor(), await service.createActor()];
  await subscriber.expect("POST", "/trust", 201, { url: publisher.uri, relationship: "friend" });
  await subscriber.expect("POST", "/subscriptions", 204, {
    ...{ peerid: publisher.id, target: "properties", granularity: "high" },
  });
});
afterAll(() => service.dispose());

const put = async (path: string, raw: string): Promise<void> => {
  const headers = { "content-type": "application/json" };
  const answer = await publisher.fetch("PUT", `/properties/${path}`, { raw, headers });
  expect(answer.status, answer.text).toBe(204);
};
const post = async (path: string, raw: string): Promise<number> => {
  const answer = await publisher.fetch("POST", `/properties${path}`, {
    raw,
    headers: { "content-type": "application/json" },
  });
  return answer.status;
};
const own = async (path: string): Promise<string> => (await publisher.fetch("GET", `/properties${path}`)).text;
/** Waits until the copy of a property at the subscriber has this text. */
const copied = async (name: string, value: string): Promise<void> => {
  let seen = "";
  const same = async (): Promise<boolean> => {
    seen = (await subscriber.fetch("GET", `/peers/${publisher.id}/properties/${name}`)).text;
    return seen.includes(`"value":${value},`);
  };
  await until(`a copy of ${name}`, same).catch(() => undefined);
  expect(seen).toContain(`"value":${value},`);
};

describe("whole numbers beyond 2^53", () => {
  it("stay what they are in a property and in its copy at another actor", async () => {
    await put("value", VALUE.replace('"one":1', '"one":1.0'));
    expect(await own("/value")).toBe(VALUE);
    expect(await own("/value/id")).toBe(ID);
    await copied("value", VALUE);
    await put("value/next", NEXT);
    await copied("value", VALUE.replace(/\}$/, `,"next":${NEXT}}`));
    const polled = await publisher.fetch("GET", `/subscriptions/${subscriber.id}`);
    expect(polled.status).toBe(200);
  });

  it("stay two ids in a list and in its copy when they differ by one", async () => {
    expect(await post("", '{"ids":{"_type":"list"}}')).toBe(201);
    for (const id of [ID, NEXT]) expect(await post("/ids", id)).toBe(201);
    await copied("ids", `[${ID},${NEXT}]`);
    const change = `{"operation":"update","old_item":${NEXT},"item":1}`;
    expect(await post("/ids/items", change)).toBeLessThan(300);
    expect(await own("/ids")).toBe(`[${ID},1]`);
    await copied("ids", `[${ID},1]`);
  });

  it("are refused with more than 4 300 digits", async () => {
    expect(await post("", `{"long":${NINES}9}`)).toBe(400);
    expect((await publisher.fetch("GET", "/properties/long")).status).toBe(404);
  });
});
