/** Peers behind TLS: with a certificate of a private authority, an expired one, one of another name. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrivateAuthority, TlsFront, type Certified } from "../support/certificates.ts";
import { startService, until, type Service } from "../support/service.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import { SubscriberPeer } from "../support/subscriber-peer/peer.ts";

const authority = new PrivateAuthority();
const good = authority.certify({ names: ["localhost"] });
const expired = authority.certify({
  names: ["localhost"],
  notBefore: new Date("2001-01-01"),
  notAfter: new Date("2002-01-01"),
});
const ofAnother = authority.certify({ names: ["other.example"] });
const ofStranger = new PrivateAuthority("Another one").certify({ names: ["localhost"] });

let folder: string;
let service: Service;
let host: SubscriberHost;
const fronts: TlsFront[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "actingweb-ca-"));
  const file = join(folder, "authority.pem");
  await writeFile(file, authority.cert);
  host = await new SubscriberHost().listen();
  service = await startService({
    ...{ TRUST_AUTO_APPROVE: "friend", SWEEP_INTERVAL_SECONDS: "1", CALLBACK_MODE: "sync" },
    ...{ ALLOW_HTTP_PEERS: "false", ALLOW_PRIVATE_PEERS: "true", NODE_EXTRA_CA_CERTS: file },
  });
});
afterAll(async () => {
  await service.dispose();
  for (const front of fronts) await front.close();
  await host.close();
  await rm(folder, { recursive: true });
});

/** A subscriber that is reached over TLS alone. */
async function behindTls(id: string, certified: Certified): Promise<{ peer: SubscriberPeer; front: TlsFront }> {
  const front = await new TlsFront(certified, () => Number(new URL(host.url).port)).listen();
  fronts.push(front);
  const peer = new SubscriberPeer(id, `https://localhost:${String(front.port)}/${id}`, {});
  host.peers.set(id, peer);
  return { peer, front };
}

describe("a peer with a certificate of a private authority", () => {
  it("gets callbacks until its certificate has expired or is another host's", async () => {
    const actor = await service.createActor();
    const { peer, front } = await behindTls("s1", good);
    expect(await peer.trust(actor)).toBe(201);
    const stream = await peer.subscribe();
    await actor.expect("PUT", "/properties/n", 204, { n: 1 });
    await until("the first", () => stream.last === 1);

    for (const [certified, sentence] of [
      [expired, "The peer's certificate has expired"],
      [ofAnother, "The peer's certificate is for another host name"],
    ] as const) {
      front.certify(certified);
      const before = service.log.length;
      await actor.expect("PUT", "/properties/n", 204, { n: sentence });
      await until(sentence, () => service.log.slice(before).some((line) => line.includes(sentence)));
      expect(stream.last).toBe(1);
    }
    const peers = (await actor.expect("GET", "/peers", 200)) as { data: { breaker: object }[] };
    expect(peers.data[0]?.breaker).toMatchObject({ failures: 2 });

    front.certify(good);
    await actor.expect("PUT", "/properties/n", 204, { n: 4 });
    await until("the fourth", () => stream.arrivals.includes(4));
    expect(stream.faults).toEqual([]);
    expect(service.log.filter((line) => line.includes(peer.secret))).toEqual([]);
  });
});

describe("a trust that is asked for", () => {
  it.each([
    ["has expired", "s2", expired, /certificate has expired/],
    ["is for another name", "s3", ofAnother, /certificate is for another host name/],
    ["is of an authority that is not trusted", "s4", ofStranger, /authority that is not trusted here/],
  ] as const)("of a peer whose certificate %s fails, and the error says why", async (_, id, certified, why) => {
    const actor = await service.createActor();
    const { peer } = await behindTls(id, certified);
    const answer = await actor.fetch("POST", "/trust", { json: { url: peer.baseUri, relationship: "friend" } });
    expect([answer.status, answer.text]).toEqual([408, expect.stringMatching(why)]);
    expect(peer.calls).toEqual([]);
    expect(await actor.expect("GET", "/trust", 200)).toEqual([]);
  });
});
