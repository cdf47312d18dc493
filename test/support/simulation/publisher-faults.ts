/** What a simulated publisher answers instead of the truth. */
import { PeerFailure, type PeerRequest } from "../../../lib/system/ports.ts";
import { ROOT, type ModelPublisher } from "./model-publisher.ts";

/** A status, with JSON or text if any. */
export interface Answered {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Statuses that say nothing of the data, some with more beside them. */
const SILENT: readonly Answered[] = [
  ...[204, 206, 302, 400, 401, 405, 409, 412, 415, 418, 421, 425, 428, 431, 451, 500, 502].map((status) => ({
    status,
  })),
  ...[429, 503].map((status) => ({ status, headers: { "retry-after": "7" } })),
  { status: 202, json: {} },
  { status: 206, json: [] },
  { status: 200, text: "" },
  { status: 200, text: "{half" },
  { status: 200, text: '{"a": NaN}' },
  { status: 200, text: "[".repeat(70) + "]".repeat(70) },
];
/** Statuses that mean that something is not there, of a part of a state. */
const ABSENT = [403, 404, 410];

/**
 * Any answer to any read: mostly one that says nothing; of a part also that it is not there, which is noted as said. A
 * publisher that does not know the subscription is not among them, nor one that answers a PUT otherwise.
 */
export function anyAnswer(request: PeerRequest, publisher: ModelPublisher, random: () => number): Answered | undefined {
  if (request.method !== "GET") return random() < 0.5 ? { status: 500 } : undefined;
  if (random() < 0.1) throw new PeerFailure("timeout", "The peer did not answer.");
  const path = request.url.slice(ROOT.length + 1);
  const name = /^properties\/([^?/]+)/.exec(path)?.[1];
  if (name !== undefined && random() < 0.2) {
    publisher.saidGone.add(name);
    return { status: ABSENT[Math.floor(random() * ABSENT.length)] ?? 404 };
  }
  return SILENT[Math.floor(random() * SILENT.length)];
}
