import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import { startService, type Service } from "../support/service.ts";

let target: Publisher;
const services: Service[] = [];
beforeAll(async () => {
  target = await startPublisher({ style: "ours", actorId: "target", autoApprove: true });
});
afterEach(() => {
  target.calls.length = 0;
  target.faults.clear();
});
afterAll(async () => {
  for (const service of services) await service.dispose();
  await target.close();
});

async function serving(environment: Record<string, string>): Promise<Service> {
  const service = await startService(environment);
  services.push(service);
  return service;
}

/** The target's own address in every spelling, and others that are as private. */
function privateUrls(): string[] {
  const port = new URL(target.baseUri).port;
  const hosts = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "localhost",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
  ];
  return hosts.flatMap((host) => [`http://${host}:${port}/target`, `https://${host}:${port}/target`]);
}

describe("a service that may not call private addresses", () => {
  let service: Service;
  beforeAll(async () => {
    service = await serving({ ALLOW_PRIVATE_PEERS: "false", ALLOW_HTTP_PEERS: "true" });
  });

  it("asks none of them for trust, however they are spelled", async () => {
    const actor = await service.createActor();
    for (const url of privateUrls()) {
      const answer = await actor.fetch("POST", "/trust", { json: { url, relationship: "friend" } });
      expect(answer.status, `${url}: ${answer.text}`).toBe(403);
    }
    expect(target.calls).toEqual([]);
    expect(await actor.expect("GET", "/trust", 200)).toEqual([]);
  });

  it("verifies at none of them, and does not store the peer that asked", async () => {
    const actor = await service.createActor();
    for (const [number, baseuri] of privateUrls().entries()) {
      const json = { baseuri, id: `peer${number}`, type: "urn:x", secret: "s".repeat(40), desc: "", verify: "v" };
      const answer = await service.fetch(`/${actor.id}/trust/friend`, { method: "POST", json });
      expect(answer.status, `${baseuri}: ${answer.text}`).toBe(403);
    }
    expect(target.calls).toEqual([]);
    expect(await actor.expect("GET", "/trust", 200)).toEqual([]);
  });
});

describe("a service that may only speak https", () => {
  it("sends nothing over http", async () => {
    const service = await serving({ ALLOW_HTTP_PEERS: "false" });
    const actor = await service.createActor();
    const answer = await actor.fetch("POST", "/trust", { json: { url: target.baseUri, relationship: "friend" } });
    expect(answer.status, answer.text).toBe(403);
    expect(target.calls).toEqual([]);
  });
});

describe("a peer that answers badly when it is asked for trust", () => {
  let service: Service;
  beforeAll(async () => {
    service = await serving({});
  });

  it.each([
    ["redirects", { kind: "redirect", to: "http://127.0.0.1:1/x" }, 502],
    ["talks no HTTP", { kind: "garbage" }, 502],
    ["sends no JSON", { kind: "not-json" }, 502],
    ["sends 10 MB", { kind: "huge", bytes: 10_000_000 }, 502],
    ["hangs up", { kind: "reset" }, 408],
    ["refuses", { kind: "status", status: 403 }, 403],
  ] as const)("and %s, gets no trust", async (_name, fault, status) => {
    const actor = await service.createActor();
    target.faults.add({ path: fault.kind === "status" ? /trust/ : /meta/, fault });
    const answer = await actor.fetch("POST", "/trust", { json: { url: target.baseUri, relationship: "friend" } });
    expect(answer.status, answer.text).toBe(status);
    expect(await actor.expect("GET", "/trust", 200), "nothing is left behind").toEqual([]);
  });
});
