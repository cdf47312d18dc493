/** Permission callbacks: what a peer newly grants is fetched, what it takes back goes where the deployment says so. */
import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { grantKey } from "../../../lib/dynamodb/keys/actors.ts";
import type { Reply } from "../../../lib/http/reply.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { changeTrust } from "../../../lib/trust/changes.ts";
import { FaultyTable, type Decide } from "../../support/faulty-table.ts";
import { ACTOR, bodyOf, PEER, SECRET, SUB, Subscriber } from "./subscriber.ts";

let us: Subscriber;

beforeEach(async () => {
  us = await subscriber();
});

async function subscriber(environment: Record<string, string> = {}, decide?: () => Decide): Promise<Subscriber> {
  const faulty =
    decide === undefined
      ? {}
      : { table: (inner: Subscriber["table"]) => new FaultyTable(inner, (...of) => decide()(...of)) };
  const made = await new Subscriber({ environment, ...faulty }).subscribed();
  await made.diff(1, {
    color: "red",
    profile: { name: "N", ssn: 1 },
    log: { list: "log", operation: "append", item: 1 },
  });
  made.hookRuns.length = 0;
  made.asked.length = 0;
  return made;
}

interface Granted {
  readonly patterns?: readonly string[];
  readonly excluded?: readonly string[];
  readonly operations?: readonly string[];
  readonly second?: number;
}

const grantBody = ({ patterns = ["*"], excluded = [], operations = ["read"], second = 0 }: Granted): Json => ({
  ...{ id: PEER, target: "permissions", type: "permission" },
  timestamp: `2026-01-01T00:00:0${String(second)}Z`,
  data: { properties: { patterns, excluded_patterns: excluded, operations } },
});

async function send(body: Json, options: { bearer?: string; peer?: string } = {}): Promise<Reply> {
  const { bearer = SECRET, peer = PEER } = options;
  return await us.ask("callbacks", "POST /{actorId}/callbacks/permissions/{peerId}", {
    params: { actorId: ACTOR, peerId: peer },
    headers: bearer === "" ? {} : { authorization: `Bearer ${bearer}` },
    body: Buffer.from(JSON.stringify(body)),
  });
}

const grant = async (granted: Granted): Promise<number> => (await send(grantBody(granted))).status;

/** What the publisher would answer now. */
function shows(properties: Record<string, Json>): void {
  us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 1, data: [] } };
  us.script["GET /properties"] = { status: 200, json: properties };
}

