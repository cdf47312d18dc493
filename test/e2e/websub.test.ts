/** A subscriber of its own, over HTTP: it discovers, subscribes, verifies, and takes what the hub distributes. */
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { startService, until, type Service } from "../support/service.ts";

interface Got {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

let service: Service;
let actor: OwnedActor;
let subscriber: Server;
let callback: string;
const got: Got[] = [];

beforeAll(async () => {
  service = await startService();
  actor = await service.createActor();
  subscriber = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { searchParams: query } = new URL(request.url ?? "", "http://127.0.0.1");
      got.push({ method: request.method ?? "", query, headers: request.headers, body });
      response.end(query.get("hub.challenge") ?? "");
    });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => subscriber.once("listening", resolve));
  callback = `http://127.0.0.1:${String((subscriber.address() as AddressInfo).port)}/cb?key=1`;
});
afterAll(async () => {
  await service.dispose();
  subscriber.close();
});

const sent = (): readonly Got[] => got.filter(({ method }) => method === "POST");

async function ask(hub: string, fields: Record<string, string>): Promise<Response> {
  return await fetch(hub, { method: "POST", body: new URLSearchParams(fields) });
}

it("a subscriber finds the hub, is verified, gets each state as a GET gives it, and leaves", async () => {
  await actor.expect("PUT", "/properties/blog", 204, { title: "first", text: "é" });
  const topic = `${actor.uri}/properties/blog`;
  expect((await fetch(topic)).status).toBe(401);
  await actor.expect("PUT", "/public", 204, { properties: ["blog"], targets: [] });
  const head = await fetch(topic, { method: "HEAD" });
  const links = head.headers.get("link") ?? "";
  const hub = /<([^>]+)>; rel="hub"/.exec(links)?.[1] ?? "";
  const self = /<([^>]+)>; rel="self"/.exec(links)?.[1] ?? "";
  expect(self).toBe(topic);

  const fields = { "hub.mode": "subscribe", "hub.topic": self, "hub.callback": callback, "hub.secret": "between us" };
  expect((await ask(hub, fields)).status).toBe(202);
  await until("the verification", () => got.length > 0);
  expect(got[0]?.query.get("key")).toBe("1");
  expect(got[0]?.query.get("hub.lease_seconds")).toBe("864000");

  // Until the subscription stands: its verification is answered before it is stored.
  let version = 0;
  await until("a distribution", async () => {
    version += 1;
    await actor.expect("PUT", "/properties/blog", 204, { title: `version ${String(version)}`, text: "é" });
    return sent().length > 0;
  });
  await until("the newest state", async () => {
    const state = await fetch(topic);
    return Buffer.from(await state.arrayBuffer()).equals(sent().at(-1)?.body ?? Buffer.alloc(0));
  });
  const last = sent().at(-1);
  expect(last?.headers["content-type"]).toBe("application/json");
  expect(last?.headers["link"]).toBe(links);
  const signature = createHmac("sha256", "between us")
    .update(last?.body ?? "")
    .digest("hex");
  expect(last?.headers["x-hub-signature"]).toBe(`sha256=${signature}`);

  expect((await ask(hub, { ...fields, "hub.mode": "unsubscribe" })).status).toBe(202);
  await until("the verification", () => got.some(({ query }) => query.get("hub.mode") === "unsubscribe"));
  const refused = await ask(hub, { "hub.mode": "subscribe" });
  expect([refused.status, await refused.text()]).toEqual([400, "hub.topic must be a URL of at most 2048 bytes.\n"]);
});
