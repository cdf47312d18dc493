/** Makes one attempt to deliver an event to the urls of a webhook. */
import type { Outcome } from "../../domain/events/keeper-steps.ts";
import { ENVELOPE_TYPE } from "../../domain/events/envelope.ts";
import { signatureHeaders } from "../../domain/events/signature.ts";
import { compact } from "../../system/compact.ts";
import { PeerFailure, type Clock, type PeerAnswer, type PeerHttp, type PeerRequest } from "../../system/ports.ts";
import { BUS_URL } from "../bus-http.ts";
import { mayTryNext, outcomeOfFailure, outcomeOfStatus } from "./outcome.ts";
import { withoutSecrets } from "./redaction.ts";

/** Most bytes of an answer that are read. */
const MAX_ANSWER_BYTES = 1_024;

/** Where and how an event is sent. */
export interface Endpoint {
  readonly urls: readonly string[];
  /** The index of the url to begin with. */
  readonly first: number;
  /** The longest that all urls together may take, ms. */
  readonly timeoutMs: number;
  /** The secrets that sign, the newest first. Empty: the request is not signed. */
  readonly secrets: readonly string[];
  readonly bearer?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A request whose connection broke is not sent again on another one. */
  readonly once: boolean;
}

/** An event as it is sent. */
export interface OutgoingEvent {
  readonly id: string;
  /** Exactly the bytes that are sent. */
  readonly body: Uint8Array;
  readonly traceparent?: string;
}

/** One attempt, as its owner sees it. */
export interface Attempt {
  /** When the attempt began, ms since 1970. */
  readonly at: number;
  /** How long it took, ms. */
  readonly ms: number;
  /** `refused`: the service may not send to this address. */
  readonly result: "taken" | "failed" | "ambiguous" | "refused";
  /** The origin of the url that was tried last. */
  readonly target: string;
  readonly status?: number;
  readonly error?: string;
  /** The beginning of the answer, without the webhook's secrets. */
  readonly answer?: string;
}

/** The result of an attempt. */
export interface Sent {
  readonly outcome: Outcome;
  readonly attempt: Attempt;
  /** The index of the url that was tried last. */
  readonly url: number;
}

/**
 * Sends an event to the first url; if that could not be reached, or a proxy answers for a missing server, to the next one,
 * all within one time-out. Never rejects because of a receiver.
 */
export async function sendEvent(
  deps: { readonly http: PeerHttp; readonly clock: Clock },
  endpoint: Endpoint,
  event: OutgoingEvent,
): Promise<Sent> {
  const { clock } = deps;
  const at = clock.now();
  const until = at + endpoint.timeoutMs;
  const { urls, first, secrets } = endpoint;
  const signature = secrets.length === 0 ? {} : signatureHeaders({ ...event, now: at, secrets });
  for (let tried = 1; ; tried += 1) {
    const index = (first + tried - 1) % urls.length;
    const url = urls[index] ?? "";
    const answer = await answerOf(deps.http, {
      method: "POST",
      url,
      headers: { ...endpoint.headers, "webhook-id": event.id, ...signature },
      body: { bytes: event.body, type: ENVELOPE_TYPE },
      maxBytes: MAX_ANSWER_BYTES,
      startOnly: true,
      once: endpoint.once,
      timeoutMs: until - clock.now(),
      ...compact({
        credentials: endpoint.bearer === undefined ? undefined : { bearer: endpoint.bearer, baseUri: url },
        traceparent: event.traceparent,
      }),
    });
    const now = clock.now();
    if (tried < urls.length && now < until && mayTryNext(answer)) continue;
    return { ...judged(answer, now, endpoint, { at, ms: now - at, target: originOf(url) }), url: index };
  }
}

async function answerOf(http: PeerHttp, request: PeerRequest): Promise<PeerAnswer | PeerFailure> {
  try {
    return await http.send(request);
  } catch (error) {
    if (error instanceof PeerFailure) return error;
    throw error;
  }
}

function judged(
  answer: PeerAnswer | PeerFailure,
  now: number,
  endpoint: Endpoint,
  how: Pick<Attempt, "at" | "ms" | "target">,
): Omit<Sent, "url"> {
  if (answer instanceof PeerFailure) {
    const outcome = outcomeOfFailure(answer);
    const result = answer.reason === "refused" ? "refused" : outcome.is === "ambiguous" ? "ambiguous" : "failed";
    return { outcome, attempt: { ...how, result, error: answer.message } };
  }
  const { status, headers, body } = answer;
  const outcome = outcomeOfStatus(status, headers["retry-after"], now);
  const text = withoutSecrets(Buffer.from(body.subarray(0, MAX_ANSWER_BYTES)).toString(), secretsOf(endpoint));
  const result = outcome.is === "taken" ? "taken" : "failed";
  return { outcome, attempt: { ...how, result, status, ...compact({ answer: text === "" ? undefined : text }) } };
}

const secretsOf = ({ secrets, bearer, headers = {} }: Endpoint): readonly string[] => [
  ...secrets,
  ...(bearer === undefined ? [] : [bearer]),
  ...Object.values(headers),
];

const originOf = (url: string): string => (url === BUS_URL ? url : (URL.parse(url)?.origin ?? ""));