describe("what is newly granted", () => {
  it("is fetched", async () => {
    expect(await grant({ patterns: ["color"] })).toBe(204);
    await us.arriveMessages();
    us.asked.length = 0;
    shows({ color: "red", size: 5 });
    expect(await grant({ patterns: ["color", "size"], second: 1 })).toBe(204);
    expect(await us.state()).toMatchObject({ resyncPending: true });
    await us.arriveMessages();
    expect(await us.stored()).toMatchObject({ color: "red", size: 5 });
    expect(await us.state()).toMatchObject({ lastSeq: 1, resyncPending: false });
  });

  it("is fetched when it came as a bare array of patterns, which stands for the right to read them", async () => {
    await grant({ patterns: ["color"] });
    await us.arriveMessages();
    shows({ color: "red", size: 5 });
    const body = grantBody({ second: 1 }) as { readonly data: object };
    expect((await send({ ...body, data: { properties: ["color", "size"], tools: ["t"] } })).status).toBe(204);
    await us.arriveMessages();
    // Places that the grant does not cover stay as they were stored.
    expect(await us.stored()).toEqual({ color: "red", size: 5, log: [1], profile: { name: "N", ssn: 1 } });
    expect((await send({ ...body, data: { properties: ["color", 5] } })).status).toBe(400);
  });

  it.each<[string, Granted, Granted]>([
    ["an exclusion less", { excluded: ["size"] }, {}],
    ["reading at all", { operations: ["write"] }, {}],
  ])("counts also as %s", async (_, before, after) => {
    await grant(before);
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ resyncPending: false });
    expect(await grant({ ...after, second: 1 })).toBe(204);
    expect(await us.state()).toMatchObject({ resyncPending: true });
  });

  it("is fetched once: the same again, or less, asks for nothing", async () => {
    await grant({});
    await us.arriveMessages();
    us.asked.length = 0;
    expect(await grant({})).toBe(204);
    expect(await grant({ excluded: ["size"], second: 1 })).toBe(204);
    await us.arriveMessages();
    expect(us.asked).toEqual([]);
  });

  it("is fetched by the repeat when the first attempt broke off, wherever it did", async () => {
    let writes = Infinity;
    us = await subscriber({}, () => (operation) => {
      if (operation !== "put" && operation !== "update" && operation !== "transact") return "ok";
      writes -= 1;
      return writes < 0 ? "throttle" : "ok";
    });
    let second = 0;
    for (let allowed = 0; ; allowed += 1) {
      second += 1;
      us.hookRuns.length = 0;
      shows({ color: "red", [`n${String(allowed)}`]: allowed });
      const body = { patterns: ["color", `n${String(allowed)}`], second };
      writes = allowed;
      const first = await grant(body);
      writes = Infinity;
      expect(await grant(body)).toBe(204);
      us.now += 60_000;
      await us.sweep();
      expect(await us.stored()).toMatchObject({ color: "red", [`n${String(allowed)}`]: allowed });
      expect(us.hookRuns.some(({ callbackType }) => callbackType === "permission")).toBe(true);
      if (first === 204) break;
    }
    expect(second).toBeGreaterThan(2);
  });
});

describe("a permission callback that breaks off", () => {
  it("asks for no read before its grant is kept", async () => {
    let failing = false;
    us = await subscriber({}, () => (operation) => (failing && operation === "transact" ? "throttle" : "ok"));
    failing = true;
    expect(await grant({ patterns: ["color", "size"], excluded: ["profile"] })).toBeGreaterThanOrEqual(500);
    failing = false;
    expect(await us.state()).toMatchObject({ resyncPending: false });
  });

  it("is followed by the sweep when its grant was kept, although it never comes again", async () => {
    let writes = Infinity;
    us = await subscriber({ AUTO_DELETE_ON_REVOCATION: "true" }, () => (operation) => {
      if (operation !== "put" && operation !== "update" && operation !== "transact") return "ok";
      writes -= 1;
      return writes < 0 ? "throttle" : "ok";
    });
    for (let [allowed, status] = [1, 500]; status !== 204; allowed += 1) {
      const name = `n${String(allowed)}`;
      us.hookRuns.length = 0;
      us.messages.length = 0;
      shows({ [name]: allowed });
      writes = allowed;
      status = await grant({ patterns: [name], excluded: ["color"], second: allowed });
      writes = Infinity;
      us.now += 60_000;
      // What the sweep finds asks for a read, which the next one does.
      await us.sweep();
      await us.sweep();
      expect([allowed, await us.stored()]).toEqual([allowed, { [name]: allowed }]);
      expect(us.hookRuns.some(({ callbackType }) => callbackType === "permission")).toBe(true);
      const item = us.table.itemAt(grantKey(ACTOR, PEER));
      expect(item).toMatchObject({ followed: true });
      expect(item).not.toHaveProperty("dueAt");
    }
  });
});

describe("what is newly granted beside what a subscription covers", () => {
  it("is not read for it", async () => {
    await us.subscribe("narrow", { subtarget: "color" });
    await us.service.outboundEnding.end({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }, { notifyPeer: false });
    us.messages.length = 0;
    await grant({ patterns: ["color"] });
    await us.arriveMessages();
    await grant({ patterns: ["color", "size", "log/*"], second: 1 });
    expect(await us.state("narrow")).toMatchObject({ resyncPending: false });
    await grant({ patterns: ["color", "size", "log/*", "c*"], second: 2 });
    expect(await us.state("narrow")).toMatchObject({ resyncPending: true });
  });
});

