/** Callbacks of ActingWeb peers, as a way out of the change log: one number of one subscription at a time. */
import { compact } from "../../system/compact.ts";
import { pathSegment } from "../../domain/terms/peer-url.ts";
import type { RenderedDiff } from "../../domain/log/subscription-log.ts";
import { MOST_PAUSE_SECONDS, retryAfterSeconds } from "../../domain/wire/retry-after.ts";
import { currentTrace } from "../../system/request-context.ts";
import { freshCapabilities, type CachedCapabilities } from "../../peers/capabilities.ts";
import { PeerFailure, type Clock, type Log, type PeerAnswer, type PeerHttp } from "../../system/ports.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import { JsonTexts, callbackBody } from "./callback-body.ts";
import type { DeliveryFailure } from "../../engine/fan-out-result.ts";
import type { DeliveryBudget } from "../../engine/delivery-budget.ts";
import type { PreparedAttempt, Tried, WayOut } from "../../engine/way-out.ts";
import type { Recipient } from "./recipient.ts";
import type { RefusalNotes } from "./refusal-notes.ts";

/** Bodies longer than this are compressed for peers that can decompress, bytes. */
const COMPRESS_OVER = 1_024;
/** What a peer, or a proxy before it, answers to a compressed body that it cannot decompress. */
const CANNOT_DECOMPRESS: readonly number[] = [400, 415];

export interface CallbackWayDeps {
  readonly http: PeerHttp;
  readonly clock: Clock;
  readonly log: Log;
  /** The root of one of our actors, without a slash at the end. */
  readonly rootOf: (actorId: string) => string;
  /** Bodies are compressed for peers that announce that they can decompress. */
  readonly gzip: boolean;
  /** The peer took a body uncompressed that it had not taken compressed: the next callbacks are not compressed. */
  readonly plainFromNow: (trust: TrustRecord) => Promise<void>;
}

/**
 * A subscription with callbacks in one delivery: what is known of its peer, what it has answered, how much time there is.
 */
export interface CallbackTarget {
  readonly head: Pick<InboundHead, "peerId" | "id">;
  readonly recipient: Recipient;
  readonly refusal: RefusalNotes;
  readonly time: DeliveryBudget;
}

/** A number, and the head of the subscription that it belongs to. */
export interface Callback {
  readonly head: InboundHead;
  readonly rendered: RenderedDiff;
}

/** `polls`: nothing was sent, because the subscription has no callbacks; `whole`: the callback carried its data. */
export type CallbackAnswer =
  | { readonly is: "polls" }
  | { readonly is: "unanswered"; readonly error: string }
  | { readonly is: "answered"; readonly status: number; readonly whole: boolean; readonly retryAfter?: number };

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

/** The way out to ActingWeb peers. Its attempts never reject for what the peer or the network does. */
export type CallbackOut = WayOut<CallbackTarget, Callback, CallbackAnswer, Sent>;

export class CallbackWay implements CallbackOut {
  readonly #deps: CallbackWayDeps;
  readonly #texts = new JsonTexts();

  constructor(deps: CallbackWayDeps) {
    this.#deps = deps;
  }

