/** The whole service in this process over an in-memory table: an actor, a peer it trusts, and its owner's requests. */
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { routes as peerRoutes } from "../../lib/api/peers.ts";
import { ActorFactory } from "../../lib/actors/factory.ts";
import { ActingWebApp } from "../../lib/application/acting-web-app.ts";
import { readConfig } from "../../lib/system/config.ts";
import { area } from "../../lib/http/area.ts";
import { randomIds } from "../../lib/system/ids.ts";
import { platform } from "../../lib/system/platform.ts";
import { PeerFailure } from "../../lib/system/ports.ts";
import type { DelayedWork, Json } from "../../lib/system/ports.ts";
import { composeService } from "../../lib/compose/service.ts";
import type { Service } from "../../lib/compose/service.ts";
import { secretDigest } from "../../lib/domain/wire/secret-digest.ts";
import { CallbackAuthenticator } from "../../lib/trust/callback-authenticator.ts";
import type { TrustRecord } from "../../lib/trust/trust-record.ts";
import type { Answer } from "./in-process.ts";
import { basic } from "./in-process.ts";
import { received } from "./lambda-result.ts";
import { MemoryTable } from "./memory-table.ts";

const DEADLINE = { remaining: () => 29_000 };

export class OperatedService {
  readonly table = new MemoryTable();
  readonly app = new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test" });
  readonly messages: DelayedWork[] = [];
  now = Date.UTC(2026, 0, 1);
  readonly services: Service;
  actorId = "";
  owner: Record<string, string> = {};

  constructor() {
    const quiet = (): void => undefined;
    this.services = composeService(this.app, {
      ...platform,
      config: readConfig({ BASE_URL: "https://us.example", TABLE_NAME: "t", ACTOR_CREATION: "open" }),
      table: this.table,
      http: { send: () => Promise.reject(new PeerFailure("unreachable", "No network here.")) },
      queue: {
        send: (work) => {
          this.messages.push(work);
          return Promise.resolve();
        },
      },
      clock: { now: () => this.now },
      log: { info: quiet, warn: quiet, error: quiet },
    });
  }

  /** Makes the actor whose owner asks. */
  async open(): Promise<this> {
    const creation = { creator: "alice", passphrase: undefined, trustee_root: undefined };
    const made = await new ActorFactory(this.services).create(creation);
    this.actorId = made.id;
    this.owner = basic("alice", String(made["passphrase"]));
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
    const trusted = new CallbackAuthenticator(this.table).approvedCheck({ actorId, peerId }, auth);
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
    return (await this.services.receiving.receiver.receive(sender, { body }, DEADLINE)).status;
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
    const event = {
      routeKey: `ANY /{actorId}${pattern}`,
      rawPath: `/${this.actorId}${pattern}`,
      rawQueryString: options.query ?? "",
      headers: { "content-type": "application/json", ...(options.headers ?? this.owner) },
      requestContext: { http: { method } },
      pathParameters: { actorId: this.actorId, ...params },
      isBase64Encoded: false,
      body: options.json === undefined ? undefined : JSON.stringify(options.json),
    } as unknown as APIGatewayProxyEventV2;
    const result = await this.#handler(event, { getRemainingTimeInMillis: () => 29_000 } as Context);
    return received(result);
  }

  readonly #handler = area("peers", peerRoutes, () => this.services);
}
