import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import { startService, type Service } from "../support/service.ts";
import { openStream, type Stream } from "./stream.ts";

let target: Publisher;
let service: Service;
beforeAll(async () => {
  [service, target] = await Promise.all([
    startService({ GAP_TIMEOUT_SECONDS: "3600" }),
    startPublisher({ style: "ours", actorId: "target" }),
  ]);
});
afterEach(() => {
  target.calls.length = 0;
});
afterAll(async () => {
  await service.dispose();
  await target.close();
});

describe("a peer that points elsewhere", () => {
  let stream: Stream;
  beforeAll(async () => {
    stream = await openStream(service, { actorId: "honest" });
  });
  afterAll(() => stream.publisher.close());

  function elsewhere(): string[] {
    const { origin, host } = new URL(target.baseUri);
    const { baseUri, id } = stream.publisher;
    const honest = new URL(baseUri);
    return [
      target.baseUri,
      `${origin}/honest/properties`,
      `${baseUri}evil/properties`,
      `${baseUri}/../target/properties`,
      `${baseUri}/%2e%2e/target/properties`,
      `http://${honest.host}@${host}/${id}/properties`,
      `http://user:pass@${honest.host}/${id}/properties`,
      `https://${honest.host}/${id}/properties`,
      `http://localhost:${honest.port}/${id}/properties`,
      `//${host}/${id}`,
      "file:///etc/passwd",
      "http://169.254.169.254/latest/meta-data",
    ];
  }

  it.each(["low", "resync"])("with the url of a callback is 400 before any request (%s)", async (kind) => {
    const { publisher, subscription, actor } = stream;
    const { lastSeq } = await actor.state(subscription, publisher);
    publisher.set({ color: `for ${kind}` });
    publisher.calls.length = 0;
    for (const url of elsewhere()) {
      const extra = kind === "resync" ? { type: "resync" } : {};
      const lie = { data: undefined, overwritten: undefined, url, ...extra };
      const answer = await publisher.send(subscription.sequence, { lie });
      expect(answer.status, url).toBe(400);
    }
    expect([...target.calls, ...publisher.calls]).toEqual([]);
    expect(await actor.state(subscription, publisher)).toMatchObject({ lastSeq, pendingCount: 0 });
    expect((await publisher.send(subscription.sequence)).status).toBe(201);
  });

  it("with a redirect is not followed", async () => {
    const { publisher, subscription } = stream;
    publisher.set({ color: "redirected" });
    publisher.faults.add({
      method: "GET",
      path: /./,
      times: 1,
      fault: { kind: "redirect", to: `${target.baseUri}/meta` },
    });
    const answer = await publisher.send(subscription.sequence, { lowGranularity: true });
    expect(answer.status).toBeGreaterThanOrEqual(200);
    expect(target.calls).toEqual([]);
    await publisher.send(subscription.sequence);
  });
});
