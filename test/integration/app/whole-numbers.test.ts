import { beforeEach, describe, expect, it } from "vitest";
import { routes } from "../../../lib/api/route-table.ts";
import { printJson } from "../../../lib/domain/json/json-text.ts";
import { grantKey } from "../../../lib/dynamodb/keys/actors.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { CallbackProcessor } from "../../../lib/receiving/intake/callback-processor.ts";
import { NumbersWorld } from "./numbers-world.ts";

const ID = "653247040368672768";
const NEXT = "653247040368672769";
const LONG = "9".repeat(4_301);

let world: NumbersWorld;
beforeEach(async () => {
  world = await new NumbersWorld().open();
});

const field = (answer: { json: any }): unknown => answer.json.error.field;

describe("two ids that differ by one", () => {
  it("stay two in an own list, found by value", async () => {
    await world.owner("POST", "properties", '{"ids":{"_type":"list"}}');
    for (const id of [ID, NEXT, ID]) await world.owner("POST", "properties/ids", id);
    await world.owner("POST", "properties/ids/items", `{"operation":"remove","item":${NEXT}}`);
    expect((await world.owner("GET", "properties/ids")).text).toBe(`[${ID},${ID}]`);
  });

  it("are two contents of one number, and not the same diff again", async () => {
    const digest = async (data: string): Promise<string> => {
      const other = await new NumbersWorld().open();
      await other.callback(1, data);
      return (
        (await other.us.service.heads.get({ actorId: other.alice.id, peerId: "peer", subscriptionId: "sub" }))
          ?.digests ?? ""
      );
    };
    expect(await digest(`{"id":${ID}}`)).not.toBe(await digest(`{"id":${NEXT}}`));
    expect(await digest('{"id":1e20}')).toBe(await digest(`{"id":1${"0".repeat(20)}}`));
  });
});

describe("text that is no JSON", () => {
  const TEXTS = [
    ["a whole number of 4 301 digits", LONG],
    ["a negative one", `-${LONG}`],
    ["1e999", "1e999"],
    ["NaN", "NaN"],
    ["-Infinity", "-Infinity"],
  ] as const;

  it.each(TEXTS)("is refused everywhere: %s", async (_, text) => {
    await world.owner("POST", "properties", '{"rows":{"_type":"list"}}');
    const before = (await world.owner("GET", "properties?format=full")).text;
    const answers = [
      await world.owner("PUT", "properties/a", text),
      await world.owner("PUT", "properties/a", `{"a":[${text}]}`),
      await world.owner("POST", "properties", `{"a":${text}}`),
      await world.owner("POST", "properties/rows", text),
      await world.owner("POST", "properties/rows/items", `{"operation":"append","item":${text}}`),
      await world.callback(1, `{"a":${text}}`),
      await world.peer("POST", "callbacks/permissions/peer", `{"data":{"properties":{"patterns":[]},"x":${text}}}`),
      await world.peer("POST", "subscriptions/peer", `{"target":"properties","x":${text}}`),
      await world.owner("PUT", "trust/friend/peer/permissions", `{"properties":{},"x":${text}}`),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.json.error.code]).toEqual([400, "bad_request"]);
    }
    expect((await world.owner("GET", "properties?format=full")).text).toBe(before);
    expect(await world.copy("a")).toBeUndefined();
  });

  it.each([LONG, "1e999"])("is refused in a body without a type that is an object", async (text) => {
    expect((await world.owner("PUT", "properties/a", `{"a":${text}}`, "")).status).toBe(400);
  });

  it("is ignored in the answer of a peer: the part stays as it was", async () => {
    await world.callback(1, '{"a":1}');
    world.state({ a: LONG });
    world.says.set("properties", "[]");
    await world.resync(2);
    expect(await world.copy("a")).toBe("1");
  });
});

