import { compact } from "../system/compact.ts";
import { isOutsideId } from "../domain/terms/identifiers.ts";
import { ServiceError } from "../system/errors.ts";
import { waitSeconds, type Remote, type RemoteFailure } from "../peers/remote-answer.ts";
import { RemoteActor } from "../peers/remote-actor.ts";
import { readMeta, requestTrust, sendApproval, sendTrustDeleted, verifyTrust } from "../peers/remote-trust.ts";
import type { Clock, JsonObject, Log, PeerHttp } from "../system/ports.ts";
import type { TrustRecord } from "./trust-record.ts";

/** The ids of the request for which a peer is called; they are sent along. */
export interface Trace {
  readonly requestId?: string;
  readonly traceparent?: string;
}

/** The most that notifying the other side may take before a request is answered, all calls together, ms. */
export const NOTIFY_MS = 5000;
/** Verification happens while the other side waits for our answer. */
const VERIFY_MS = 5000;

/** What a peer's `/meta` says. */
interface PeerMeta {
  readonly id: string;
  readonly type: string;
}

/** What becomes of a permission callback to a peer that wants no requests for a while. */
export interface PermissionsLater {
  /** True while the peer wants no requests. */
  isPaused(trust: TrustRecord): boolean;
  /**
   * Sends the peer later what it is allowed since `timestamp`; `seconds`: the `Retry-After` that it has just sent. Never
   * rejects.
   */
  defer(trust: TrustRecord, timestamp: string, seconds?: number): Promise<void>;
}

/** The requests that a trust makes to the other side, and what their failures mean to our own caller. */
export class PeerCalls {
  readonly #http: PeerHttp;
  readonly #log: Log;

  readonly #later: PermissionsLater | undefined;
  readonly #clock: Clock;

  constructor(http: PeerHttp, log: Log, clock: Clock, later?: PermissionsLater) {
    this.#http = http;
    this.#log = log;
    this.#clock = clock;
    this.#later = later;
  }

  /**
   * Reads who answers at this root.
   * @throws ServiceError auth.forbidden (refused, also by our outbound rules), peer.unreachable, peer.invalid_answer
   */
  async meta(baseUri: string, ourId: string, trace: Trace): Promise<PeerMeta> {
    const remote = new RemoteActor({ http: this.#http, baseUri, ourId, ...traceOf(trace) });
    const { id, type } = demand(await readMeta(remote), this.#clock.now());
    if (isOutsideId(id)) return { id, type: type.slice(0, 256) };
    throw new ServiceError("peer.invalid_answer", "The peer's /meta is not that of an actor.");
  }

  /** Asks the peer to trust us; true when it has approved already. @throws as `meta` */
  async ask(trust: TrustRecord, ourRoot: string, ourType: string, trace: Trace): Promise<boolean> {
    const { baseUri, actorId: ourId, relationship } = trust;
    const remote = new RemoteActor({ http: this.#http, baseUri, ourId, ...traceOf(trace) });
    const asked = await requestTrust(remote, relationship, {
      baseuri: ourRoot,
      id: ourId,
      type: ourType,
      secret: trust.secret,
      desc: trust.desc,
      verify: trust.verificationToken,
    });
    return demand(asked, this.#clock.now()).approved || asked.status === 201;
  }

  /**
   * Whether the actor under the trust's `baseUri` has the token that we were given.
   * @throws ServiceError auth.forbidden when our outbound rules refuse that address
   */
  async verifies(trust: TrustRecord, token: string, trace: Trace): Promise<boolean> {
    const asked = await verifyTrust(this.#remote(trust, trace, VERIFY_MS), trust.relationship, token);
    if (asked.ok) return asked.value;
    if (asked.kind === "blocked") throw serviceError(asked, this.#clock.now());
    this.#log.warn("verification failed", { ...idsOf(trust), reason: asked.message });
    return false;
  }

  /** Notifies the peer that we approved the trust. Best effort, at most `withinMs`. */
  async notifyApproved(trust: TrustRecord, trace: Trace, withinMs: number): Promise<boolean> {
    const answer = await sendApproval(this.#remote(trust, trace, withinMs), trust.relationship);
    return this.#noted("approval", trust, answer);
  }

  /** Notifies the peer that the trust is over. Best effort, at most `withinMs` [5 s]. */
  async notifyDeleted(trust: TrustRecord, trace: Trace, withinMs: number = NOTIFY_MS): Promise<boolean> {
    const answer = await sendTrustDeleted(this.#remote(trust, trace, withinMs), trust.relationship);
    return this.#noted("trust deletion", trust, answer);
  }

  /**
   * Sends the peer everything that it is allowed since `timestamp` (ISO 8601). Best effort, at most `withinMs`; deferred when
   * the peer wants no requests now.
   */
  async notifyPermissions(
    trust: TrustRecord,
    data: JsonObject,
    timestamp: string,
    trace: Trace,
    withinMs: number,
  ): Promise<boolean> {
    if (this.#later?.isPaused(trust) === true) {
      await this.#later.defer(trust, timestamp);
      return false;
    }
    const json = { id: trust.actorId, target: "permissions", type: "permission", timestamp, data };
    const at = ["callbacks", "permissions", trust.actorId];
    const answer = await this.#remote(trust, trace, withinMs).call({ method: "POST", at, json });
    const seconds = answer.ok ? undefined : waitSeconds(answer, this.#clock.now());
    if (seconds !== undefined) await this.#later?.defer(trust, timestamp, seconds);
    return this.#noted("permission callback", trust, answer);
  }

  #remote(trust: TrustRecord, trace: Trace, timeoutMs: number): RemoteActor {
    const { baseUri, secret: bearer, actorId: ourId } = trust;
    return new RemoteActor({ http: this.#http, baseUri, bearer, ourId, timeoutMs, ...traceOf(trace) });
  }

  #noted(what: string, trust: TrustRecord, answer: Remote<unknown>): boolean {
    if (!answer.ok) this.#log.warn("the peer was not notified", { what, ...idsOf(trust), reason: answer.message });
    return answer.ok;
  }
}

/** Statuses by which a peer refuses, rather than says that the request makes no sense. */
const REFUSALS: readonly (number | undefined)[] = [400, 401, 403, 409];

function demand<T>(asked: Remote<T>, now: number): T {
  if (asked.ok) return asked.value;
  throw serviceError(asked, now);
}

function serviceError(failure: RemoteFailure, now: number): ServiceError {
  const extra = compact({ peerStatus: failure.status });
  if (failure.kind === "unreachable") return new ServiceError("peer.unreachable", failure.message, { extra });
  const refused = failure.kind === "blocked" || (failure.kind === "refused" && REFUSALS.includes(failure.status));
  const seconds = waitSeconds(failure, now);
  return new ServiceError(
    refused ? "auth.forbidden" : "peer.invalid_answer",
    failure.message,
    compact({ extra, headers: seconds === undefined ? undefined : { "Retry-After": String(seconds) } }),
  );
}

function traceOf(trace: Trace): Trace {
  return compact({ requestId: trace.requestId, traceparent: trace.traceparent });
}

const idsOf = (trust: TrustRecord): { actorId: string; peerId: string } => ({
  actorId: trust.actorId,
  peerId: trust.peerId,
});
