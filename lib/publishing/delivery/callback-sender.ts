/** Sends one number of one subscription to its peer. */
import { compact } from "../../system/compact.ts";
import { fullJitter } from "../../domain/policy/backoff.ts";
import { pathSegment } from "../../domain/terms/peer-url.ts";
import type { RenderedDiff } from "../../domain/log/subscription-log.ts";
import { MOST_PAUSE_SECONDS, retryAfterSeconds } from "../../domain/wire/retry-after.ts";
import { currentTrace } from "../../system/request-context.ts";
import { freshCapabilities } from "../../peers/capabilities.ts";
import { PeerFailure } from "../../system/ports.ts";
import type { Clock, Log, PeerHttp, PeerRequest } from "../../system/ports.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import { JsonTexts, callbackBody } from "./callback-body.ts";
import type { DeliveryFailure } from "../subscribers/fan-out-result.ts";
import type { DeliveryBudget } from "./delivery-budget.ts";

/** Bodies longer than this are compressed for peers that can decompress, bytes. */
const COMPRESS_OVER = 1_024;
/** Pauses before another attempt, ms. */
const RETRY = { base: 500, most: 30_000 };
/** After this status there is no other attempt on the spot. */
const TOO_MANY_REQUESTS = 429;
/** What a peer, or a proxy before it, answers to a compressed body that it cannot decompress. */
const CANNOT_DECOMPRESS: readonly number[] = [400, 415];

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
  /** Attempts of one number after the first. */
  readonly retries: number;
  /** Bodies are compressed for peers that announce that they can decompress. */
  readonly gzip: boolean;
  /** The peer took a body uncompressed that it had not taken compressed: the next callbacks are not compressed. */
  readonly plainFromNow: (trust: TrustRecord) => Promise<void>;
}

/**
 * What became of a number. `polls`: its subscription has no callbacks; `taken`: with 2xx, `whole` when it carried its
 * data; `failed`: a failure of the peer; `later`: the peer said when to come back (`retryAfter`); `unknown`: the peer does
 * not know the subscription (404); `gone`: the peer says that the subscription has ended (410).
 */
export type Sent =
  | { readonly kind: "polls" }
  | { readonly kind: "taken"; readonly whole: boolean }
  | { readonly kind: "failed" | "unknown" | "gone"; readonly failure: DeliveryFailure }
  | { readonly kind: "later"; readonly failure: DeliveryFailure; readonly until: number };

/** The body of a callback. */
type Outgoing = Required<Pick<PeerRequest, "jsonText" | "headers">> & Pick<PeerRequest, "gzip">;

/** Never rejects for what the peer or the network does. */
export class CallbackSender {
  readonly #deps: CallbackSenderDeps;
  readonly #texts = new JsonTexts();

  constructor(deps: CallbackSenderDeps) {
    this.#deps = deps;
  }

  /**
   * Sends a number. Repeats a failure up to `retries` times, as long as there is time and `still` says yes after each
   * pause; never when the peer said when to come back, or that the subscription is not there. A failure is one log line.
   */
  async send(
    trust: TrustRecord,
    head: InboundHead,
    rendered: RenderedDiff,
    time: DeliveryBudget,
    still: () => Promise<boolean>,
  ): Promise<Sent> {
    const { clock, log, rootOf, retries, pause, random } = this.#deps;
    const capabilities = freshCapabilities(trust.capabilities, clock.now());
    const body = callbackBody(head, rendered, {
      root: rootOf(head.actorId),
      supportsResync: capabilities?.supported.includes("subscriptionresync"),
      texts: this.#texts,
    });
    if (body === undefined) return { kind: "polls" };
    const gzip = this.#compresses(trust, body.text) ? true : undefined;
    const request = compact({ jsonText: body.text, headers: body.headers, gzip });
    for (let attempt = 1; ; attempt += 1) {
      const failure = await this.#request(trust, head, request, time);
      if (failure === undefined) return { kind: "taken", whole: body.whole };
      const wait = fullJitter(attempt, RETRY, random());
      const sent = this.#judged(failure);
      const mayAgain = sent.kind === "failed" && failure.statusCode !== TOO_MANY_REQUESTS;
      const again = mayAgain && attempt <= retries && time.mayStart(wait);
      log.warn("a callback failed", { actorId: head.actorId, sequence: rendered.sequence, attempt, again, ...failure });
      if (!again) return sent;
      await pause(wait);
      if (!(await still())) return sent;
    }
  }

