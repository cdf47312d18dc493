/** A bad network between two services: what it does to each callback follows from its seed. */
import { createServer, request as send, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { seeded, type Random } from "./publisher/random.ts";

/** Shares in 0..1 of what happens to a callback; the rest passes. */
export interface Meddling {
  /** Lost on its way: the connection breaks, and the callback does not arrive. */
  readonly lost?: number;
  /** Answered 204 although the callback does not arrive. */
  readonly swallowed?: number;
  /** It arrives; the answer is lost. */
  readonly unanswered?: number;
  /** It arrives twice, one right behind the other. */
  readonly doubled?: number;
  /** Answered 204 at once, and it arrives up to `delayMs` later: others overtake it. */
  readonly late?: number;
  /** Delayed by up to `delayMs`, then everything as it should be. */
  readonly slow?: number;
  /** [300] */
  readonly delayMs?: number;
}

type Deed = "lost" | "swallowed" | "unanswered" | "doubled" | "late" | "slow" | "passed";
const DEEDS = ["lost", "swallowed", "unanswered", "doubled", "late", "slow"] as const;
const CALLBACK = /^\/[^/]+\/callbacks\/subscriptions\//;

interface Passing {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Stands in front of a service: give its `url` to the service as BASE_URL, then all peers come through here. Everything but
 * callbacks passes untouched.
 */
export class MeddlingProxy {
  /** How often each thing was done. */
  readonly done = new Map<Deed, number>();
  /** What happens to callbacks; nothing when empty. */
  meddling: Meddling;
  readonly #targetPort: number;
  readonly #random: Random;
  readonly #late = new Set<Promise<unknown>>();
  #server: Server | undefined;
  #port = 0;

  constructor(targetPort: number, seed: number, meddling: Meddling = {}) {
    this.#targetPort = targetPort;
    this.#random = seeded(seed);
    this.meddling = meddling;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<this> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("error", () => undefined);
      request.on("end", () => {
        const { method = "GET", url = "/", headers } = request;
        void this.#handle({ method, url, headers, body: Buffer.concat(chunks) }, response);
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Waits for what is still on its way. */
  async settled(): Promise<void> {
    while (this.#late.size > 0) await Promise.all(this.#late);
  }

  async close(): Promise<void> {
    await this.settled();
    const server = this.#server;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async #handle(passing: Passing, response: ServerResponse): Promise<void> {
    const deed = CALLBACK.test(passing.url) ? this.#choose() : "passed";
    if (CALLBACK.test(passing.url)) this.done.set(deed, (this.done.get(deed) ?? 0) + 1);
    switch (deed) {
      case "lost":
        response.destroy();
        return;
      case "swallowed":
        response.writeHead(204).end();
        return;
      case "unanswered":
        await this.#forward(passing, undefined);
        response.destroy();
        return;
      case "doubled":
        await Promise.all([this.#forward(passing, response), this.#forward(passing, undefined)]);
        return;
      case "late": {
        response.writeHead(204).end();
        const later = this.#pause().then(() => this.#forward(passing, undefined));
        this.#late.add(later);
        void later.finally(() => this.#late.delete(later));
        return;
      }
      case "slow":
        await this.#pause();
        await this.#forward(passing, response);
        return;
      case "passed":
        await this.#forward(passing, response);
    }
  }

  #choose(): Deed {
    let drawn = this.#random.next();
    for (const deed of DEEDS) {
      drawn -= this.meddling[deed] ?? 0;
      if (drawn < 0) return deed;
    }
    return "passed";
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.#random.below(this.meddling.delayMs ?? 300)));
  }

  /** Resolves when the other side has answered, or cannot. Without a response the answer is dropped. */
  #forward({ method, url, headers, body }: Passing, response: ServerResponse | undefined): Promise<void> {
    return new Promise((resolve) => {
      const broken = (): void => {
        response?.destroy();
        resolve();
      };
      const sent = send({ host: "127.0.0.1", port: this.#targetPort, method, path: url, headers }, (answer) => {
        if (response === undefined) {
          answer.resume();
          answer.on("close", resolve);
          return;
        }
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        answer.on("error", broken);
        answer.on("close", resolve);
      });
      sent.on("error", broken);
      sent.end(body);
    });
  }
}
