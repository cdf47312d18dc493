/** X.509 certificates made in the test: a private authority, and what it signs. DER by hand, so that no tool is needed. */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { connect, type AddressInfo, type Socket } from "node:net";

/** A certificate and its key, as PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate of the authority says. */
export interface Requested {
  /** Host names it is for. */
  readonly names: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const [INTEGER, BIT_STRING, OCTET_STRING, OBJECT_ID, UTF8, GENERALIZED_TIME, SEQUENCE, SET] = [
  ...[0x02, 0x03, 0x04, 0x06, 0x0c, 0x18, 0x30, 0x31],
] as const;
const TRUE = Buffer.from([0x01, 0x01, 0xff]);
const DAY_MS = 86_400_000;

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const bytes = content.length;
  const length = bytes < 0x80 ? [bytes] : bytes < 0x100 ? [0x81, bytes] : [0x82, bytes >> 8, bytes & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

/** A context-specific tag around something. */
const tagged = (number: number, content: Buffer): Buffer => der(0xa0 + number, content);

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const septets = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return der(OBJECT_ID, Buffer.from(bytes));
}

const bits = (content: Buffer, unused = 0): Buffer => der(BIT_STRING, Buffer.from([unused]), content);
const time = (at: Date): Buffer =>
  der(GENERALIZED_TIME, Buffer.from(`${at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`));
const named = (commonName: string): Buffer =>
  der(SEQUENCE, der(SET, der(SEQUENCE, oid("2.5.4.3"), der(UTF8, Buffer.from(commonName)))));
const extension = (id: string, critical: boolean, content: Buffer): Buffer =>
  der(SEQUENCE, oid(id), ...(critical ? [TRUE] : []), der(OCTET_STRING, content));
const ECDSA_WITH_SHA256 = der(SEQUENCE, oid("1.2.840.10045.4.3.2"));

/** Signs certificates. Its own is what a peer of its peers has to trust. */
export class PrivateAuthority {
  readonly cert: string;
  readonly #key: KeyObject;
  readonly #name: string;

  constructor(name = "A private authority") {
    this.#name = name;
    this.#key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const isAuthority = extension("2.5.29.19", true, der(SEQUENCE, TRUE));
    const signsCertificates = extension("2.5.29.15", true, bits(Buffer.from([0x06]), 1));
    this.cert = this.#signed(this.#name, this.#key, [isAuthority, signsCertificates], {});
  }

  /** A certificate for a server; valid now unless the options say otherwise. */
  certify(requested: Requested): Certified {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const names = requested.names.map((name) => der(0x82, Buffer.from(name)));
    const extensions = [extension("2.5.29.17", false, der(SEQUENCE, ...names))];
    return {
      cert: this.#signed(requested.names[0] ?? "no name", privateKey, extensions, requested),
      key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  #signed(subject: string, key: KeyObject, extensions: readonly Buffer[], dates: Omit<Requested, "names">): string {
    const { notBefore = new Date(Date.now() - DAY_MS), notAfter = new Date(Date.now() + 365 * DAY_MS) } = dates;
    const version3 = tagged(0, der(INTEGER, Buffer.from([2])));
    const serial = der(INTEGER, Buffer.concat([Buffer.from([0x01]), randomBytes(8)]));
    const content = der(
      SEQUENCE,
      ...[version3, serial, ECDSA_WITH_SHA256, named(this.#name)],
      ...[der(SEQUENCE, time(notBefore), time(notAfter)), named(subject)],
      createPublicKey(key).export({ type: "spki", format: "der" }),
      tagged(3, der(SEQUENCE, ...extensions)),
    );
    const whole = der(SEQUENCE, content, ECDSA_WITH_SHA256, bits(sign("sha256", content, this.#key)));
    const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
    return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  }
}

/** Speaks TLS in front of a server on loopback that does not. */
export class TlsFront {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections whose handshake succeeded, so that a request could follow. */
  accepted = 0;

  constructor(certified: Certified, behind: () => number) {
    this.#server = createServer(certified, (outer: TLSSocket) => {
      this.accepted += 1;
      const inner = connect(behind(), "127.0.0.1");
      for (const socket of [outer, inner]) {
        this.#sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => {
          outer.destroy();
          inner.destroy();
        });
      }
      outer.pipe(inner).pipe(outer);
    });
    // The other side ended the handshake.
    this.#server.on("tlsClientError", () => undefined);
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Shows another certificate from now on; connections that stand are ended. */
  certify(certified: Certified): void {
    this.#server.setSecureContext(certified);
    this.#hangUp();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#hangUp();
    await closed;
  }

  #hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }
}