  #judged(failure: DeliveryFailure): Exclude<Sent, { kind: "polls" | "taken" }> {
    const { statusCode, retryAfter } = failure;
    if (statusCode === 410) return { kind: "gone", failure };
    // At least a second, so that a peer that says 0 is not asked in a tight loop.
    const seconds = retryAfter === undefined ? undefined : Math.max(1, retryAfter);
    if (seconds !== undefined) return { kind: "later", failure, until: this.#deps.clock.now() + seconds * 1_000 };
    return { kind: statusCode === 404 ? "unknown" : "failed", failure };
  }

  #compresses(trust: TrustRecord, text: string): boolean {
    if (!this.#deps.gzip || Buffer.byteLength(text) <= COMPRESS_OVER) return false;
    const capabilities = freshCapabilities(trust.capabilities, this.#deps.clock.now());
    if (capabilities?.supported.includes("callbackcompression") !== true) return false;
    return trust.plainSince !== capabilities.fetchedAt;
  }

  /** One request; a second one, uncompressed, when the peer cannot decompress the first. Undefined: it took the callback. */
  async #request(
    trust: TrustRecord,
    head: InboundHead,
    request: Outgoing,
    time: DeliveryBudget,
  ): Promise<DeliveryFailure | undefined> {
    const { http, clock, timeoutMs } = this.#deps;
    const failed = { peerId: head.peerId, subscriptionId: head.id };
    const baseUri = trust.baseUri.replace(/\/+$/, "");
    const segments = ["callbacks", "subscriptions", head.actorId, head.id].map(pathSegment);
    if (segments.includes(undefined)) return { ...failed, error: "The subscription has an id that no URL can carry." };
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
      const seconds = retryAfterSeconds(headers["retry-after"], clock.now());
      if (request.gzip === true && seconds === undefined && CANNOT_DECOMPRESS.includes(status)) {
        return await this.#requestPlain(trust, head, request, time);
      }
      const retryAfter = seconds === undefined ? undefined : Math.min(seconds, MOST_PAUSE_SECONDS);
      return compact({ ...failed, statusCode: status, error: `The peer answered ${String(status)}.`, retryAfter });
    } catch (error) {
      if (error instanceof PeerFailure) return { ...failed, error: error.message };
      throw error;
    }
  }

  async #requestPlain(
    trust: TrustRecord,
    head: InboundHead,
    { jsonText, headers }: Outgoing,
    time: DeliveryBudget,
  ): Promise<DeliveryFailure | undefined> {
    const failure = await this.#request(trust, head, { jsonText, headers }, time);
    // The same refusal of the plain body has another cause; without an answer the cause is unknown.
    const status = failure === undefined ? 200 : failure.statusCode;
    if (status !== undefined && !CANNOT_DECOMPRESS.includes(status)) await this.#plainFromNow(trust);
    return failure;
  }

  async #plainFromNow(trust: TrustRecord): Promise<void> {
    const { log, plainFromNow } = this.#deps;
    const { actorId, peerId } = trust;
    log.info("a peer does not undo compressed callbacks", { actorId, peerId });
    try {
      await plainFromNow(trust);
    } catch (error) {
      // The next callback finds out again.
      log.warn("it was not noted that a peer wants plain callbacks", { actorId, peerId, error });
    }
  }
}
