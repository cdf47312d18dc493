import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32 } from "node:zlib";
import type { WireError } from "./dynamodb/dynalite.ts";
import { closeServer, createServer, listen, meantForLoopback } from "./loopback-server.ts";
import { Operations } from "./dynamodb/operations.ts";
import { Storage } from "./dynamodb/storage.ts";
import type { OnStep } from "./dynamodb/transactions.ts";

const MAX_BODY_BYTES = 16 * 1024 * 1024;
const EXPIRY_INTERVAL_MS = 60_000;

interface EmulatorOptions {
  /** The folder of the data, created when missing, or `:memory:`. */
  readonly dataDir: string;
  /** The port on 127.0.0.1; 0 [default] takes any free one. */
  readonly port?: number;
  /** Called with each error that is not a client's mistake. */
  readonly log?: (line: string) => void;
  /** For tests: called at each step of each transaction. */
  readonly onStep?: OnStep;
  /** For tests: called before each operation; an answer that it gives is sent, and nothing else happens. */
  readonly fault?: Fault;
}

/** An answer of the service that the emulator never has a cause for; undefined to run the operation. */
export type Fault = (operation: string, input: Readonly<Record<string, unknown>>) => WireError | undefined;

export interface Emulator {
  readonly endpoint: string;
  /** Runs one operation without HTTP, by its name and its JSON. Rejects with the service's error. */
  perform(operation: string, input: Readonly<Record<string, unknown>>): Promise<object>;
  /**
   * Deletes the items whose TTL ended before `now` [the present], ms since 1970. A timer does the same every minute.
   *
   * @returns the number of deleted items
   */
  expire(now?: number): Promise<number>;
  /** Finishes the requests in flight and closes the folder. */
  close(): Promise<void>;
}

/**
 * DynamoDB on loopback, in this process: dynalite, with the features that dynalite lacks: transactions, the item returned with
 * a failed condition, TTL, index write capacity. The data of a folder survives the end of the process at any moment.
 *
 * @throws FolderUnusable when the folder is in use, damaged or not writable; a system error when the port is taken.
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const log = options.log ?? (() => undefined);
  const storage = await Storage.open(options.dataDir);
  const operations = new Operations(storage, options.onStep);
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    answer(operations, options.fault, request, response).catch((error: unknown) => {
      log(`emulator: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      send(response, 500, { __type: "com.amazon.coral.service#InternalServerError", message: "The emulator failed" });
    });
  });
  try {
    await listen(server, "127.0.0.1", options.port ?? 0);
    await operations.expire(Date.now());
  } catch (error) {
    server.close();
    await storage.close();
    throw error;
  }
  const timer = setInterval(() => {
    operations.expire(Date.now()).catch((error: unknown) => log(`emulator: TTL: ${String(error)}`));
  }, EXPIRY_INTERVAL_MS);
  timer.unref();
  let closing: Promise<void> | undefined;
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    perform: (operation, input) => operations.perform(operation, input),
    expire: (now = Date.now()) => operations.expire(now),
    close: () => (closing ??= close(server, timer, operations, storage)),
  };
}

async function close(server: Server, timer: NodeJS.Timeout, operations: Operations, storage: Storage): Promise<void> {
  clearInterval(timer);
  await closeServer(server);
  await operations.idle();
  await storage.close();
}

async function answer(
  operations: Operations,
  fault: Fault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const text = await read(request);
  const [api = "", operation = ""] = String(request.headers["x-amz-target"] ?? "").split(".");
  if (text === undefined) {
    send(response, 413, { __type: "RequestEntityTooLarge" });
    return;
  }
  // A web page can send neither this content type nor this header without a preflight request, which gets no answer.
  const json = request.headers["content-type"]?.startsWith("application/x-amz-json-1.") ?? false;
  if (request.method !== "POST" || api !== "DynamoDB_20120810" || !json || !meantForLoopback(request)) {
    send(response, 400, { __type: "com.amazon.coral.service#UnknownOperationException" });
    return;
  }
  try {
    const input = parse(text);
    const failure = fault?.(operation, input);
    if (failure !== undefined) throw failure;
    send(response, 200, await operations.perform(operation, input));
  } catch (error) {
    const { statusCode, body } = error as WireError;
    if (statusCode === undefined || !body) throw error;
    send(response, statusCode, body);
  }
}

/** dynalite copies objects name by name, which loses this name; so the emulator stores it under another. */
const PROTO = '"__proto__"';
const PROTO_INSIDE = '"\\uf8ff__proto__\\uf8ff"';
const protoOutside = (text: string): string =>
  text.includes("\uf8ff") ? text.replaceAll('"\uf8ff__proto__\uf8ff"', PROTO) : text;

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const input = JSON.parse(text.includes(PROTO) ? text.replaceAll(PROTO, PROTO_INSIDE) : text) as unknown;
    if (typeof input === "object" && input !== null && !Array.isArray(input)) return input as Record<string, unknown>;
  } catch {
    // A body that is not JSON has the same answer.
  }
  const error: WireError = new Error("not a JSON object");
  error.statusCode = 400;
  error.body = { __type: "com.amazon.coral.service#SerializationException", message: error.message };
  throw error;
}

async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed || response.headersSent) return;
  const text = Buffer.from(protoOutside(JSON.stringify(body)));
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": text.length,
    "x-amzn-requestid": randomUUID(),
    "x-amz-crc32": crc32(text),
  });
  response.end(text);
}
