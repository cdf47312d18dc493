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

async function ask(method: string, path: string, json?: object): Promise<{ status: number; json: any }> {
  const headers = { authorization: actor.basic, "content-type": "application/json" };
  const body = json === undefined ? {} : { body: JSON.stringify(json) };
  const answer = await fetch(`${actor.uri}${path}`, { method, headers, ...body });
  const text = await answer.text();
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
