/** Requests to services in this process and between them, without network, gateway or emulator. */
import { PeerFailure, type PeerAnswer, type PeerHttp, type PeerRequest } from "../../lib/system/ports.ts";
import { withJson } from "./sent-json.ts";

/** The options of a request in a test. */
export interface Asking {
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly body?: string | Uint8Array;
  /** The address that it comes from. */
  readonly from?: string;
  /** Milliseconds that the function may still take [29 000 all the time]. */
  readonly remaining?: () => number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  // Tests look into bodies of many shapes.
  readonly json: any;
}

/** Hosts by origin; every request that goes between them is kept. */
export class Network implements PeerHttp {
  readonly hosts = new Map<string, (request: PeerRequest) => Promise<Answer>>();
  readonly sent: PeerRequest[] = [];

  async send(given: PeerRequest): Promise<PeerAnswer> {
    const request = withJson(given);
    this.sent.push(request);
    const host = this.hosts.get(new URL(request.url).origin);
    if (host === undefined) throw new PeerFailure("unreachable", "No such host.");
    const answer = await host(request);
    return { status: answer.status, headers: answer.headers, body: Buffer.from(answer.text) };
  }
}

/** Headers of Basic credentials. */
export function basic(user: string, passphrase: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${passphrase}`).toString("base64")}` };
}

/** Headers of a bearer. */
export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
