import { type Json, type PeerAnswer, PeerFailure, type PeerHttp, type PeerRequest } from "../../../lib/system/ports.ts";
import { RemoteActor } from "../../../lib/peers/remote-actor.ts";

export const BASE = "https://peer.example/peer1";

/** The answer of a script to one request: JSON, a whole answer, or a failure. */
export type Says = { status?: number; json?: Json; text?: string; headers?: Record<string, string> } | PeerFailure;

/** A peer that answers `METHOD path?query` below its root by its script, and 404 otherwise; records the calls. */
export class ScriptedPeer implements PeerHttp {
  readonly calls: string[] = [];
  readonly requests: PeerRequest[] = [];
  atOnce = 0;
  most = 0;
  readonly #script: Record<string, Says | ((request: PeerRequest) => Says)>;

  constructor(script: Record<string, Says | ((request: PeerRequest) => Says)>) {
    this.#script = script;
  }

  async send(request: PeerRequest): Promise<PeerAnswer> {
    const key = `${request.method} ${request.url.replace(`${BASE}/`, "")}`;
    this.calls.push(key);
    this.requests.push(request);
    this.atOnce += 1;
    this.most = Math.max(this.most, this.atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    this.atOnce -= 1;
    const entry = this.#script[key] ?? { status: 404 };
    const says = typeof entry === "function" ? entry(request) : entry;
    if (says instanceof Error) throw says;
    const text = says.json === undefined ? (says.text ?? "") : JSON.stringify(says.json);
    const type = says.json === undefined ? "text/plain" : "application/json";
    const body = Buffer.from(text);
    if (body.byteLength > (request.maxBytes ?? 1024 * 1024)) throw new PeerFailure("too_large", "Over the limit.");
    return { status: says.status ?? 200, headers: { "content-type": type, ...says.headers }, body };
  }

  actor(): RemoteActor {
    return new RemoteActor({ http: this, baseUri: `${BASE}/`, bearer: "s3cret", ourId: "me" });
  }
}
