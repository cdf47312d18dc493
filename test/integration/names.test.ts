/** Names of our own, at every place where one comes in. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Actor } from "../../lib/application/actor.ts";
import { isOwnName, isPeerName, isTarget } from "../../lib/domain/terms/names.ts";
import { ServiceError } from "../../lib/system/errors.ts";
import { bearer, Network } from "../support/in-process.ts";
import { WholeService, type Hosted } from "../support/whole-service.ts";

const SECRET = "s".repeat(40);
const BAD = ["100%", "what?", "a%2Fb", "line\nbreak", "x".repeat(257), "é".repeat(129)];
const GOOD = ["two words", "#1", "été", "1+1", "x".repeat(256), "__proto__"];

let world: WholeService;
let alice: Hosted;
let actor: Actor;

beforeAll(async () => {
  world = new WholeService(new Network(), "https://a.example");
  alice = await world.actor();
  actor = world.service.actorOf(alice.id);
  await world.trusts(alice.id, "bob", "https://b.example/bob", SECRET);
});

const ask = async (method: string, path: string, json?: unknown, as: Record<string, string> = alice.as) =>
  await world.ask(method, `/${alice.id}/${path}`, { headers: as, ...(json === undefined ? {} : { json }) });

/** Every place of the HTTP interface, by what its error is about. */
const REQUESTS: readonly [place: string, ask: (name: string) => ReturnType<typeof ask>][] = [
  ["a property that is posted", (name) => ask("POST", "properties", { [name]: 1 })],
  [
    "a list that is made",
    async (name) => {
      const another = await world.actor();
      const json = { [name]: { _type: "list" } };
      return await world.ask("POST", `/${another.id}/properties`, { headers: another.as, json });
    },
  ],
  ["a suspended target", (name) => ask("POST", "suspensions", { target: name })],
  ["a suspended subtarget", (name) => ask("POST", "suspensions", { target: "properties", subtarget: name })],
  ["a target subscribed to", (name) => ask("POST", "subscriptions/bob", { target: name }, bearer(SECRET))],
  [
    "a subtarget subscribed to",
    (name) => ask("POST", "subscriptions/bob", { target: "properties", subtarget: name }, bearer(SECRET)),
  ],
  [
    "a resource subscribed to",
    (name) => ask("POST", "subscriptions/bob", { target: "t", subtarget: "a", resource: `b/${name}` }, bearer(SECRET)),
  ],
  [
    "a subtarget of a peer's",
    (name) => ask("POST", "subscriptions", { peerid: "bob", target: "properties", subtarget: name }),
  ],
];

describe.each(REQUESTS)("%s", (_, request) => {
  it.each(BAD)("is 400 as %j, and the error names what is allowed", async (name) => {
    const answer = await request(name);
    expect([answer.status, answer.json.error.code]).toEqual([400, "bad_request"]);
    expect(answer.json.error.message).toContain("without / % ? and control characters");
  });

  it.each(GOOD)("may be %j", async (name) => {
    const answer = await request(name);
    // The peer cannot be reached in this test.
    expect([200, 201, 408]).toContain(answer.status);
  });
});

describe("the application's own code", () => {
  const CALLS: readonly [string, (name: string) => unknown][] = [
    ["actor.properties.set", (name) => actor.properties.set(name, 1)],
    ["actor.properties.set, a key", (name) => actor.properties.set("p", 1, [name])],
    ["actor.properties.get", (name) => actor.properties.get(name)],
    ["actor.properties.delete, a key", (name) => actor.properties.delete("p", [name])],
    ["actor.properties.list", (name) => actor.properties.list(name)],
    ["notifySubscribers, target", (name) => actor.subscriptions.notifySubscribers({ target: name, data: 1 })],
    [
      "notifySubscribers, subtarget",
      (name) => actor.subscriptions.notifySubscribers({ target: "orders", subtarget: name, data: 1 }),
    ],
    [
      "notifySubscribers, resource",
      (name) => actor.subscriptions.notifySubscribers({ target: "orders", subtarget: "a", resource: name, data: 1 }),
    ],
    ["suspend", (name) => actor.subscriptions.suspend({ target: "properties", subtarget: name })],
    [
      "subscribeToPeer",
      (name) => actor.subscriptions.subscribeToPeer({ peerId: "bob", target: "properties", subtarget: name }),
    ],
  ];

  it.each(CALLS)("is refused such names: %s", async (_, call) => {
    for (const name of BAD) {
      const refusal: unknown = await Promise.resolve()
        .then(() => call(name))
        .catch((error: unknown) => error);
      expect(refusal, name).toBeInstanceOf(ServiceError);
      expect(refusal, name).toMatchObject({ code: "request.invalid" });
    }
  });
});

describe("a path", () => {
  it("that still holds a % after decoding is 400 on every route with a parameter of that kind", async () => {
    const { properties, peers } = await import("../../lib/api/properties.ts").then(async (area) => ({
      properties: area.routes(world.service),
      peers: (await import("../../lib/api/peers.ts")).routes(world.service),
    }));
    const { route } = await import("../../lib/http/router.ts");
    const through = async (method: string, pattern: string, params: Record<string, string>) => {
      const request = {
        ...{ method, pattern, path: "/", params: { actorId: alice.id, ...params } },
        ...{ query: new URLSearchParams(), headers: alice.as, body: Buffer.from("1"), requestId: "r" },
        deadline: { remaining: () => 20_000 },
      };
      return await route(request, { ...properties, ...peers }, world.service.gate, {}).catch((error: unknown) => error);
    };
    for (const [pattern, params] of [
      ["/{actorId}/properties/{name}", { name: "100%" }],
      ["/{actorId}/properties/{name}/{path+}", { name: "p", path: "a/100%" }],
      ["/{actorId}/peers/{peerId}/properties/{name}", { peerId: "bob", name: "100%" }],
      ["/{actorId}/suspensions/{target}", { target: "100%" }],
    ] as const) {
      for (const method of pattern.includes("suspensions") ? ["DELETE"] : ["GET"]) {
        const refusal = await through(method, pattern, params);
        expect(refusal, pattern).toMatchObject({ code: "request.invalid" });
        expect((refusal as Error).message, pattern).toContain("holds a % after decoding");
      }
    }
  });

  it("cannot name a key with ? or %, because another path arrives; such a key is changed through its parent", async () => {
    await ask("PUT", "properties/odd", { "what?": 1, what: 2, "100%": 3 });
    expect((await ask("DELETE", "properties/odd/what%3F")).status).toBe(204);
    expect((await ask("GET", "properties/odd")).json).toEqual({ "what?": 1, "100%": 3 });
    expect((await ask("DELETE", "properties/odd/100%25")).status).toBe(400);
    expect((await ask("PUT", "properties/odd", { "100%": 3 })).status).toBe(204);
    expect((await ask("GET", "properties/odd")).json).toEqual({ "100%": 3 });
  });
});

it("a peer's names may contain % and ?", () => {
  for (const name of ["100%", "what?", "%2F"]) {
    expect([isPeerName(name), isOwnName(name), isTarget(name)]).toEqual([true, false, false]);
  }
  for (const name of [".", ".."]) expect([isOwnName(name), isTarget(name)]).toEqual([true, false]);
});
