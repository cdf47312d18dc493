/** Each route of readers and groups over HTTP, with each parameter and each answer: all of it stands in the OpenAPI document. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import type { Json } from "../support/publisher/json.ts";
import { ask, type Answered } from "../support/publisher/wire.ts";
import { startService, until, type Service } from "../support/service.ts";

const OPERATOR = "an-operator-whom-nothing-guesses";
let service: Service;
let actor: OwnedActor;
beforeAll(async () => {
  service = await startService({ ALL_EVENTS: "true", OPERATOR_TOKEN: OPERATOR, SWEEP_INTERVAL_SECONDS: "0.2" });
  actor = await service.createActor();
});
afterAll(async () => {
  await service.dispose();
});

const publish = async (topic: string, data: Json): Promise<void> => {
  const headers = { prefer: "respond-async" };
  expect((await actor.fetch("POST", `/events/${topic}`, { json: data, headers })).status).toBe(202);
};
const codeOf = ({ json }: Answered): unknown => (json as any)?.error?.code;
const fieldOf = ({ json }: Answered): unknown => (json as any)?.error?.field;

describe("readers", () => {
  const read = async (query: string, headers: Record<string, string> = {}): Promise<Answered> =>
    await actor.fetch("GET", `/events?${query}`, { headers });

  beforeAll(async () => {
    for (const number of [1, 2, 3]) await publish("read.a", number);
  });

  it("take every parameter", async () => {
    const all = await read("from=earliest&topics=read.*,nothing.>&types=org.actingweb.*,other&limit=2");
    expect([all.status, (all.json as any).map(({ data }: any) => data)]).toEqual([200, [1, 2]]);
    const rest = await read(`from=${all.headers["stream-next-offset"] ?? ""}&topics=read.a&wait=1`);
    expect([rest.status, (rest.json as any).length]).toEqual([200, 1]);
    const same = await read("from=earliest", { "if-none-match": (await read("from=earliest")).headers["etag"] ?? "" });
    expect(same.status).toBe(304);
    expect((await read("from=now&wait=1")).status).toBe(204);
    expect((await read("offset=-1&live=long-poll&cursor=1")).headers).toHaveProperty("stream-cursor");
    expect((await actor.fetch("HEAD", "/events")).status).toBe(200);
  });

  it("are refused by every parameter that is wrong, without credentials, and where nothing is left", async () => {
    for (const query of ["from=a%20b", "topics=a..b", "types=*", "limit=0", "wait=21", "live=sse", "cursor=x"]) {
      const refused = await read(query);
      expect([query, refused.status, fieldOf(refused)]).toEqual([query, 400, query.slice(0, query.indexOf("="))]);
    }
    const gone = await read("from=0001-0000000000009999-z");
    expect([gone.status, codeOf(gone), gone.headers["link"]]).toEqual([
      ...[410, "position_gone", `<${actor.uri}/properties>; rel="snapshot"`],
    ]);
    expect((await ask(`${actor.uri}/events`)).status).toBe(401);
    expect((await ask(`${actor.uri}/events`, { bearer: "wrong" })).status).toBe(403);
  });

  it("of all actors are the operator's", async () => {
    const all = async (query: string, bearer?: string): Promise<Answered> =>
      await ask(`${service.url}/events?${query}`, { bearer });
    const page = await all("from=earliest&topics=*.read.>&types=org.actingweb.event&limit=1", OPERATOR);
    expect(page.status).toBe(200);
    expect((await all(`from=${page.headers["stream-next-offset"] ?? ""}&wait=0`, OPERATOR)).status).toBe(200);
    expect([(await all("from=now")).status, (await all("from=now", "wrong")).status]).toEqual([401, 403]);
    expect([(await all("limit=x", OPERATOR)).status, (await all("from=zzz", OPERATOR)).status]).toEqual([400, 410]);
    expect((await ask(`${service.url}/events`, { method: "HEAD", bearer: OPERATOR })).status).toBe(200);
  });
});

describe("a group", () => {
  const settings = { topics: ["work.>"], lanes: 1, leaseSeconds: 600, maxAttempts: 1, onExhausted: "park" };
  const at = async (method: string, path: string, json?: Json, headers: Record<string, string> = {}) =>
    await actor.fetch(method, `/groups/workers${path}`, { headers, ...(json === undefined ? {} : { json }) });
  const fetched = async (more: Readonly<Record<string, Json>> = {}): Promise<Answered> =>
    await at("POST", "/fetch", { consumer: "c", ...more });
  const events = ({ json }: Answered): readonly any[] => (json as any).events;
  const tokenOf = ({ json }: Answered): string => (json as any).leases[0].token;
  const outcomes = ({ json }: Answered): unknown => (json as any).outcomes.map(({ outcome }: any) => outcome);

  it("is declared", async () => {
    const made = await at("PUT", "", { ...settings, types: ["org.actingweb.*"], from: "earliest", order: "key" });
    expect([made.status, (await at("PUT", "", settings)).status]).toEqual([201, 428]);
    const headers = { "if-match": made.headers["etag"] ?? "" };
    expect((await at("PUT", "", settings, { "if-match": '"other"' })).status).toBe(412);
    expect((await at("PUT", "", settings, { "if-none-match": "*" })).status).toBe(412);
    expect((await at("PUT", "", settings, headers)).status).toBe(200);
    expect((await at("PUT", "", settings)).status).toBe(200);
    const { headers: now, json: shown } = await at("GET", "");
    expect((await at("PUT", "", shown)).status).toBe(200);
    const lanes = await at("PUT", "", { ...settings, lanes: 2 }, { "if-match": now["etag"] ?? "" });
    expect([lanes.status, codeOf(lanes)]).toEqual([409, "conflict"]);
    expect((await at("GET", "", undefined, { "if-none-match": now["etag"] ?? "" })).status).toBe(304);
    expect((await at("PUT", "", { ...settings, lanes: 17 })).status).toBe(400);
    const ahead = await actor.fetch("PUT", "/groups/ahead", { json: { ...settings, from: "0002-0000000000000001-z" } });
    expect([ahead.status, codeOf(ahead)]).toEqual([410, "position_gone"]);
    expect((await actor.fetch("GET", "/groups")).status).toBe(200);
    expect((await actor.fetch("GET", "/groups/none")).status).toBe(404);
  });

  it("lends, and hears every verdict", async () => {
    expect((await fetched({ waitSeconds: 0 })).headers).toHaveProperty("retry-after");
    for (const key of ["a", "b", "c", "d", "e", "f", "g"]) await publish(`work.${key}`, key);
    const lent = await fetched({ max: 100 });
    expect(events(lent)).toHaveLength(7);
    const [first, ...others] = events(lent).map(({ event }) => String(event.position));
    const token = tokenOf(lent);
    const verdicts = ["retry", "park", "skip", "release", "ack"].map((verdict, index) => ({
      ...{ position: others[index] ?? "", verdict },
      ...(verdict === "release" && { delaySeconds: 0 }),
    }));
    const said = await at("POST", "/ack", { token, upTo: first ?? "", items: verdicts, extend: true });
    expect(said.status).toBe(200);
    expect(outcomes(said)).toEqual(expect.arrayContaining(["done", "parked", "skipped", "released"]));
    expect((await at("GET", "")).status).toBe(200);
    const wrong = { position: others[5] ?? "", verdict: "ack" };
    expect((await at("POST", "/ack", { token, items: [wrong, wrong] })).status).toBe(400);
    const ahead = await at("POST", "/ack", { token, upTo: "zzz" });
    expect([ahead.status, codeOf(ahead)]).toEqual([410, "position_gone"]);
    const stopped = await at("POST", "/ack", { token, items: [{ position: others[5] ?? "", verdict: "stop" }] });
    expect(outcomes(stopped)).toEqual(["stopped"]);
    expect([(await fetched()).status, (await at("POST", "/resume", { skip: true })).status]).toEqual([409, 200]);
    const late = await at("POST", "/ack", { token, done: true });
    expect([late.status, codeOf(late)]).toEqual([409, "fenced"]);
    expect((await fetched({ max: 0 })).status).toBe(400);
  });

  it("is paused and reset, and its lanes are one consumer's each", async () => {
    expect([(await at("POST", "/pause")).status, (await fetched()).status]).toEqual([200, 204]);
    expect((await at("POST", "/resume")).status).toBe(200);
    expect((await at("POST", "/reset", { to: "zzz" })).status).toBe(410);
    expect((await at("POST", "/reset", { to: "earliest", lanes: 2 })).status).toBe(200);
    expect([(await fetched()).status, (await fetched()).status]).toEqual([200, 200]);
    const taken = await fetched({ consumer: "another" });
    expect([taken.status, codeOf(taken), Number(taken.headers["retry-after"]) > 0]).toEqual([423, "held", true]);
  });

  it("shows what is parked, and lends it again", async () => {
    const listed = await actor.fetch("GET", "/parked?source=group:workers");
    const [one, other] = (listed.json as any).data;
    const decide = async ({ id }: any, action: string): Promise<Answered> =>
      await actor.fetch("POST", `/parked/${String(id)}`, { json: { action } });
    expect([(await decide(one, "retry")).status, (await decide(other, "skip")).status]).toEqual([200, 200]);
  });

  it("is drained", async () => {
    expect((await at("DELETE", "?drainSeconds=x")).status).toBe(400);
    expect((await at("DELETE", "?drainSeconds=0")).status).toBe(202);
    expect((await fetched()).status).toBe(409);
    expect((await at("DELETE", "")).status).toBe(200);
    await until("the group is gone", async () => (await at("GET", "")).status === 404);
  });
});