describe("numbers that count something", () => {
  const BEYOND = ["9007199254740992", "18446744073709551616", "1e20", "-9223372036854775808", `-${"9".repeat(4_300)}`];

  it.each(BEYOND)("are refused at %.30s, by name", async (number) => {
    const subscription = await world.peerSubscribes();
    await world.owner("POST", "properties", '{"rows":{"_type":"list"}}');
    await world.owner("POST", "properties/rows", "1");
    const callback = await world.callback(number, '{"a":1}');
    expect([callback.status, field(callback)]).toEqual([400, "sequence"]);
    const clearing = await world.peer("PUT", subscription, `{"sequence":${number}}`);
    expect([clearing.status, field(clearing)]).toEqual([400, "sequence"]);
    const updating = `{"operation":"update","index":${number},"old_item":1,"item":2}`;
    const operations: readonly (readonly [string, string])[] = [
      [updating, "index"],
      [`{"operation":"insert","index":${number},"item":2}`, "index"],
      [`{"operation":"pop","index":${number}}`, "index"],
      [`{"action":"update","item_index":${number},"item_value":2}`, "item_index"],
    ];
    for (const [operation, named] of operations) {
      const answer = await world.owner("POST", "properties/rows/items", operation);
      expect([answer.status, field(answer)]).toEqual([400, named]);
    }
    const batch = await world.owner("POST", "properties", `{"rows":{"items":[{"index":${number},"a":1}]}}`);
    expect([batch.status, field(batch)]).toEqual([400, "rows.items"]);
    expect((await world.owner("GET", "properties/rows")).text).toBe("[1]");
    if (!/^\d+$/.test(number)) return;
    const reads = [
      ["properties/rows", "limit"],
      ["properties/rows", "after"],
      [subscription, "limit"],
      [subscription, "after"],
      ["peers/peer/properties", "limit"],
      ["parked", "limit"],
    ] as const;
    for (const [path, named] of reads) {
      const answer = await world.owner("GET", `${path}?${named}=${number}`);
      expect([answer.status, field(answer)]).toEqual([400, named]);
    }
  });

  it("say nothing when a peer's are too large: its list is read all the same", async () => {
    world.says.set("properties?metadata=true", '{"simple":{}}');
    world.says.set("properties", '{"rows":{"_list":true,"count":18446744073709551616}}');
    world.says.set("properties/rows", "[1]");
    await world.resync(1);
    expect(await world.copy("rows")).toBe("[1]");
    await world.callback(2, '{"rows":{"list":"rows","operation":"append","item":2,"length":18446744073709551616}}');
    expect(await world.copy("rows")).toBe("[1,2]");
  });
});

describe("a byte order mark", () => {
  it("is skipped in every JSON body", async () => {
    expect((await world.owner("PUT", "properties/a", "\ufeff[1]")).status).toBe(204);
    expect((await world.owner("PUT", "properties/b", '\ufeff{"c":2}', "")).status).toBe(204);
    expect((await world.owner("POST", "properties", '\ufeff{"d":3}')).status).toBe(201);
    expect((await world.owner("GET", "properties")).text).toBe('{"a":[1],"b":{"c":2},"d":3}');
    expect((await world.raw('\ufeff{"sequence":1,"target":"properties","data":{"a":1}}')).status).toBe(201);
  });

  it("is skipped in what a peer answers, and kept in text", async () => {
    world.state({ a: "1" });
    world.says.set("properties", '\ufeff{"a":1}');
    await world.resync(1);
    expect(await world.copy("a")).toBe("1");
    await world.owner("PUT", "properties/t", "\ufefftext", "text/plain");
    expect((await world.owner("GET", "properties/t")).text).toBe("\ufefftext");
  });
});

