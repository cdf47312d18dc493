/** A whole service with an actor, peers that it trusts, and its owner's requests. No peer can be reached. */
import { receiveCallback } from "../../../lib/receiving/intake/receive-callback.ts";
import type { Service } from "../../../lib/compose/service.ts";
import { secretDigest } from "../../../lib/domain/wire/secret-digest.ts";
import { randomIds } from "../../../lib/system/ids.ts";
import type { DelayedWork, Json } from "../../../lib/system/ports.ts";
import { CallbackAuthenticator } from "../../../lib/trust/callback-authenticator.ts";
import type { TrustRecord } from "../../../lib/trust/trust-record.ts";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { Network, type Answer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WholeService } from "../../support/whole-service.ts";

const DEADLINE = { remaining: () => 29_000 };

export class OperatedService {
  readonly table = new MemoryTable();
  readonly app = new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test" });
  readonly host = new WholeService(new Network(), "https://us.example", { app: this.app, table: this.table });
  readonly services: Service = this.host.service;
  readonly messages: DelayedWork[] = this.host.messages;
  actorId = "";
  owner: Record<string, string> = {};

  get now(): number {
    return this.host.now;
  }

  set now(now: number) {
    this.host.now = now;
  }

  /** Makes the actor whose owner asks. */
  async open(): Promise<this> {
    const { id, as } = await this.host.actor();
    this.actorId = id;
    this.owner = as;
    return this;
  }

  /** An approved trust with a peer. */
  async trust(peerId: string, more: Partial<TrustRecord> = {}): Promise<TrustRecord> {
    const trust: TrustRecord = {
      ...{ actorId: this.actorId, peerId, baseUri: `https://${peerId}.example/a`, type: "", relationship: "friend" },
      ...{ secret: randomIds.secret(), desc: "", approved: true, peerApproved: true, verified: true },
      ...{ verificationToken: "", createdAt: this.now, revision: 1, ending: false, ...more },
    };
    await this.services.trusts.create(trust);
    return trust;
  }

  /** Our subscription to all properties of a trusted peer. */
  async subscribe(trust: TrustRecord, subscriptionId = "sub"): Promise<void> {
    const { actorId, peerId } = trust;
    const auth = secretDigest(trust.secret);
    const trusted = new CallbackAuthenticator(this.table).approvedCheck(trust, auth);
    const scope = { target: "properties" };
    await this.services.heads.make({
      ...{ actorId, peerId, subscriptionId, scope, granularity: "high", auth, reconcileMs: 0, trusted },
    });
  }

  /** One callback of the peer; its status. */
  async callback(trust: TrustRecord, sequence: number, data: Json, subscriptionId = "sub"): Promise<number> {
    const { actorId, peerId } = trust;
    const said = { id: peerId, subscriptionid: subscriptionId, target: "properties", granularity: "high" };
    const body = Buffer.from(JSON.stringify({ ...said, sequence, timestamp: "2026-01-01T00:00:00Z", data }));
    const sender = { actorId, peerId, subscriptionId, digest: secretDigest(trust.secret) };
    return (await receiveCallback(this.services.receiving, sender, { body }, DEADLINE)).status;
  }

  /** Does what a delayed message or the sweep would do, until nothing is due now. */
  async settleDue(): Promise<void> {
    for (let work = this.messages.shift(); work !== undefined; work = this.messages.shift()) {
      if (work.dueAt <= this.now) await this.services.runDue({ pk: work.pk, sk: work.sk }, DEADLINE);
    }
  }

  /** A request of the owner's, below the actor, to a route given as its pattern. */
  async ask(
    method: string,
    pattern: string,
    params: Readonly<Record<string, string>> = {},
    options: { query?: string; json?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const path = pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
    const query = options.query === undefined ? "" : `?${options.query}`;
    return await this.host.ask(method, `/${this.actorId}${path}${query}`, {
      headers: { "content-type": "application/json", ...(options.headers ?? this.owner) },
      ...(options.json === undefined ? {} : { json: options.json }),
    });
  }
}
