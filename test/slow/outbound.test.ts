import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import { startService, type Service } from "../support/service.ts";

let service: Service;
let target: Publisher;
beforeAll(async () => {
  [service, target] = await Promise.all([startService(), startPublisher({ style: "ours" })]);
});
afterAll(async () => {
  await service.dispose();
  await target.close();
});

describe("a peer that drips its answer for ever", () => {
  it("is given up at the outbound time limit, before the gateway gives up", async () => {
    const actor = await service.createActor();
    target.faults.add({ path: /meta/, fault: { kind: "trickle", everyMs: 200 } });
    const answer = await actor.fetch("POST", "/trust", { json: { url: target.baseUri, relationship: "friend" } });
    expect(answer.status, answer.text).toBe(408);
  });
});
