import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { routes } from "../../../lib/api/callbacks.ts";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { sweepAndWork } from "../../support/memory-queue.ts";
import { measure, type Cost, type Measurement } from "../../support/measured-table.ts";
import { area, type AreaHandler } from "../../../lib/http/area.ts";
import { randomIds } from "../../../lib/system/ids.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { headIs, writeOf } from "../../../lib/receiving/stream/stream-changes.ts";
import type { Service } from "../../../lib/compose/service.ts";
import { secretDigest } from "../../../lib/domain/wire/secret-digest.ts";
import { CallbackAuthenticator } from "../../../lib/trust/callback-authenticator.ts";
import { startEmulatedTable, type EmulatedTable } from "../../support/emulated-table.ts";
import { Network } from "../../support/in-process.ts";
import { WholeService } from "../../support/whole-service.ts";

const CALLBACK = "/{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}";
const RECONCILE_MS = 3_600_000;
const LEFT_MS = 29_000;

/** One callback's answer, and what the whole request cost. */
export interface Sent {
  readonly status: number;
  readonly result: string | undefined;
  readonly cost: Cost;
}

/** A subscription of one actor to all properties of one peer, up to date. */
export interface Stream {
  readonly actorId: string;
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly secret: string;
}

/** The callbacks function over the local emulator, in this process, with every request to the table counted. */
export class CallbackWorld {
  readonly services: Service;
  /** The sequences the data hook ran for, all streams together. */
  readonly hooked: number[] = [];
  readonly #table: EmulatedTable;
  readonly #measurement: Measurement;
  readonly #handler: AreaHandler;
  readonly #host: WholeService;

  private constructor(table: EmulatedTable) {
    this.#table = table;
    this.#measurement = measure(table.client);
    const app = new ActingWebApp({ awType: "urn:actingweb:example.com:cost", desc: "Counts what it costs" });
    app.subscriptionDataHook("*", ({ sequence }) => void this.hooked.push(sequence));
    this.#host = new WholeService(new Network(), "https://cost.example", {
      app,
      table: table.table,
      environment: { TABLE_NAME: table.tableName, MAX_PENDING: "1000" },
    });
    this.#host.now = Date.now();
    this.services = this.#host.service;
    this.#handler = area("callbacks", routes, () => this.services);
  }

  static async start(): Promise<CallbackWorld> {
    return new CallbackWorld(await startEmulatedTable());
  }

  async close(): Promise<void> {
    await this.#table.close();
  }

  /** A new stream, as it is once its baseline was read: nothing pending, the next reconciliation an hour away. */
  async open(): Promise<Stream> {
    const { actors, trusts, heads, table } = this.services;
    const [actorId, peerId, subscriptionId, secret] = [
      randomIds.id(),
      randomIds.id(),
      randomIds.id(),
      randomIds.secret(),
    ];
    const createdAt = this.#host.now;
    await actors.create({ id: actorId, creator: "creator", passphraseHash: "none", passphraseBits: 160, createdAt });
    await trusts.create({
      ...{ actorId, peerId, baseUri: `https://peer.example/${peerId}`, type: "urn:actingweb:example.com:peer" },
      ...{ relationship: "friend", secret, desc: "", approved: true, peerApproved: true, verified: true },
      ...{ verificationToken: "", createdAt, revision: 1, ending: false },
    });
    const auth = secretDigest(secret);
    const head = await heads.make({
      ...{ actorId, peerId, subscriptionId, scope: { target: "properties" }, granularity: "high", auth },
      reconcileMs: RECONCILE_MS,
      trusted: new CallbackAuthenticator(table).approvedCheck({ actorId, peerId }, auth),
    });
    const rested = { recoveryRequested: undefined, dueAt: this.#host.now + RECONCILE_MS };
    const { change, condition } = writeOf(head.key, { fields: rested, when: headIs.live });
    await table.update(head.key, change, condition);
    return { actorId, peerId, subscriptionId, secret };
  }

  /** Number `sequence` of the stream, as the gateway hands it over; `overwritten` [] unless given, absent when null. */
  async send(stream: Stream, sequence: number, data: Json, overwritten: readonly string[] | null = []): Promise<Sent> {
    const { actorId, peerId, subscriptionId } = stream;
    const body = {
      ...{ id: peerId, subscriptionid: subscriptionId, target: "properties", granularity: "high", sequence },
      ...{ timestamp: new Date(Date.UTC(2026, 0, 1) + sequence).toISOString(), data },
      ...(overwritten === null ? {} : { overwritten }),
    };
    const event = {
      routeKey: `ANY ${CALLBACK}`,
      rawPath: `/${actorId}/callbacks/subscriptions/${peerId}/${subscriptionId}`,
      rawQueryString: "",
      headers: { authorization: `Bearer ${stream.secret}`, "content-type": "application/json" },
      requestContext: { http: { method: "POST" } },
      pathParameters: { actorId, peerId, subscriptionId },
      isBase64Encoded: true,
      body: Buffer.from(JSON.stringify(body)).toString("base64"),
    };
    let result: string | undefined;
    let status = 0;
    const cost = await this.costOf(async () => {
      const answered = await this.#handler(
        event as unknown as APIGatewayProxyEventV2,
        { getRemainingTimeInMillis: () => LEFT_MS } as Context,
      );
      status = answered.statusCode ?? 0;
      const text = Buffer.from(answered.body ?? "", answered.isBase64Encoded === true ? "base64" : "utf8").toString();
      ({ result } = (text === "" ? {} : JSON.parse(text)) as { result?: string });
    });
    return { status, result, cost };
  }

  /** One sweep, and what it cost. */
  async sweep(): Promise<Cost> {
    return this.costOf(async () => {
      await sweepAndWork(this.services, { remaining: () => 60_000 });
    });
  }

  /** The requests to the table while `work` ran. */
  async costOf(work: () => Promise<void>): Promise<Cost> {
    this.#measurement.reset();
    await work();
    return this.#measurement.report();
  }
}
