/** A peer that moves: the peer sets its new address, and later notifications go there. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { PeerHttpClient } from "../../lib/peers/http/peer-http-client.ts";
import type { PeerAnswer, PeerRequest } from "../../lib/system/ports.ts";
import { Network, bearer } from "../support/in-process.ts";
import { TrustWorld } from "./trust-world.ts";

/** Alice has bob's request for trust, not approved yet. */
async function asked(network: Network) {
  const a = new TrustWorld(network, "https://a.example");
  const b = new TrustWorld(network, "https://b.example");
  const alice = await a.actor("alice");
  const bob = await b.actor("bob");
  const json = { url: alice.root, relationship: "friend" };
  const made = await b.ask("POST", `/${bob.id}/trust`, { headers: bob.as, json });
  expect(made.status).toBe(201);
  network.sent.length = 0;
  const path = `/${alice.id}/trust/friend/${bob.id}`;
  return { a, alice, bob, path, as: bearer(made.json.secret as string) };
}

it("is notified at the address that it gave last", async () => {
  const network = new Network();
  const { a, alice, bob, path, as } = await asked(network);
  const moved = `https://moved.example/${bob.id}`;
  network.hosts.set("https://moved.example", () =>
    Promise.resolve({ status: 204, headers: {}, text: "", json: undefined }),
  );
  expect((await a.ask("PUT", path, { headers: as, json: { baseuri: `${moved}/` } })).status).toBe(204);
  expect((await a.ask("GET", path, { headers: alice.as })).json).toMatchObject({ baseuri: moved });
  expect((await a.ask("PUT", path, { headers: alice.as, json: { approved: true } })).status).toBe(204);
  expect(network.sent).toMatchObject([
    { method: "POST", url: `${moved}/trust/friend/${alice.id}`, credentials: { baseUri: moved } },
  ]);
});

it("may not give an address that is no root of an actor, and keeps its old one", async () => {
  const { a, alice, bob, path, as } = await asked(new Network());
  for (const baseuri of ["https://x.example/p?", "https://x.example/p#", "https://x.example/p?q=1", "ftp://x/y", ""]) {
    expect((await a.ask("PUT", path, { headers: as, json: { baseuri } })).status).toBe(400);
  }
  expect((await a.ask("GET", path, { headers: alice.as })).json).toMatchObject({ baseuri: bob.root });
});

it("cannot make us call a private address where the operator forbids those", async () => {
  const calls: string[] = [];
  const inside = createServer((request, response) => {
    calls.push(request.url ?? "");
    response.end();
  }).listen(0, "127.0.0.1");
  await once(inside, "listening");
  const address = `http://127.0.0.1:${String((inside.address() as AddressInfo).port)}/p`;
  const network = new (class extends Network {
    client: PeerHttpClient | undefined;
    override async send(request: PeerRequest): Promise<PeerAnswer> {
      return await (this.client === undefined ? super.send(request) : this.client.send(request));
    }
  })();
  const { a, alice, path, as } = await asked(network);
  expect((await a.ask("PUT", path, { headers: as, json: { baseuri: address } })).status).toBe(204);
  network.client = new PeerHttpClient({ allowHttp: true, allowPrivate: false });
  expect((await a.ask("PUT", path, { headers: alice.as, json: { approved: true } })).status).toBe(204);
  expect(calls).toEqual([]);
  expect(a.logged.filter(({ message }) => message === "the peer was not notified")).toHaveLength(1);
  // The same call reaches it where private addresses are allowed.
  network.client = new PeerHttpClient({ allowHttp: true, allowPrivate: true });
  expect((await a.ask("PUT", path, { headers: alice.as, json: { approved: true } })).status).toBe(204);
  expect(calls).toEqual([`/p/trust/friend/${alice.id}`]);
  inside.close();
});
