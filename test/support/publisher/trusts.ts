import { isTrue, textMember, trustBooleans, type Style } from "./dialect.ts";
import type { Json, JsonObject } from "./json.ts";
import { ask } from "./wire.ts";

/** A trust as this peer keeps it. */
export interface Trust {
  peerId: string;
  baseUri: string;
  relationship: string;
  type: string;
  desc: string;
  secret: string;
  token: string;
  approved: boolean;
  peerApproved: boolean;
  verified: boolean;
}

/** This peer's own name and address. */
export interface Self {
  id: string;
  baseUri: string;
}

const OUR_TYPE = "urn:actingweb:test:publisher";

/** The trust book of this peer, both sides of the handshake. */
export class Trusts {
  readonly all = new Map<string, Trust>();
  readonly #self: () => Self;
  readonly #style: Style;
  readonly #hex: (length: number) => string;

  constructor(self: () => Self, style: Style, hex: (length: number) => string) {
    this.#self = self;
    this.#style = style;
    this.#hex = hex;
  }

  /** The trust's record as it travels. */
  record(trust: Trust): JsonObject {
    return {
      id: this.#self().id,
      peerid: trust.peerId,
      baseuri: trust.baseUri,
      type: trust.type,
      relationship: trust.relationship,
      secret: trust.secret,
      desc: trust.desc,
      approved: trust.approved,
      peer_approved: trust.peerApproved,
      verified: trust.verified,
      verification_token: trust.token,
      ...(this.#style === "ours" ? { verificationToken: trust.token } : {}),
    };
  }

  /** A peer asks for trust: verifies with a GET at the asker, stores, and gives the record; undefined when refused. */
  async receive(relationship: string, body: Json | undefined, approve: boolean): Promise<JsonObject | undefined> {
    const peerId = textMember(body, "id");
    const baseUri = textMember(body, "baseuri");
    const secret = textMember(body, "secret");
    if (!peerId || !baseUri || !secret) return undefined;
    const mine = `${baseUri}/trust/${relationship}/${this.#self().id}`;
    const seen = await ask(mine, { bearer: secret });
    const token = textMember(seen.json, "verification_token") ?? textMember(seen.json, "verificationToken");
    const trust: Trust = {
      peerId,
      baseUri,
      relationship,
      type: textMember(body, "type") ?? "",
      desc: textMember(body, "desc") ?? "",
      secret,
      token: this.#hex(40),
      approved: approve,
      peerApproved: true,
      verified: token !== null && token === textMember(body, "verify"),
    };
    this.all.set(peerId, trust);
    return trustBooleans(this.#style, this.record(trust));
  }

  /**
   * Asks the actor at `peerUri` for trust, as a peer that initiates it: reads its meta, stores, posts. Gives the status
   * of that post and, when it was accepted, the trust.
   */
  async initiate(peerUri: string, relationship: string, desc = "") {
    const meta = await ask(`${peerUri}/meta`);
    const peerId = textMember(meta.json, "id") ?? peerUri.split("/").at(-1) ?? "";
    const trust: Trust = {
      peerId,
      baseUri: peerUri,
      relationship,
      type: textMember(meta.json, "type") ?? "",
      desc,
      secret: this.#hex(40),
      token: this.#hex(40),
      approved: true,
      peerApproved: false,
      verified: true,
    };
    this.all.set(peerId, trust);
    const { id, baseUri } = this.#self();
    const answer = await ask(`${peerUri}/trust/${relationship}`, {
      method: "POST",
      json: { baseuri: baseUri, id, type: OUR_TYPE, secret: trust.secret, desc, verify: trust.token },
    });
    if (answer.status !== 201 && answer.status !== 202) this.all.delete(peerId);
    else trust.peerApproved = answer.status === 201;
    return { ...answer, trust };
  }

  /** We approve, and notify the peer. Gives the status it answered. */
  async approve(peerId: string): Promise<number> {
    const trust = this.need(peerId);
    trust.approved = true;
    const answer = await ask(`${trust.baseUri}/trust/${trust.relationship}/${this.#self().id}`, {
      method: "POST",
      bearer: trust.secret,
      json: { approved: true },
    });
    return answer.status;
  }

  /** We end the trust, and notify the peer. Gives the status it answered. */
  async end(peerId: string): Promise<number> {
    const trust = this.need(peerId);
    this.all.delete(peerId);
    const answer = await ask(`${trust.baseUri}/trust/${trust.relationship}/${this.#self().id}`, {
      method: "DELETE",
      bearer: trust.secret,
    });
    return answer.status;
  }

  /** The peer notifies us of its approval. */
  peerApproves(trust: Trust, body: Json | undefined): void {
    const said = body !== undefined && typeof body === "object" && body !== null && !Array.isArray(body);
    if (said && isTrue(body["approved"])) trust.peerApproved = true;
  }

  /** The trust this bearer belongs to. */
  byBearer(bearer: string | undefined): Trust | undefined {
    return [...this.all.values()].find((trust) => trust.secret === bearer);
  }

  need(peerId: string): Trust {
    const trust = this.all.get(peerId);
    if (!trust) throw new Error(`no trust with ${peerId}`);
    return trust;
  }
}
