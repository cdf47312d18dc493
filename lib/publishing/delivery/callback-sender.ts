/** Sends one number of one subscription to its peer. */
import { compact } from "../../system/compact.ts";
import { pathSegment } from "../../domain/terms/peer-url.ts";
import type { RenderedDiff } from "../../domain/log/subscription-log.ts";
import { MOST_PAUSE_SECONDS, retryAfterSeconds } from "../../domain/wire/retry-after.ts";
import { currentTrace } from "../../system/request-context.ts";
import { freshCapabilities, type CachedCapabilities } from "../../peers/capabilities.ts";
import { PeerFailure, type Clock, type Log, type PeerHttp } from "../../system/ports.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import { JsonTexts, callbackBody } from "./callback-body.ts";
import type { DeliveryFailure } from "../../engine/fan-out-result.ts";
import type { DeliveryBudget } from "../../engine/delivery-budget.ts";

/** Bodies longer than this are compressed for peers that can decompress, bytes. */
const COMPRESS_OVER = 1_024;
/** What a peer, or a proxy before it, answers to a compressed body that it cannot decompress. */
const CANNOT_DECOMPRESS: readonly number[] = [400, 415];

export interface CallbackSenderDeps {
  readonly http: PeerHttp;
  readonly clock: Clock;
  readonly log: Log;
  /** The root of one of our actors, without a slash at the end. */
  readonly rootOf: (actorId: string) => string;
  readonly timeoutMs: number;
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

/** Never rejects for what the peer or the network does. */
export class CallbackSender {
  readonly #deps: CallbackSenderDeps;
  readonly #texts = new JsonTexts();

  constructor(deps: CallbackSenderDeps) {
    this.#deps = deps;
  }

  /**
   * Sends a number by one request, and by a second one, uncompressed, when the peer cannot decompress the first.
   *
   * @param options.plain the body is not compressed
   * @param options.mayAgain whether the peer may still get what was rendered, asked before the second request
   */
  async send(
    trust: TrustRecord,
    head: InboundHead,
    rendered: RenderedDiff,
    time: DeliveryBudget,
    { plain = false, mayAgain }: { readonly plain?: boolean; readonly mayAgain: () => Promise<boolean> },
  ): Promise<Sent> {
    const { http, clock, rootOf, timeoutMs } = this.#deps;
    const capabilities = freshCapabilities(trust.capabilities, clock.now());
    const body = callbackBody(head, rendered, {
      root: rootOf(head.actorId),
      supportsResync: capabilities?.supported.includes("subscriptionresync"),
      texts: this.#texts,
    });
    if (body === undefined) return { kind: "polls" };
    const failed = { peerId: head.peerId, subscriptionId: head.id };
    const baseUri = trust.baseUri.replace(/\/+$/, "");
    const segments = ["callbacks", "subscriptions", head.actorId, head.id].map(pathSegment);
    if (segments.includes(undefined)) {
      return this.#judged({ ...failed, error: "The subscription has an id that no URL can carry." });
    }
    const gzip = !plain && this.#compresses(body.text, trust, capabilities);
    try {
      const { status, headers } = await http.send({
        method: "POST",
        url: [baseUri, ...segments].join("/"),
        credentials: { bearer: trust.secret, baseUri },
        jsonText: body.text,
        headers: body.headers,
        ...(gzip && { gzip }),
        statusOnly: true,
        timeoutMs: time.forOne(timeoutMs),
        ...currentTrace(),
      });
      if (status >= 200 && status < 300) return { kind: "taken", whole: body.whole };
      const seconds = retryAfterSeconds(headers["retry-after"], clock.now());
      if (gzip && seconds === undefined && CANNOT_DECOMPRESS.includes(status) && (await mayAgain())) {
        const sent = await this.send(trust, head, rendered, time, { plain: true, mayAgain });
        await this.#learnedFrom(sent, trust);
        return sent;
      }
      const retryAfter = seconds === undefined ? undefined : Math.min(seconds, MOST_PAUSE_SECONDS);
      const error = `The peer answered ${String(status)}.`;
      return this.#judged(compact({ ...failed, statusCode: status, error, retryAfter }));
    } catch (error) {
      if (error instanceof PeerFailure) return this.#judged({ ...failed, error: error.message });
      throw error;
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

  #compresses(text: string, trust: TrustRecord, capabilities: CachedCapabilities | undefined): boolean {
    if (!this.#deps.gzip || Buffer.byteLength(text) <= COMPRESS_OVER) return false;
    if (capabilities?.supported.includes("callbackcompression") !== true) return false;
    return trust.plainSince !== capabilities.fetchedAt;
  }

  /** What became of the plain body says whether compression was the trouble. */
  async #learnedFrom(sent: Sent, trust: TrustRecord): Promise<void> {
    // The same refusal of the plain body has another cause; without an answer the cause is unknown.
    const status = "failure" in sent ? sent.failure.statusCode : 200;
    if (status !== undefined && !CANNOT_DECOMPRESS.includes(status)) await this.#plainFromNow(trust);
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
