/**
 * Durable Streams over readers, for the conformance suite of that protocol: a stream is the topic of an actor's events.
 * Making and appending are the shim's, over POST /{actorId}/events/{topic}; what is read comes from GET and HEAD
 * /{actorId}/events, status and headers as they are. An event's data are one message: JSON in an array, text one after another.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { platform } from "../../../lib/system/platform.ts";
import { Network, type Answer } from "../../support/in-process.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

/** A wait of the suite takes this part of the time that it asks for. */
const WAIT_SHARE = 1 / 40;

interface Stream {
  readonly owner: Hosted;
  readonly contentType: string;
}

export class StreamShim {
  readonly #whole: WholeService;
  readonly #streams = new Map<string, Stream>();
  readonly #server: Server;

  constructor() {
    const sleep = async (ms: number): Promise<void> => {
      await platform.sleep(ms * WAIT_SHARE);
      this.#whole.now += ms;
    };
    this.#whole = new WholeService(new Network(), "https://us.example", { ports: { sleep } });
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    const { pathname, search } = new URL(url, "http://shim");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const contentType = request.headers["content-type"] ?? "application/octet-stream";
    const stream = this.#streams.get(pathname);
    if (method === "PUT") {
      const made = stream ?? { owner: await this.#whole.actor(), contentType };
      this.#streams.set(pathname, made);
      const messages = body === "" ? 0 : await this.#append(made, body);
      const headers = { "content-type": made.contentType, "stream-next-offset": await this.#tail(made), location: url };
      response.writeHead(messages === "invalid" ? 400 : stream === undefined ? 201 : 200, headers).end();
    } else if (stream === undefined) response.writeHead(404).end();
    else if (method === "POST") {
      const done = body === "" ? "invalid" : await this.#append(stream, body);
      response.writeHead(done === "invalid" ? 400 : 204, { "stream-next-offset": await this.#tail(stream) }).end();
    } else if (method === "DELETE") {
      this.#streams.delete(pathname);
      response.writeHead(204).end();
    } else await this.#read(stream, { method, search, headers: request.headers }, response);
  }

  async #read(
    { owner, contentType }: Stream,
    asked: { readonly method: string; readonly search: string; readonly headers: IncomingMessage["headers"] },
    response: ServerResponse,
  ): Promise<void> {
    const match = asked.headers["if-none-match"];
    const headers = { ...owner.as, ...(match === undefined ? {} : { "if-none-match": match }) };
    const answer: Answer = await this.#whole.ask(asked.method, `${owner.root}/events${asked.search}`, { headers });
    const { status, json } = answer;
    // The type of the stream is the shim's; a 304 and a 204 have none.
    const typed = answer.headers["content-type"] === "application/json" && status === 200;
    response.writeHead(status, { ...answer.headers, ...(typed ? { "content-type": contentType } : {}) });
    if (status !== 200 || asked.method === "HEAD") response.end(answer.text);
    else {
      const messages = (json as readonly { readonly data: unknown }[]).map(({ data }) => data);
      response.end(isJson(contentType) ? JSON.stringify(messages) : messages.join(""));
    }
  }

  /** One event for each message: each entry of a JSON array is one. */
  async #append({ owner, contentType }: Stream, body: string): Promise<"invalid" | number> {
    const read = isJson(contentType) ? parsed(body) : body;
    if (read === undefined) return "invalid";
    const messages: readonly unknown[] = Array.isArray(read) ? read : [read];
    for (const data of messages) {
      const sent = isJson(contentType)
        ? { json: data, headers: owner.as }
        : { body: String(data), headers: { ...owner.as, "content-type": "text/plain" } };
      const { status, text } = await this.#whole.ask("POST", `${owner.root}/events/stream`, sent);
      if (status !== 201) throw new Error(`publishing was answered with ${String(status)}: ${text}`);
    }
    return messages.length;
  }

  async #tail({ owner }: Stream): Promise<string> {
    const { headers } = await this.#whole.ask("HEAD", `${owner.root}/events`, { headers: owner.as });
    return headers["stream-next-offset"] ?? "";
  }
}

const isJson = (contentType: string): boolean => contentType.startsWith("application/json");

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
