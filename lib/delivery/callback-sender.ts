/** Sends one number of one subscription to its peer. */
import { fullJitter } from "../domain/backoff.ts";
import { pathSegment } from "../domain/peer-url.ts";
import type { Told } from "../domain/render-backlog.ts";
import { retryAfterSeconds } from "../domain/retry-after.ts";
import { currentTrace } from "../http/current-trace.ts";
import { freshCapabilities } from "../peers/capabilities.ts";
import { PeerFailure } from "../ports.ts";
import type { Clock, Log, PeerHttp, PeerRequest } from "../ports.ts";
import type { InboundHead } from "../publishing/inbound-head.ts";
import type { TrustRecord } from "../trust/trust-record.ts";
import { JsonTexts, callbackBody } from "./callback-body.ts";
import type { DeliveryFailure } from "./fan-out-result.ts";
import type { TimeLeft } from "./time-left.ts";

/** Bodies longer than this go out compressed where that is understood, bytes. */
const COMPRESS_OVER = 1_024;
/** Pauses before another try. */
const RETRY = { base: 500, most: 30_000 };
/** A peer that says this is not asked again on the spot. */
const TOO_MANY_REQUESTS = 429;

export interface CallbackSenderDeps {
  readonly http: PeerHttp;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** The root of one of our actors, without a slash at the end. */
  readonly rootOf: (actorId: string) => string;
  readonly timeoutMs: number;
  /** More tries of one number after the first. */
  readonly retries: number;
}

/** What became of a number: `polls`: its subscription is not told; `taken`: with 2xx, `whole` when it carried its data. */
export type Sent =
  | { readonly kind: "polls" }
  | { readonly kind: "taken"; readonly whole: boolean }
  | { readonly kind: "failed"; readonly failure: DeliveryFailure };

/** Never rejects for what the peer or the network does. */
export class CallbackSender {
  readonly #deps: CallbackSenderDeps;
  readonly #texts = new JsonTexts();

  constructor(deps: CallbackSenderDeps) {
    this.#deps = deps;
  }

  /**
   * Sends it, again as often as is wished, there is time for, and `still` says after each pause. A failure is one log
   * line.
   */
  async send(
    trust: TrustRecord,
    head: InboundHead,
    told: Told,
    time: TimeLeft,
    still: () => Promise<boolean>,
  ): Promise<Sent> {
    const { clock, log, rootOf, retries, pause, random } = this.#deps;
    const capabilities = freshCapabilities(trust.capabilities, clock.now());
    const body = callbackBody(head, told, {
      root: rootOf(head.actorId),
      supportsResync: capabilities?.supported.includes("subscriptionresync"),
      texts: this.#texts,
    });
    if (body === undefined) return { kind: "polls" };
    const gzip =
      capabilities?.supported.includes("callbackcompression") === true && Buffer.byteLength(body.text) > COMPRESS_OVER;
    const request = { jsonText: body.text, headers: body.headers, ...(gzip ? { gzip } : {}) };
    for (let attempt = 1; ; attempt += 1) {
      const failure = await this.#try(trust, head, request, time);
      if (failure === undefined) return { kind: "taken", whole: body.whole };
      const wait = Math.max(fullJitter(attempt, RETRY, random()), (failure.retryAfter ?? 0) * 1_000);
      const again = attempt <= retries && failure.statusCode !== TOO_MANY_REQUESTS && time.mayBegin(wait);
      log.warn("a callback failed", { actorId: head.actorId, sequence: told.sequence, attempt, again, ...failure });
      if (!again) return { kind: "failed", failure };
      await pause(wait);
      if (!(await still())) return { kind: "failed", failure };
    }
  }

  async #try(
    trust: TrustRecord,
    head: InboundHead,
    request: Pick<PeerRequest, "jsonText" | "headers" | "gzip">,
    time: TimeLeft,
  ): Promise<DeliveryFailure | undefined> {
    const { http, clock, timeoutMs } = this.#deps;
    const whose = { peerId: head.peerId, subscriptionId: head.id };
    const baseUri = trust.baseUri.replace(/\/+$/, "");
    const segments = ["callbacks", "subscriptions", head.actorId, head.id].map(pathSegment);
    if (segments.includes(undefined)) return { ...whose, error: "The subscription has an id that no URL can carry." };
    try {
      const { status, headers } = await http.send({
        method: "POST",
        url: [baseUri, ...segments].join("/"),
        credentials: { bearer: trust.secret, baseUri },
        ...request,
        statusOnly: true,
        timeoutMs: time.forOne(timeoutMs),
        ...currentTrace(),
      });
      if (status >= 200 && status < 300) return undefined;
      const retryAfter = retryAfterSeconds(headers["retry-after"], clock.now());
      const error = `The peer answered ${String(status)}.`;
      return { ...whose, statusCode: status, error, ...(retryAfter === undefined ? {} : { retryAfter }) };
    } catch (error) {
      if (error instanceof PeerFailure) return { ...whose, error: error.message };
      throw error;
    }
  }
}
