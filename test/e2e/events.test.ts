import { CloudEvent, HTTP } from "cloudevents";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { startService, type Service } from "../support/service.ts";

let service: Service;
let actor: OwnedActor;
beforeAll(async () => {
  service = await startService();
  actor = await service.createActor();
});
afterAll(async () => {
  await service.dispose();
});

async function publish(path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const answer = await fetch(`${actor.uri}/events${path}`, {
    method: "POST",
    headers: { authorization: actor.basic, ...headers },
    body,
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, any> };
}

const JSON_TYPE = { "content-type": "application/json" };

it("events are published through the gateway, as the official SDK of CloudEvents sends them too", async () => {
  const plain = await publish("/orders.new", '{"number": 7}', JSON_TYPE);
  expect(plain).toMatchObject({ status: 201, json: { subscribers: { total: 0 } } });
  const event = new CloudEvent({
    source: "/shop",
    type: "com.example.order",
    subject: "orders.new",
    data: { number: 8 },
  });
  const positions = [plain.json["position"] as string];
  for (const { headers, body } of [HTTP.structured(event), HTTP.binary(event.cloneWith({ id: "other" }))]) {
    const sent = await publish("", String(body), headers as Record<string, string>);
    expect(sent.status).toBe(201);
    positions.push(String(sent.json["position"]));
  }
  expect(positions).toEqual(positions.toSorted());
  // As curl sends bytes.
  const bytes = await publish("/blobs", new Uint8Array([0, 255, 254]), { "content-type": "image/png" });
  expect(bytes.status).toBe(201);
  // The gateway decodes the path before it routes.
  expect((await publish("/orders%2Fnew", "1", JSON_TYPE)).status).not.toBe(201);
  expect((await publish("/a%20b", "1", JSON_TYPE)).status).toBe(400);
});

it("an event under a key is published once, also when the service was killed between two attempts", async () => {
  const key = { ...JSON_TYPE, "idempotency-key": "order 9" };
  const first = await publish("/orders.new", "9", key);
  await service.kill();
  await service.start();
  const again = await publish("/orders.new", "9", key);
  expect([first.status, again.status]).toEqual([201, 200]);
  expect(again.json).toEqual({ position: first.json["position"], replayed: true });
  expect((await publish("/orders.new", "10", key)).status).toBe(422);
});