describe("the application's own code", () => {
  const numbers = { small: Number.MAX_SAFE_INTEGER, large: BigInt(ID), list: [-(2n ** 63n), 1e20] };
  const text = `{"small":9007199254740991,"large":${ID},"list":[-9223372036854775808,1e20]}`;

  it("gets a number up to 2^53 - 1 and a bigint beyond, and may write back either", async () => {
    const { properties } = world.us.service.actorOf(world.alice.id);
    await world.owner("PUT", "properties/a", text);
    expect(await properties.get("a")).toEqual(numbers);
    await properties.set("b", numbers);
    await properties.set("c", { five: 5n });
    expect((await world.owner("GET", "properties")).text).toBe(`{"a":${text},"b":${text},"c":{"five":5}}`);
    expect(Object.entries(await properties.all())).toContainEqual(["b", numbers]);
    expect(JSON.stringify(await properties.get("b"))).toContain(`"large":${ID}`);
    await expect(properties.set("d", 10n ** 4_300n)).rejects.toMatchObject({ code: "request.invalid" });
  });

  it("has lists of them", async () => {
    const list = world.us.service.actorOf(world.alice.id).properties.list("ids");
    await list.extend([BigInt(ID), BigInt(NEXT), 1]);
    await list.remove(BigInt(NEXT));
    await list.insert(0, 2n ** 64n);
    expect(await list.items()).toEqual([2n ** 64n, BigInt(ID), 1]);
    expect(await list.pop(1)).toBe(BigInt(ID));
    expect((await world.owner("GET", "properties/ids")).text).toBe("[18446744073709551616,1]");
  });

  it("sends them to subscribers", async () => {
    const { subscriptions } = world.us.service.actorOf(world.alice.id);
    await world.peer("POST", "subscriptions/peer", '{"target":"orders","granularity":"high"}');
    await subscriptions.notifySubscribers({ target: "orders", data: numbers });
    expect(world.received[0]).toContain(`"data":${text},`);
  });

  it("shows them in the state of its own targets", async () => {
    world.app.stateHook("resources", () => numbers);
    expect((await world.owner("GET", "resources")).text).toBe(text);
  });

  it("gets them in callbacks of its own", async () => {
    const got: Json[] = [];
    world.app.callbackHook("mine", ({ body }) => got.push(body) > 0);
    expect((await world.peer("POST", "callbacks/mine", text)).status).toBe(204);
    expect(got).toEqual([numbers]);
  });

  it("keeps them in what a peer grants, and in what a peer is granted", async () => {
    const grant = `{"properties":{"patterns":["*"],"excluded_patterns":[],"operations":["read"]},"limit":[${ID},1e20]}`;
    await world.peer("POST", "callbacks/permissions/peer", `{"data":${grant}}`);
    expect((await world.us.table.get(grantKey(world.alice.id, "peer")))?.["grant"]).toBe(grant);
    await world.owner("PUT", "trust/friend/peer/permissions", `{"methods":{"most":[${ID},1e20]}}`);
    expect((await world.owner("GET", "trust/friend/peer/permissions")).text).toContain(`"most":[${ID},1e20]`);
    expect(world.received.at(-1)).toContain(`"most":[${ID},1e20]`);
  });
});

const TEXT = `{"id":${ID},"double":[1e20,${NEXT}]}`;

describe("a number in a part of a state", () => {
  it("is sent to and read by its subscriber bare", async () => {
    const subscription = await world.peerSubscribes({ subtarget: "id" });
    await world.owner("PUT", "properties/id", ID);
    expect(world.received[0]).toContain(`"data":${ID},`);
    expect((await world.peer("GET", `${subscription}/1`)).text).toContain(`"data":${ID},`);
    expect((await world.peer("GET", "properties/id")).text).toBe(ID);
  });

  it("is stored bare by its subscriber, from a callback, from a url and from the state", async () => {
    world = await new NumbersWorld().open({ subtarget: "id" });
    const at = '"target":"properties","subtarget":"id"';
    await world.raw(`{"sequence":1,${at},"data":${ID}}`);
    expect(await world.copy("id")).toBe(ID);
    const url = `https://peer.example/peer/subscriptions/${world.alice.id}/sub/2`;
    world.says.set(`subscriptions/${world.alice.id}/sub/2`, `{"sequence":2,${at},"data":${NEXT}}`);
    expect((await world.raw(`{"sequence":2,${at},"granularity":"low","url":"${url}"}`)).status).toBe(201);
    expect(await world.copy("id")).toBe(NEXT);
    world.says.set("properties/id", ID);
    await world.raw(`{"sequence":3,${at},"type":"resync"}`);
    expect(await world.copy("id")).toBe(ID);
    expect(world.hookInputs.map(({ exact }) => exact)).toEqual(["null", ID, NEXT, ID]);
  });

  it("is shown where the rest is hidden", async () => {
    const hidden = '{"properties":{"excluded_patterns":["a/hidden","b/hidden"]}}';
    await world.owner("PUT", "trust/friend/peer/permissions", hidden);
    await world.owner("PUT", "properties/a", TEXT.replace("{", '{"hidden":1,'));
    expect((await world.peer("GET", "properties")).text).toBe(`{"a":${TEXT}}`);
    expect((await world.peer("PUT", "properties/b", TEXT)).status).toBe(204);
    expect((await world.peer("PUT", "properties/a/id", NEXT)).status).toBe(204);
    expect((await world.peer("PUT", "properties/a/double", "[1e20]")).status).toBe(204);
    expect((await world.peer("GET", "properties/a")).text).toBe(`{"id":${NEXT},"double":[1e20]}`);
  });
});

describe("a large value", () => {
  const large = `{"id":${ID},"text":"${"x".repeat(200_000)}","double":1e20}`;

  it("keeps its numbers as an item of an own list, and in a copy", async () => {
    await world.owner("POST", "properties", '{"rows":{"_type":"list"}}');
    await world.owner("POST", "properties/rows", large);
    expect((await world.owner("GET", "properties/rows")).text).toBe(`[${large}]`);
    world.state({ value: `[${large},${large}]`, rows: `[${NEXT},${large}]` }, ["rows"]);
    await world.resync(1);
    expect([await world.copy("value"), await world.copy("rows")]).toEqual([
      `[${large},${large}]`,
      `[${NEXT},${large}]`,
    ]);
  });
});

