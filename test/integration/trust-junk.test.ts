import { describe, expect, it } from "vitest";
import { routes } from "../../lib/api/route-table.ts";
import { actorPartition } from "../../lib/dynamodb/keys/partition.ts";
import { Network, bearer } from "../support/in-process.ts";
import { TrustWorld } from "./trust-world.ts";
import { junkBody } from "../support/junk.ts";
import { seeded } from "../support/publisher/random.ts";

const METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"];
const TYPES = [
  "application/json",
  "application/x-www-form-urlencoded",
  "text/plain",
  "",
  "application/json; charset=x",
];
const IDS = ["..", "%00", "a%2Fb", "x".repeat(129), "constructor", "__proto__", "friend", "💥", "a b", "trustee"];
const paths = [...new Set(routes.filter(({ area }) => area === "actors" || area === "trust").map(({ path }) => path))];

describe("junk on every route of actors and trust", () => {
  it("is never a 5xx and changes nothing without credentials", async () => {
    const network = new Network();
    const service = new TrustWorld(network, "https://a.example", { environment: { ACTOR_CREATION: "closed" } });
    const open = new TrustWorld(network, "https://a.example", { table: service.table });
    const other = new TrustWorld(network, "https://b.example");
    const alice = await open.actor("alice");
    const bob = await other.actor("bob");
    const made = await open.ask("POST", `/${alice.id}/trust`, { headers: alice.as, json: { url: bob.root } });
    expect(made.status).toBe(201);
    const whole = async () => (await service.table.query({ pk: actorPartition(alice.id), prefix: "" })).items;
    const before = await whole();

    const random = seeded(42);
    const one = <T>(of: readonly T[]): T => of[random.below(of.length)]!;
    for (let round = 0; round < 1500; round += 1) {
      const ids: Record<string, string> = { actorId: random.below(8) === 0 ? one(IDS) : alice.id };
      const path = one(paths).replace(/\{(\w+)\+?\}/g, (_, name: string) => {
        const good: Record<string, string> = { relationship: "associate", peerId: bob.id, leaf: "id" };
        return encodeURI(ids[name] ?? (random.below(3) === 0 ? one(IDS) : (good[name] ?? "x"))).replaceAll("%25", "%");
      });
      const auth = one([
        {},
        {},
        bearer(random.hex(40)),
        { authorization: "Basic ====" },
        { authorization: "Basic YTpi" },
      ]);
      const method = one(METHODS);
      const answer = await service.ask(
        method,
        `${path}${one(["", "?_method=DELETE", "?%zz=%", "?relationship[]=x"])}`,
        {
          headers: { ...auth, "content-type": one(TYPES) },
          body: junkBody(random),
        },
      );
      const asked = `${method} ${path}`;
      expect(answer.status, `${asked}: ${answer.text}`).toBeLessThan(500);
      expect(answer.headers["x-request-id"], asked).toBeDefined();
      if (answer.status >= 400 && method !== "HEAD") {
        expect(answer.json, asked).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } });
      }
    }
    expect(await whole()).toEqual(before);
  });

  it("is never a 5xx for the owner either", async () => {
    const service = new TrustWorld(new Network(), "https://a.example");
    const random = seeded(7);
    const alice = await service.actor("alice");
    for (let round = 0; round < 400; round += 1) {
      for (const path of [
        "/trust",
        "/trust/friend",
        "/trust/trustee",
        "/trust/friend/p",
        "/trust/friend/p/permissions",
      ]) {
        const method = ["POST", "PUT"][random.below(2)]!;
        const headers = { ...alice.as, "content-type": "application/json" };
        const answer = await service.ask(method, `/${alice.id}${path}`, { headers, body: junkBody(random) });
        expect(answer.status, `${method} ${path} ${answer.text}`).toBeLessThan(500);
      }
    }
  });
});