describe("a permission callback from the future", () => {
  const dated = (timestamp: string, granted: Granted): Json => ({ ...(grantBody(granted) as object), timestamp });

  it("is applied, and the next one is applied too", async () => {
    us = await subscriber({ AUTO_DELETE_ON_REVOCATION: "true" });
    expect((await send(dated("2026-01-01T00:00:01Z", {}))).status).toBe(204);
    expect((await send(dated("2126-01-01T00:00:00Z", { excluded: ["color"] }))).status).toBe(204);
    expect(await us.stored()).not.toHaveProperty("color");
    // Older than the first, too.
    expect((await send(dated("2026-01-01T00:00:00Z", { excluded: ["log"] }))).status).toBe(204);
    expect(await us.stored()).not.toHaveProperty("log");
    expect((await send(dated("2025-12-31T00:00:00Z", { excluded: ["profile"] }))).status).toBe(200);
    expect(await us.stored()).toHaveProperty("profile");
  });

  it("is ordered as any other up to five minutes ahead of us", async () => {
    expect((await send(dated("2026-01-01T00:05:00Z", { excluded: ["color"] }))).status).toBe(204);
    expect((await send(dated("2026-01-01T00:00:00Z", {}))).status).toBe(200);
    expect((await send(dated("2026-01-01T00:05:00.001Z", { excluded: ["log"] }))).status).toBe(204);
    expect((await send(dated("2026-01-01T00:00:00Z", {}))).status).toBe(204);
  });

  it("runs the hooks once, however often it comes", async () => {
    const body = dated("2126-01-01T00:00:00Z", { excluded: ["color"] });
    for (let time = 0; time < 3; time += 1) expect((await send(body)).status).toBe(204);
    expect(us.hookRuns.filter(({ callbackType }) => callbackType === "permission")).toHaveLength(1);
  });

  it("that an earlier release kept does not delay a later one", async () => {
    await send(grantBody({}));
    const item = us.table.itemAt(grantKey(ACTOR, PEER));
    if (item === undefined) throw new Error("no grant");
    await us.table.put({ ...item, timestamp: "2126-01-01T00:00:00.000000000Z" }, { is: "always" });
    expect(await grant({ excluded: ["color"], second: 1 })).toBe(204);
  });
});

