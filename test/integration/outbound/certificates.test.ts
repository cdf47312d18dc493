/** Peers by the certificates they show. */
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PeerHttpClient } from "../../../lib/peers/http/peer-http-client.ts";
import type { PeerFailure } from "../../../lib/system/ports.ts";
import { PrivateAuthority, TlsFront, type Certified } from "../../support/certificates.ts";

const authority = new PrivateAuthority();
const names = ["localhost"];
const asked: string[] = [];
const behind = http.createServer((request, response) => {
  asked.push(request.url ?? "");
  response.writeHead(204).end();
});
const fronts: TlsFront[] = [];

beforeAll(async () => {
  // As NODE_EXTRA_CA_CERTS does for a process that begins with it.
  setDefaultCACertificates([...getCACertificates("default"), authority.cert]);
  await new Promise<void>((resolve) => behind.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  for (const front of fronts) await front.close();
  behind.close();
});

async function urlOf(certified: Certified): Promise<string> {
  const front = await new TlsFront(certified, () => (behind.address() as AddressInfo).port).listen();
  fronts.push(front);
  return `https://localhost:${String(front.port)}/peer`;
}

async function post(url: string): Promise<number | PeerFailure> {
  const client = new PeerHttpClient({ allowHttp: false, allowPrivate: true });
  try {
    const credentials = { bearer: "s3cret", baseUri: url };
    return (await client.send({ method: "POST", url, credentials, json: {}, statusOnly: true })).status;
  } catch (error) {
    return error as PeerFailure;
  } finally {
    client.close();
  }
}

describe("a peer with a certificate", () => {
  it("of a private authority that is trusted here gets its callback", async () => {
    expect(await post(await urlOf(authority.certify({ names })))).toBe(204);
  });

  it.each<[string, () => Certified, RegExp]>([
    [
      "that has expired",
      () => authority.certify({ names, notBefore: new Date("2001-01-01"), notAfter: new Date("2002-01-01") }),
      /certificate has expired.*renew.*\(CERT_HAS_EXPIRED\)/,
    ],
    [
      "that is not valid yet",
      () => authority.certify({ names, notBefore: new Date("2090-01-01"), notAfter: new Date("2091-01-01") }),
      /certificate is not valid yet.*clocks/,
    ],
    [
      "for another name",
      () => authority.certify({ names: ["other.example"] }),
      /certificate is for another host name.*\(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    ],
    [
      "of an authority that is not trusted here",
      () => new PrivateAuthority("Another one").certify({ names }),
      /authority that is not trusted here; NODE_EXTRA_CA_CERTS/,
    ],
    [
      "of an authority that has the name of one that is",
      () => new PrivateAuthority().certify({ names }),
      /authority that is not trusted here/,
    ],
  ])("%s is sent nothing, and the error says why", async (_, certified, why) => {
    asked.length = 0;
    const failure = await post(await urlOf(certified()));
    expect(failure).toMatchObject({ name: "PeerFailure", reason: "unreachable", message: expect.stringMatching(why) });
    expect((failure as PeerFailure).message).not.toContain("s3cret");
    expect(asked).toEqual([]);
  });

  it("that speaks no TLS is reported as such", async () => {
    const failure = await post(`https://localhost:${String((behind.address() as AddressInfo).port)}/peer`);
    expect(failure).toMatchObject({ reason: "unreachable", message: expect.stringMatching(/does not speak TLS/) });
  });
});
