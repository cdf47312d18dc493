/** The recorded handshake of two reference instances, with our service in the place of either. */
import { beforeEach, describe, expect, it } from "vitest";
import type { PeerRequest } from "../../lib/system/ports.ts";
import { Network, bearer, type Answer } from "../support/in-process.ts";
import { TrustWorld } from "./trust-world.ts";
import { RECORDED_HOSTS, recordedExchanges, type Exchange } from "../support/recorded/exchanges.ts";

const exchanges = recordedExchanges();

function recorded(label: string, method: string, path: RegExp, from: Exchange["from"] = "peer"): Exchange {
  const found = exchanges.find(
    (one) => one.label === label && one.method === method && one.from === from && path.test(one.path),
  );
  if (found === undefined) throw new Error(`not recorded: ${label} ${method} ${String(path)}`);
  return found;
}

const answerOf = (one: Exchange, text = one.responseBody): Answer => ({
  status: one.status,
  headers: one.responseHeaders,
  text,
  json: undefined,
});

const START = "03-trust-initiate-from-B";
const verification = recorded(START, "GET", /\/trust\/friend\//);
const asked = recorded(START, "POST", /\/trust\/friend$/);
const [, idA = ""] = asked.path.split("/");
const [, idB = ""] = verification.path.split("/");
const recordedSecret = verification.requestHeaders["authorization"]!.slice("Bearer ".length);

let network: Network;
let service: TrustWorld;

beforeEach(() => {
  network = new Network();
});

describe("in the place of the peer that asks", () => {
  beforeEach(() => {
    service = new TrustWorld(network, RECORDED_HOSTS.B);
  });

  it("is verified in the middle of its own request, and takes the peer's 202 with booleans as strings", async () => {
    const bob = await service.actor("bob@example.com");
    const seen: number[] = [];
    network.hosts.set(RECORDED_HOSTS.A, async (request: PeerRequest) => {
      if (request.method === "GET") return answerOf(recorded(START, "GET", /\/meta$/));
      const body = request.json as Record<string, string>;
      expect(Object.keys(body).sort()).toEqual(Object.keys(JSON.parse(asked.requestBody) as object).sort());
      const mine = await service.ask("GET", `/${bob.id}/trust/friend/${idA}`, { headers: bearer(body["secret"]!) });
      expect(mine.json.verification_token).toBe(body["verify"]);
      seen.push(mine.status);
      return answerOf(asked, asked.responseBody.replaceAll(idB, bob.id));
    });
    const client = recorded(START, "POST", /\/trust$/, "client");
    const made = await service.ask("POST", `/${bob.id}/trust`, {
      headers: { ...bob.as, "content-type": "application/json" },
      body: client.requestBody,
    });
    expect(made.status).toBe(client.status);
    expect(seen).toEqual([200]);
    expect(made.json).toMatchObject({ peerid: idA, relationship: "friend", desc: "interop", peer_approved: false });

    const exchange = recorded("05-trust-approve-at-A", "POST", /./);
    const secret = made.json.secret as string;
    const approval = await service.ask("POST", `/${bob.id}/trust/friend/${idA}`, {
      headers: { ...bearer(secret), "content-type": "application/json" },
      body: exchange.requestBody,
    });
    expect(approval.status).toBe(exchange.status);
    const after = await service.ask("GET", `/${bob.id}/trust/friend/${idA}`, { headers: bob.as });
    expect(after.json).toMatchObject({ approved: true, peer_approved: true });

    const gone = recorded("68-trust-deleted-by-publisher", "DELETE", /./);
    const path = `/${bob.id}/trust/friend/${idA}`;
    expect((await service.ask("DELETE", path, { headers: bearer(secret) })).status).toBe(gone.status);
    expect((await service.ask("GET", path, { headers: bob.as })).status).toBe(404);
  });
});

describe("in the place of the peer that is asked", () => {
  beforeEach(() => {
    service = new TrustWorld(network, RECORDED_HOSTS.A);
  });

  it("verifies the peer's record, waits for approval, notifies of it, and lets the peer end the trust", async () => {
    const alice = await service.actor("alice@example.com", "pw-alice");
    const sent: PeerRequest[] = [];
    network.hosts.set(RECORDED_HOSTS.B, (request: PeerRequest) => {
      sent.push(request);
      const one = request.method === "GET" ? verification : recorded("05-trust-approve-at-A", "POST", /./);
      return Promise.resolve(answerOf(one, one.responseBody.replaceAll(idA, alice.id)));
    });
    const taken = await service.ask("POST", `/${alice.id}/trust/friend`, {
      headers: { "content-type": "application/json" },
      body: asked.requestBody,
    });
    expect(taken.status).toBe(202);
    expect(taken.json).toMatchObject({ id: alice.id, peerid: idB, approved: false, verified: true });
    expect(taken.headers["location"]).toBe(`${alice.root}/trust/friend/${idB}`);
    expect(sent[0]).toMatchObject({
      method: "GET",
      url: `${RECORDED_HOSTS.B}/${idB}/trust/friend/${alice.id}`,
      credentials: { bearer: recordedSecret },
    });

    const path = `/${alice.id}/trust/friend/${idB}`;
    expect((await service.ask("GET", path, { headers: alice.as })).status).toBe(202);
    const put = await service.ask("PUT", path, { headers: alice.as, json: { approved: true } });
    expect(put.status).toBe(204);
    expect(sent[1]).toMatchObject({
      method: "POST",
      url: `${RECORDED_HOSTS.B}/${idB}/trust/friend/${alice.id}`,
      json: { approved: true },
    });
    expect((await service.ask("GET", path, { headers: bearer(recordedSecret) })).status).toBe(200);

    const gone = recorded("52-trust-delete-by-B", "DELETE", /./);
    expect((await service.ask("DELETE", path, { headers: bearer(recordedSecret) })).status).toBe(gone.status);
    expect(sent).toHaveLength(2);
  });
});
