import { isArray, isObject, own, parseJson } from "../domain/json.ts";
import { isOutsideId } from "../domain/identifiers.ts";
import { ServiceError } from "../errors.ts";
import { PeerFailure } from "../ports.ts";
import type { Json, JsonObject, Log, PeerAnswer, PeerHttp, PeerRequest } from "../ports.ts";
import { sameSecret } from "./secret-digest.ts";
import type { TrustRecord } from "./trust-record.ts";

/** Ids of the request on whose behalf a peer is asked; sent along. */
export interface Trace {
  readonly requestId?: string;
  readonly traceparent?: string;
}

/** The most that telling the other side may take, in milliseconds. */
const TELL_MS = 5000;
/** Verification happens while the other side waits for our answer. */
const VERIFY_MS = 5000;

/** What a peer says of itself. */
export interface PeerMeta {
  readonly id: string;
  readonly type: string;
}

/** What came of asking a peer to trust us. */
export interface Asked {
  readonly peerApproved: boolean;
}

/** The requests that a trust makes to the other side. */
export class PeerCalls {
  readonly #http: PeerHttp;
  readonly #log: Log;

  constructor(http: PeerHttp, log: Log) {
    this.#http = http;
    this.#log = log;
  }

  /**
   * Who answers at this root.
   * @throws ServiceError auth.forbidden (refused, also by our outbound rules), peer.unreachable, peer.invalid_answer
   */
  async meta(baseUri: string, trace: Trace): Promise<PeerMeta> {
    const answer = await this.#ask({ method: "GET", url: `${baseUri}/meta`, ...traceOf(trace) });
    demandStatus(answer, [200]);
    const meta = jsonObject(answer);
    const id = meta === undefined ? undefined : own(meta, "id");
    if (meta === undefined || typeof id !== "string" || !isOutsideId(id)) {
      throw new ServiceError("peer.invalid_answer", "The peer's /meta is not that of an actor.");
    }
    const type = own(meta, "type");
    return { id, type: typeof type === "string" ? type.slice(0, 256) : "" };
  }

  /** Asks the peer to trust us. @throws as `meta` */
  async ask(trust: TrustRecord, ourRoot: string, ourType: string, trace: Trace): Promise<Asked> {
    const json = {
      baseuri: ourRoot,
      id: trust.actorId,
      type: ourType,
      secret: trust.secret,
      desc: trust.desc,
      verify: trust.verificationToken,
    };
    const url = `${trust.baseUri}/trust/${trust.relationship}`;
    const answer = await this.#ask({ method: "POST", url, json, ...traceOf(trace) });
    demandStatus(answer, [201, 202]);
    const record = jsonObject(answer);
    const approved = record === undefined ? undefined : own(record, "approved");
    return { peerApproved: answer.status === 201 || approved === true || approved === "true" };
  }

  /**
   * Whether whoever answers under the trust's `baseUri` holds the token that we were given.
   * @throws ServiceError auth.forbidden when our outbound rules refuse that address
   */
  async verifies(trust: TrustRecord, token: string | undefined, trace: Trace): Promise<boolean> {
    const url = `${trust.baseUri}/trust/${trust.relationship}/${trust.actorId}`;
    try {
      const answer = await this.#http.send({
        method: "GET",
        url,
        ...credentialsOf(trust),
        timeoutMs: VERIFY_MS,
        ...traceOf(trace),
      });
      const record = answer.status >= 200 && answer.status <= 299 ? jsonObject(answer) : undefined;
      if (record === undefined || token === undefined || token === "") return false;
      const held = [own(record, "verification_token"), own(record, "verificationToken")];
      return held.some((value) => typeof value === "string" && sameSecret(value, token));
    } catch (error) {
      if (error instanceof PeerFailure && error.reason === "refused") throw refusedByRules(error);
      this.#log.warn("verification failed", { ...idsOf(trust), error });
      return false;
    }
  }

  /** Tells the peer that we approved it. Best effort, at most 5 s. */
  async tellApproved(trust: TrustRecord, trace: Trace): Promise<boolean> {
    const url = `${trust.baseUri}/trust/${trust.relationship}/${trust.actorId}`;
    return this.#tell("approval", trust, { method: "POST", url, json: { approved: true }, ...traceOf(trace) });
  }

  /** Tells the peer that the trust is over. Best effort, at most 5 s. */
  async tellDeleted(trust: TrustRecord, trace: Trace): Promise<boolean> {
    const url = `${trust.baseUri}/trust/${trust.relationship}/${trust.actorId}`;
    return this.#tell("trust deletion", trust, { method: "DELETE", url, ...traceOf(trace) });
  }

  /** Sends the peer what it is allowed now. Best effort, at most 5 s. */
  async tellPermissions(trust: TrustRecord, data: JsonObject, now: number, trace: Trace): Promise<boolean> {
    const url = `${trust.baseUri}/callbacks/permissions/${trust.actorId}`;
    const timestamp = new Date(now).toISOString();
    const json = { id: trust.actorId, target: "permissions", type: "permission", timestamp, data };
    return this.#tell("permission callback", trust, { method: "POST", url, json, ...traceOf(trace) });
  }

  async #tell(what: string, trust: TrustRecord, request: PeerRequest): Promise<boolean> {
    try {
      const answer = await this.#http.send({ ...request, ...credentialsOf(trust), timeoutMs: TELL_MS });
      if (answer.status >= 200 && answer.status <= 299) return true;
      this.#log.warn("the peer did not take what it was told", { what, ...idsOf(trust), status: answer.status });
    } catch (error) {
      this.#log.warn("the peer could not be told", { what, ...idsOf(trust), error });
    }
    return false;
  }

  async #ask(request: PeerRequest): Promise<PeerAnswer> {
    try {
      return await this.#http.send(request);
    } catch (error) {
      if (!(error instanceof PeerFailure)) throw error;
      if (error.reason === "refused") throw refusedByRules(error);
      if (error.reason === "unreachable" || error.reason === "timeout") {
        throw new ServiceError("peer.unreachable", "The peer did not answer.", { cause: error });
      }
      throw new ServiceError("peer.invalid_answer", "The peer's answer cannot be read.", { cause: error });
    }
  }
}

const REFUSALS = [400, 401, 403, 409];

function demandStatus(answer: PeerAnswer, wanted: readonly number[]): void {
  if (wanted.includes(answer.status)) return;
  const extra = { peerStatus: answer.status };
  if (REFUSALS.includes(answer.status)) {
    throw new ServiceError("auth.forbidden", `The peer refused with status ${String(answer.status)}.`, { extra });
  }
  throw new ServiceError("peer.invalid_answer", `The peer answered with status ${String(answer.status)}.`, { extra });
}

function refusedByRules(cause: PeerFailure): ServiceError {
  return new ServiceError("auth.forbidden", `The peer's address is refused: ${cause.message}`, { cause });
}

function jsonObject(answer: PeerAnswer): JsonObject | undefined {
  try {
    const value: Json = parseJson(answer.body, { surrogates: "repair", what: "peer's answer" });
    return isObject(value) && !isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function credentialsOf(trust: TrustRecord): Pick<PeerRequest, "credentials"> {
  return { credentials: { bearer: trust.secret, baseUri: trust.baseUri } };
}

function traceOf(trace: Trace): Trace {
  return {
    ...(trace.requestId === undefined ? {} : { requestId: trace.requestId }),
    ...(trace.traceparent === undefined ? {} : { traceparent: trace.traceparent }),
  };
}

const idsOf = (trust: TrustRecord): { actorId: string; peerId: string } => ({
  actorId: trust.actorId,
  peerId: trust.peerId,
});