describe("what is revoked", () => {
  it("stays unless the deployment says otherwise", async () => {
    await grant({ excluded: ["color", "profile/ssn"] });
    expect(await us.stored()).toEqual({ color: "red", profile: { name: "N", ssn: 1 }, log: [1] });
  });

  it("stays also when the state is read again, in whole properties and within them", async () => {
    await grant({ excluded: ["color", "log", "profile/ssn"] });
    us.script["GET /subscriptions/actor/sub"] = { status: 200, json: { sequence: 2, data: [] } };
    us.script["GET /properties"] = { status: 200, json: { profile: { name: "M" } } };
    expect((await us.callback({ sequence: 2, target: "properties", type: "resync" })).status).toBe(201);
    expect(await us.stored()).toEqual({ color: "red", profile: { name: "M", ssn: 1 }, log: [1] });
    us.script["GET /properties"] = { status: 200, json: {} };
    expect((await us.callback({ sequence: 3, target: "properties", type: "resync" })).status).toBe(201);
    expect(await us.stored()).toEqual({ color: "red", profile: { ssn: 1 }, log: [1] });
    await grant({ second: 1 });
    await us.arriveMessages();
    expect(await us.stored()).toEqual({});
  });

  it.each([403, 404])("stays when a re-read of it is answered %i", async (status) => {
    await grant({ excluded: ["profile"] });
    us.script["GET /properties/profile"] = { status };
    await us.callback({ sequence: 2, target: "properties", data: { profile: { name: "M" } } });
    expect(await us.stored()).toMatchObject({ profile: { name: "M", ssn: 1 } });
  });

  /** Has it revoked when a place is asked for, before the answer, which is 404. */
  function revokesWhenAsked(asked: string, revoked: string): () => number {
    let status = 0;
    const { http } = us.service;
    const send = http.send.bind(http);
    http.send = async (request) => {
      if (request.url.endsWith(`/properties/${asked}`) && status === 0) {
        us.script[`GET /properties/${revoked}`] = { status: 404 };
        status = await grant({ excluded: [revoked], second: 1 });
      }
      return await send(request);
    };
    return () => status;
  }

  it("stays when it is revoked while it is read again", async () => {
    await grant({});
    us.script["GET /subscriptions/actor/sub"] = { status: 200, json: { sequence: 2, data: [] } };
    const status = revokesWhenAsked("log", "log");
    await us.diff(2, { log: { list: "log", operation: "append", item: 2, length: 9 } });
    expect([status(), (await us.stored())["log"]]).toEqual([204, [1]]);
  });

  it("stays when it is revoked while a state of several pieces is read", async () => {
    await grant({});
    const names = ["color", ...Array.from({ length: 450 }, (_, n) => `d${String(n).padStart(3, "0")}`), "profile"];
    const headers = { "x-actingweb-sequence": "2" };
    const json = { simple: { properties: names, total_bytes: 9_999_999 }, lists: {} };
    us.script["GET /properties?metadata=true"] = { status: 200, json, headers };
    for (const name of names) us.script[`GET /properties/${name}`] = { status: 200, json: "new", headers };
    us.script["GET /subscriptions/actor/sub"] = { status: 200, json: { sequence: 2, data: [] } };
    const status = revokesWhenAsked("d300", "profile");
    expect((await us.callback({ sequence: 2, target: "properties", type: "resync" })).status).toBe(201);
    expect(status()).toBe(204);
    expect(await us.stored()).toMatchObject({ color: "new", d449: "new", profile: { name: "N", ssn: 1 } });
  });

  describe("with AUTO_DELETE_ON_REVOCATION", () => {
    beforeEach(async () => {
      us = await subscriber({ AUTO_DELETE_ON_REVOCATION: "true" });
    });

    it("is deleted, lists too, and the rest stays", async () => {
      expect(await grant({ excluded: ["color", "log"] })).toBe(204);
      expect(await us.stored()).toEqual({ profile: { name: "N", ssn: 1 } });
    });

    it("is deleted when nothing may be read any more", async () => {
      await grant({ operations: ["write"] });
      expect(await us.stored()).toEqual({});
    });

    it("is cut out of the values around it, and later diffs of the rest still count", async () => {
      await grant({ excluded: ["profile/ssn"] });
      expect(await us.stored()).toEqual({ color: "red", profile: { name: "N" }, log: [1] });
      await grant({ excluded: ["profile/ssn", "color"], second: 1 });
      expect(await us.stored()).toEqual({ profile: { name: "N" }, log: [1] });
      await us.diff(2, { profile: { name: "M" } });
      expect(await us.stored()).toEqual({ profile: { name: "M" }, log: [1] });
    });

    it("leaves only the granted part of a value", async () => {
      await grant({ patterns: ["profile/name"] });
      expect(await us.stored()).toEqual({ profile: { name: "N" } });
    });

    it("comes back when it is granted again", async () => {
      await grant({ excluded: ["color"] });
      await us.arriveMessages();
      shows({ color: "green" });
      await grant({ second: 1 });
      await us.arriveMessages();
      expect(await us.stored()).toEqual({ color: "green" });
      await us.diff(2, { color: "blue" });
      expect(await us.stored()).toEqual({ color: "blue" });
    });

    it("is not brought back by a diff that was on its way", async () => {
      await us.diff(3, { color: "late", size: 1 });
      await grant({ excluded: ["color"] });
      await us.diff(2, { other: 1 });
      expect(await us.stored()).toMatchObject({ size: 1, other: 1 });
      expect(await us.stored()).not.toHaveProperty("color");
    });

    it("is not everything when a body grants nothing we can read", async () => {
      const { status } = await send({ id: PEER, target: "permissions", type: "permission", data: { methods: {} } });
      expect([status, Object.keys(await us.stored())]).toEqual([400, ["color", "log", "profile"]]);
    });
  });
});