  /**
   * An attempt is one request, and a second one, uncompressed, when the peer cannot decompress the first and may still get
   * what was rendered.
   */
  render({ recipient, time }: CallbackTarget, { head, rendered }: Callback): Promise<PreparedAttempt<CallbackAnswer>> {
    const { http, clock, rootOf } = this.#deps;
    const { trust, permissions } = recipient;
    const capabilities = freshCapabilities(trust.capabilities, clock.now());
    const body = callbackBody(head, rendered, {
      root: rootOf(head.actorId),
      supportsResync: capabilities?.supported.includes("subscriptionresync"),
      texts: this.#texts,
    });
    if (body === undefined) return answering({ is: "polls" });
    const baseUri = trust.baseUri.replace(/\/+$/, "");
    const segments = ["callbacks", "subscriptions", head.actorId, head.id].map(pathSegment);
    if (segments.includes(undefined)) {
      return answering({ is: "unanswered", error: "The subscription has an id that no URL can carry." });
    }
    const request = {
      method: "POST",
      url: [baseUri, ...segments].join("/"),
      credentials: { bearer: trust.secret, baseUri },
      jsonText: body.text,
      headers: body.headers,
      statusOnly: true,
    } as const;
    const isLong = this.#compresses(body.text, trust, capabilities);
    return Promise.resolve(async (limitMs) => {
      for (let gzip = isLong; ; gzip = false) {
        let answer: CallbackAnswer;
        try {
          const timeoutMs = time.forOne(limitMs);
          const sent = await http.send({ ...request, ...(gzip && { gzip }), timeoutMs, ...currentTrace() });
          answer = answerOf(sent, body.whole, clock);
        } catch (error) {
          if (!(error instanceof PeerFailure)) throw error;
          answer = { is: "unanswered", error: error.message };
        }
        const isCompression = answer.is === "answered" && CANNOT_DECOMPRESS.includes(answer.status);
        if (gzip && isCompression && !("retryAfter" in answer)) {
          if ((await recipient.isTrusted()) && recipient.permissions === permissions) continue;
        } else if (isLong && !gzip && answer.is === "answered" && !isCompression) {
          // The same refusal of the plain body has another cause; without an answer the cause is unknown.
          await this.#plainFromNow(trust);
        }
        return answer;
      }
    });
  }

  classify(answer: CallbackAnswer, { head }: CallbackTarget): Sent {
    if (answer.is === "polls") return { kind: "polls" };
    const of = { peerId: head.peerId, subscriptionId: head.id };
    if (answer.is === "unanswered") return { kind: "failed", failure: { ...of, error: answer.error } };
    const { status, whole, retryAfter } = answer;
    if (status >= 200 && status < 300) return { kind: "taken", whole };
    const error = `The peer answered ${String(status)}.`;
    const failure = { ...of, statusCode: status, error, ...compact({ retryAfter }) };
    if (status === 410) return { kind: "gone", failure };
    if (retryAfter === undefined) return { kind: status === 404 ? "unknown" : "failed", failure };
    return { kind: "later", failure, until: this.#deps.clock.now() + retryAfter * 1_000 };
  }

  onFailure({ refusal }: CallbackTarget, { outcome }: Tried<Callback, CallbackAnswer, Sent>): void {
    if (outcome.kind === "taken") refusal.forget();
    if (!("failure" in outcome)) return;
    const { statusCode = 0 } = outcome.failure;
    const until = outcome.kind === "later" ? outcome.until : undefined;
    if (outcome.kind === "gone") refusal.unknownForGood(statusCode);
    else if (statusCode === 404) refusal.unknown(statusCode, until);
    else refusal.otherwise(until);
  }

  ends({ refusal }: CallbackTarget): string | undefined {
    return refusal.isOver ? "The peer says that the subscription has ended, or has not known it for long." : undefined;
  }

  #compresses(text: string, trust: TrustRecord, capabilities: CachedCapabilities | undefined): boolean {
    if (!this.#deps.gzip || Buffer.byteLength(text) <= COMPRESS_OVER) return false;
    if (capabilities?.supported.includes("callbackcompression") !== true) return false;
    return trust.plainSince !== capabilities.fetchedAt;
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

const answering = (answer: CallbackAnswer): Promise<PreparedAttempt<CallbackAnswer>> =>
  Promise.resolve(() => Promise.resolve(answer));

function answerOf({ status, headers }: PeerAnswer, whole: boolean, clock: Clock): CallbackAnswer {
  const seconds = retryAfterSeconds(headers["retry-after"], clock.now());
  // At least a second, so that a peer that says 0 is not asked in a tight loop.
  const retryAfter = seconds === undefined ? undefined : Math.max(1, Math.min(seconds, MOST_PAUSE_SECONDS));
  return { is: "answered", status, whole, ...compact({ retryAfter }) };
}