describe("a copy of which a part is revoked", () => {
  it("keeps the numbers of what is left", async () => {
    world = await new NumbersWorld({ AUTO_DELETE_ON_REVOCATION: "true" }).open();
    await world.callback(1, `{"a":${TEXT.replace("{", '{"hidden":1,')}}`);
    const grant = async (excluded: string): Promise<void> => {
      const body = `{"data":{"properties":{"patterns":["*"],"excluded_patterns":[${excluded}],"operations":["read"]}}}`;
      expect((await world.peer("POST", "callbacks/permissions/peer", body)).status).toBe(204);
    };
    await grant("");
    await grant('"a/hidden"');
    expect(await world.copy("a")).toBe(TEXT);
  });
});

describe("a resync number", () => {
  const resumed = async (target: string): Promise<void> => {
    await world.owner("POST", "suspensions", `{"target":"${target}"}`);
    await world.owner("DELETE", `suspensions/${target}`);
  };

  it("holds the exact state of properties", async () => {
    const subscription = await world.peerSubscribes();
    await world.owner("PUT", "properties/a", TEXT);
    await world.owner("POST", "properties", '{"rows":{"_type":"list"}}');
    await world.owner("POST", "properties/rows", TEXT);
    await resumed("properties");
    const polled = (await world.peer("GET", subscription)).text;
    expect(polled).toContain(`"data":{"a":${TEXT},"rows":{"_list":true,"count":1,"items":[${TEXT}]`);
  });

  it("holds the exact state of the application's own target", async () => {
    world.app.stateHook("resources", () => [BigInt(ID), 1e20]);
    const subscription = await world.peerSubscribes({ target: "resources" });
    await resumed("resources");
    expect((await world.peer("GET", subscription)).text).toContain(`"data":[${ID},1e20],`);
  });
});

describe("a callback processor", () => {
  it("gives its handler the numbers it was given, also after they had to wait", async () => {
    const processor = new CallbackProcessor({ actor: world.us.service.actorOf(world.alice.id) });
    const got: string[] = [];
    const data = [BigInt(ID), 1e20];
    for (const sequence of [2, 1]) {
      await processor.processCallback({ peerId: "p", subscriptionId: "s", sequence, data }, (one) => {
        got.push(printJson(one.data));
      });
    }
    expect(got).toEqual([`[${ID},1e20]`, `[${ID},1e20]`]);
    const beyond = { peerId: "p", subscriptionId: "s", sequence: 3, data: 10n ** 4_300n };
    await expect(processor.processCallback(beyond)).rejects.toMatchObject({ code: "request.invalid" });
  });
});

describe("a number beyond 2^53 in any field of any route", () => {
  const FIELDS = ["action", "approved", "baseuri", "body", "creator", "data", "desc", "description", "explanation"];
  const MORE = ["granularity", "id", "index", "item", "items", "methods", "old_item", "operation", "overwritten"];
  const LAST = ["passphrase", "peerid", "permissions", "properties", "relationship", "resource", "secret", "sequence"];
  const REST = ["subscriptionid", "subscriptions", "subtarget", "target", "timestamp", "trustee_root", "type", "url"];
  const real: Record<string, string> = { peerId: "peer", subscriptionId: "sub", relationship: "friend", name: "rows" };

  it("is answered below 500", async () => {
    await world.owner("POST", "properties", '{"rows":{"_type":"list"}}');
    for (const { method, path } of routes.filter((route) => route.method === "POST" || route.method === "PUT")) {
      if (!path.startsWith("/{actorId}/")) continue;
      const at = path.slice("/{actorId}/".length).replace(/\{(\w+)\+?\}/g, (_, name: string) => real[name] ?? "items");
      for (const name of [...FIELDS, ...MORE, ...LAST, ...REST]) {
        for (const body of [`{"${name}":${ID}}`, `{"${name}":[${ID}]}`, `{"${name}":{"${name}":${ID}}}`, ID]) {
          const answers = [await world.owner(method, at, body), await world.peer(method, at, body)];
          for (const { status, text } of answers) expect(status, `${method} ${at} ${body}: ${text}`).toBeLessThan(500);
        }
      }
    }
  });
});
