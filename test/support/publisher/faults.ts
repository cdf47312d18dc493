import type { IncomingMessage, ServerResponse } from "node:http";

/** A fault of this peer in place of a proper answer. */
export type Fault =
  | { kind: "status"; status: number; headers?: Record<string, string>; body?: string }
  /** Takes the request and never answers. */
  | { kind: "hang" }
  /** A good status line, then one byte every `everyMs`. */
  | { kind: "trickle"; everyMs: number }
  /** Bytes that are not HTTP. */
  | { kind: "garbage" }
  /** 200 and a body that is not JSON although it says so. */
  | { kind: "not-json" }
  /** 200 and a JSON string of that many bytes. */
  | { kind: "huge"; bytes: number }
  | { kind: "redirect"; to: string; status?: number }
  /** Closes the connection without a word. */
  | { kind: "reset" };

export interface FaultRule {
  method?: string;
  path: RegExp;
  fault: Fault;
  /** How many requests it hits; without it, all. */
  times?: number;
}

/** The faults this peer's own routes have been given; the first that matches hits. */
export class Faults {
  #rules: { rule: FaultRule; left: number }[] = [];

  /** Adds a fault; the returned function takes it away. */
  add(rule: FaultRule): () => void {
    const entry = { rule, left: rule.times ?? Number.POSITIVE_INFINITY };
    this.#rules.push(entry);
    return () => {
      this.#rules = this.#rules.filter((one) => one !== entry);
    };
  }

  clear(): void {
    this.#rules = [];
  }

  /** The fault for this request, counted as used. */
  take(method: string, path: string): Fault | undefined {
    const hit = this.#rules.find(
      ({ rule, left }) => left > 0 && (rule.method ?? method) === method && rule.path.test(path),
    );
    if (!hit) return undefined;
    hit.left -= 1;
    return hit.rule.fault;
  }
}

/** Commits the fault on the connection. Returns the status that was written, 0 when none. */
export function commit(fault: Fault, request: IncomingMessage, response: ServerResponse): number {
  switch (fault.kind) {
    case "status":
      response.writeHead(fault.status, fault.headers).end(fault.body ?? "");
      return fault.status;
    case "hang":
      return 0;
    case "trickle": {
      response.writeHead(200, { "content-type": "application/json" });
      response.write("[");
      const timer = setInterval(() => response.write(" "), fault.everyMs);
      response.on("close", () => clearInterval(timer));
      return 200;
    }
    case "garbage":
      request.socket.end("220 this is no web server\r\n\u0000\u0001\r\n");
      return 0;
    case "not-json":
      response.writeHead(200, { "content-type": "application/json" }).end("{half an obj");
      return 200;
    case "huge":
      response.writeHead(200, { "content-type": "application/json" }).end(`"${"x".repeat(fault.bytes)}"`);
      return 200;
    case "redirect":
      response.writeHead(fault.status ?? 302, { location: fault.to }).end();
      return fault.status ?? 302;
    case "reset":
      request.socket.destroy();
      return 0;
  }
}