describe("a permission callback", () => {
  it("that is older than the stored one changes nothing", async () => {
    us = await subscriber({ AUTO_DELETE_ON_REVOCATION: "true" });
    await grant({ second: 5 });
    await us.arriveMessages();
    const before = us.table.snapshot();
    us.hookRuns.length = 0;
    expect(await grant({ excluded: ["color"], second: 4 })).toBe(200);
    expect(us.table.snapshot()).toEqual(before);
    expect(us.hookRuns).toEqual([]);
  });

  it("runs the hooks once, with the whole grant", async () => {
    const body = grantBody({ excluded: ["color"] }) as { data: Json };
    expect((await send(body)).status).toBe(204);
    expect((await send(body)).status).toBe(204);
    const hookRuns = us.hookRuns.filter(({ callbackType }) => callbackType === "permission");
    expect(hookRuns).toEqual([{ sequence: 0, callbackType: "permission", data: body.data }]);
  });

  it.each<[string, { bearer?: string; peer?: string }, number]>([
    ["no bearer", { bearer: "" }, 401],
    ["a wrong bearer", { bearer: "w".repeat(40) }, 401],
    ["no trust with the peer", { peer: "stranger" }, 403],
  ])("with %s changes nothing", async (_, options, status) => {
    const before = us.table.snapshot();
    expect((await send(grantBody({}), options)).status).toBe(status);
    expect(us.table.snapshot()).toEqual(before);
  });

  it("of a peer whose approval has ended is 403", async () => {
    const trust = await us.service.trusts.get(ACTOR, PEER);
    if (trust === undefined) throw new Error("no trust");
    await changeTrust(us.service.trust, trust, { approved: false, desc: undefined, baseuri: undefined }, {});
    expect(await grant({})).toBe(403);
  });

  it.each<[string, Json]>([
    ["target", { target: "properties" }],
    ["type", { type: "diff" }],
    ["id", { id: "other" }],
    ["timestamp", { timestamp: "yesterday" }],
    ["data", { data: [] }],
    ["data.properties", { data: {} }],
    ["data.properties.patterns", { data: { properties: { patterns: "*" } } }],
  ])("with a contradicting %s is 400 and names it", async (field, wrong) => {
    const reply = await send({ ...(grantBody({}) as Record<string, Json>), ...(wrong as Record<string, Json>) });
    expect(reply.status).toBe(400);
    expect((bodyOf(reply)["error"] as { message: string }).message).toContain(field);
    expect(us.hookRuns).toEqual([]);
  });

  it("needs no more than its data", async () => {
    expect((await send({ data: { properties: { patterns: ["*"] } } })).status).toBe(204);
  });
});

describe("recorded permission callbacks", () => {
  const recorded = readFileSync(new URL("../../support/recorded/exchanges.jsonl", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line.includes("/callbacks/permissions/"))
    .map((line) => JSON.parse(line) as { label: string; requestBody: string; status: number });

  it.each(recorded.map(({ label, requestBody, status }) => [label, requestBody, status] as const))(
    "%s is answered as its peer was",
    async (_, requestBody, status) => {
      const body = JSON.parse(requestBody) as Record<string, Json>;
      expect((await send({ ...body, id: PEER })).status).toBe(status);
    },
  );

  it("are there", () => {
    expect(recorded).toHaveLength(2);
  });
});
