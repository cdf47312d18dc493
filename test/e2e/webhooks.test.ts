import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { startService, until, type Service } from "../support/service.ts";
import { busFault, strictEvent } from "../support/strict-event.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";

let service: Service;
let actor: OwnedActor;
const host = new SubscriberHost();
const servers: Server[] = [];
beforeAll(async () => {
  [service] = await Promise.all([startService(), host.listen()]);
  actor = await service.createActor();
});
afterAll(async () => {
  await service.dispose();
  await host.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** Whole, of every request of the owner's in this file. */
const answers: string[] = [];

async function ask(method: string, path: string, json?: object): Promise<{ status: number; json: any }> {
  const headers = { authorization: actor.basic, "content-type": "application/json" };
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  const answer = await fetch(`${actor.uri}${path}`, { method, headers, ...body });
  const text = await answer.text();
  answers.push(`${method} ${path} ${JSON.stringify([...answer.headers])} ${text}`);
  return { status: answer.status, json: text === "" ? undefined : JSON.parse(text) };
}

/** Events that servers were sent which answer as no receiver should. */
const sentThere: string[] = [];

/** A server that answers as no receiver should. */
async function badServer(listener: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      sentThere.push(Buffer.concat(chunks).toString());
      listener(request, response);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
}

it("a webhook is registered, and its receiver verifies what arrives", async () => {
  const receiver = host.receiver("hook");
  const made = await ask("PUT", "/webhooks/mine", { url: receiver.url, topics: ["properties.>", "orders.*"] });
  expect(made.status).toBe(201);
  receiver.secret = String(made.json.secret);
  for (const name of ["snø", "a.b", "😀"]) {
    expect((await ask("PUT", `/properties/${encodeURIComponent(name)}`, { name })).status).toBe(204);
  }
  expect((await ask("POST", "/events/orders.new", { number: 7 })).status).toBe(201);
  await until("all four", () => receiver.taken.length === 4);
  expect(receiver.taken.map(({ topic, sequence }) => [topic, sequence])).toEqual([
    ["properties.snø", 1],
    ["properties.a%2Eb", 2],
    ["properties.😀", 3],
    ["orders.new", 4],
  ]);
  expect(receiver.taken.map(({ data }) => data)).toContainEqual({ number: 7 });
  expect((await ask("POST", "/webhooks/mine/test")).json).toMatchObject({ result: "taken", status: 204 });
  await ask("POST", "/webhooks/mine/rotate");
  expect((await ask("POST", "/webhooks/mine/test")).json).toMatchObject({ result: "taken" });
  expect(receiver.faults).toEqual([]);
  expect((await ask("GET", "/webhooks/mine")).json).toMatchObject({ status: "active", lag: 0, blocked: [] });
  expect((await ask("DELETE", "/webhooks/mine")).status).toBe(204);
});

it("no answer harms the sender: large ones, slow ones, none, and ways inward", async () => {
  let inward = 0;
  const target = await badServer((_, response) => {
    inward += 1;
    response.end();
  });
  const answers: Readonly<Record<string, RequestListener>> = {
    large: (_, response) => response.writeHead(200).end(Buffer.alloc(10_000_000, "x")),
    trickle: (_, response) => {
      response.writeHead(200).write("a");
      const timer = setInterval(() => response.write("b"), 20);
      response.on("close", () => clearInterval(timer));
    },
    hang: () => undefined,
    redirect: (_, response) => response.writeHead(302, { location: target }).end(),
  };
  const tried: Record<string, unknown> = {};
  for (const [id, listener] of Object.entries(answers)) {
    const json = { url: await badServer(listener), topics: ["none"], timeoutSeconds: 1 };
    expect((await ask("PUT", `/webhooks/${id}`, json)).status).toBe(201);
    const { result, status, answer = "" } = (await ask("POST", `/webhooks/${id}/test`)).json;
    tried[id] = [result, status, (answer as string).length <= 1_024];
  }
  expect(tried).toEqual({
    large: ["taken", 200, true],
    trickle: ["taken", 200, true],
    hang: ["ambiguous", undefined, true],
    redirect: ["failed", 302, true],
  });
  expect(inward).toBe(0);
  expect(sentThere.map((text) => strictEvent(JSON.parse(text)).type)).toHaveLength(4);
  const metadata = { url: "http://169.254.169.254/latest/meta-data", topics: ["none"] };
  expect((await ask("PUT", "/webhooks/never", metadata)).json.error).toMatchObject({ field: "url" });
});

it("a webhook onto the bus gives it the events that EventBridge would have", async () => {
  expect((await ask("PUT", "/webhooks/onto", { url: "bus:", topics: ["properties.>", "orders.>"] })).status).toBe(201);
  await ask("PUT", "/properties/color", { name: "red" });
  await ask("POST", "/events/orders.new", { number: 8 });
  const onBus = (): readonly string[] => service.log.filter((line) => line.includes('"event bus"'));
  await until("both", () => onBus().length === 2);
  expect(onBus().map(busFault)).toEqual([undefined, undefined]);
});

it("every secret is in the one answer that gives it, and in no other, no error and no line of the log", async () => {
  const given = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  // It says what it was sent, and takes nothing.
  const echo = await badServer((request, response) => {
    response.writeHead(500).end(JSON.stringify(request.headers));
  });
  let isVerified = false;
  const subscriber = await badServer((request, response) => {
    const challenge = new URL(request.url ?? "", "http://127.0.0.1").searchParams.get("hub.challenge");
    isVerified ||= challenge !== null;
    if (challenge === null) response.writeHead(500).end(JSON.stringify(request.headers));
    else response.end(challenge);
  });
  const hush = { url: echo, topics: ["properties.>"], bearer: "hush-bearer", headers: { "X-Key": "hush-header" } };
  const minted = String((await ask("PUT", "/webhooks/hush", { ...hush, maxAttempts: 1 })).json.secret);
  await ask("PUT", "/webhooks/given", { ...hush, secret: given });
  const rotated = String((await ask("POST", "/webhooks/hush/rotate")).json.secret);
  expect(minted).not.toBe(rotated);
  await ask("PUT", "/properties/blog", { title: "none" });
  await ask("PUT", "/public", { properties: ["blog"], targets: [] });
  const form = { "hub.mode": "subscribe", "hub.topic": `${actor.uri}/properties/blog`, "hub.callback": subscriber };
  const subscribe = async (more: object): Promise<void> => {
    const body = new URLSearchParams({ ...form, "hub.secret": "hush-hub", ...more });
    answers.push(await (await fetch(`${actor.uri}/hub`, { method: "POST", body })).text());
  };
  await subscribe({});
  await subscribe({ "hub.lease_seconds": "none" });
  await until("the verification", () => isVerified);
  await ask("PUT", "/properties/blog", { title: "first" });
  await ask("PUT", "/webhooks/hush", { ...hush, parallel: 0 });
  await ask("PUT", "/webhooks/hush", { ...hush, bearer: "hush-bearer-2", topics: ["other"] });
  await ask("PUT", "/webhooks/other", { ...hush, secret: `${given}=` });
  await until("a failure of each", async () => {
    const tried = ["hush", "given"].map(
      async (id) => (await ask("GET", `/webhooks/${id}/attempts`)).json.data.length > 0,
    );
    return (await Promise.all(tried)).every(Boolean);
  });
  for (const path of ["", "/hush", "/given", "/given/attempts"]) await ask("GET", `/webhooks${path}`);
  for (const what of ["test", "pause", "resume", "redrive"])
    await ask("POST", `/webhooks/hush/${what}`, { parked: true });
  for (const path of ["/parked", "/properties", "/meta", "/tasks/none"]) await ask("GET", path);
  const wrong = `Basic ${Buffer.from("creator:hush-passphrase").toString("base64")}`;
  answers.push(await (await fetch(`${actor.uri}/webhooks`, { headers: { authorization: wrong } })).text());
  for (const id of ["hush", "given"]) await ask("DELETE", `/webhooks/${id}`);

  const found = (secret: string): readonly string[] => [
    ...answers.filter((answer) => answer.includes(secret)).map((answer) => answer.split(" [")[0] ?? ""),
    ...service.log.filter((line) => line.includes(secret)),
  ];
  expect(found(minted.slice(6))).toEqual(["PUT /webhooks/hush"]);
  expect(found(rotated.slice(6))).toEqual(["POST /webhooks/hush/rotate"]);
  const { passphrase, basic } = actor;
  const credentials = [passphrase, basic.slice(6), "hush-passphrase", wrong.slice(6)];
  const never = [given.slice(6), "hush-bearer", "hush-header", "hush-hub", ...credentials];
  expect(never.flatMap((secret) => found(secret))).toEqual([]);
  // They would be found: what was echoed is there but for them.
  expect(answers.some((answer) => answer.includes("webhook-signature"))).toBe(true);
});
