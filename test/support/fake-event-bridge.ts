/** EventBridge as one region's endpoint answers `PutEvents`: it checks the signature by the rules of AWS, not by our code. */
import { createHash, createHmac } from "node:crypto";
import * as http from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What it does with the next requests. */
export type EventBridgeAnswer =
  | "take"
  /** 200, with the entry refused for this reason. */
  | { readonly entry: string }
  /** The whole request refused. */
  | { readonly status: number; readonly type: string }
  /** These bytes with status 200. */
  | { readonly body: string }
  /** Reads the request and never answers. */
  | "hang"
  /** Reads the request and breaks the connection. */
  | "break";

export interface PutEntry {
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
  readonly EventBusName: string;
}

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The size of an entry as EventBridge counts it. */
const sizeOf = ({ Source, DetailType, Detail }: PutEntry): number =>
  Buffer.byteLength(Source) + Buffer.byteLength(DetailType) + Buffer.byteLength(Detail);
const MOST_BYTES = 256 * 1_024;

const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Uint8Array, text: string): Buffer => createHmac("sha256", key).update(text).digest();

export class FakeEventBridge {
  /** Entries that are on the bus, in order. */
  readonly taken: PutEntry[] = [];
  /** Requests that were read whole. */
  requests = 0;
  answer: EventBridgeAnswer = "take";
  readonly #server: http.Server;
  readonly #keys: Keys;
  readonly #region: string;

  private constructor(keys: Keys, region: string) {
    this.#keys = keys;
    this.#region = region;
    this.#server = http.createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => this.#reply(request, Buffer.concat(parts), response));
      request.on("error", () => undefined);
    });
  }

  static async start(keys: Keys, region: string): Promise<FakeEventBridge> {
    const fake = new FakeEventBridge(keys, region);
    await new Promise<void>((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** After this its connections are refused. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #reply(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): void {
    this.requests += 1;
    const send = (status: number, text: string): void => {
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(text);
    };
    const refuse = (status: number, type: string): void =>
      send(status, JSON.stringify({ __type: type, message: `because of ${type}` }));
    const { answer } = this;
    if (answer === "hang") return;
    if (answer === "break") return void (response.socket as Socket).destroy();
    const fault = this.#signatureFault(request, body);
    if (fault !== undefined) return refuse(400, fault);
    if (request.headers["x-amz-target"] !== "AWSEvents.PutEvents") return refuse(400, "UnknownOperationException");
    const { Entries } = JSON.parse(body.toString()) as { readonly Entries: readonly PutEntry[] };
    const invalid = Entries.some((entry) => sizeOf(entry) > MOST_BYTES || entry.DetailType.length > 128);
    if (invalid || Entries.length === 0) return refuse(400, "ValidationException");
    if (answer === "take") {
      this.taken.push(...Entries);
      return send(
        200,
        JSON.stringify({ FailedEntryCount: 0, Entries: Entries.map((_, at) => ({ EventId: `e${at}` })) }),
      );
    }
    if ("body" in answer) return send(200, answer.body);
    if ("status" in answer) return refuse(answer.status, answer.type);
    const refused = { ErrorCode: answer.entry, ErrorMessage: `because of ${answer.entry}` };
    return send(200, JSON.stringify({ FailedEntryCount: 1, Entries: [refused] }));
  }

  /** By the description of Signature Version 4. */
  #signatureFault({ headers }: http.IncomingMessage, body: Buffer): string | undefined {
    const found = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(.+), SignedHeaders=(.+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    );
    if (found === null) return "MissingAuthenticationTokenException";
    const [, keyId, scope = "", names = "", signature] = found;
    const [day = "", region, service, end] = scope.split("/");
    const time = String(headers["x-amz-date"]);
    const { accessKeyId, secretAccessKey, sessionToken } = this.#keys;
    if (keyId !== accessKeyId || headers["x-amz-security-token"] !== sessionToken) return "UnrecognizedClientException";
    const isScope = time.startsWith(day) && region === this.#region && service === "events" && end === "aws4_request";
    const covers = ["host", "x-amz-date"].every((name) => names.split(";").includes(name));
    if (!isScope || !covers) return "IncompleteSignatureException";
    const lines = names.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
    const canonical = `POST\n/\n\n${lines.join("")}\n${names}\n${sha256(body)}`;
    const key = [region, "events", "aws4_request"].reduce<Buffer>(hmac, hmac(`AWS4${secretAccessKey}`, day));
    const expected = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString("hex");
    return expected === signature ? undefined : "InvalidSignatureException";
  }
}
