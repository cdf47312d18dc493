/** The callback routes, from request to reply. */
import { compact } from "../system/compact.ts";
import { parseJson } from "../domain/json/json.ts";
import { parsePermissionBody } from "../domain/wire/permission-body.ts";
import { ServiceError } from "../system/errors.ts";
import { bearerOf } from "../http/credentials.ts";
import { insideHook } from "../system/request-context.ts";
import { decodeBody } from "../http/decode-body.ts";
import { empty, json } from "../http/reply.ts";
import type { Reply } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { ActingWebApp } from "../application/acting-web-app.ts";
import type { CallbackHook } from "../application/hooks.ts";
import type { Actor } from "../application/actor.ts";
import type { Config } from "../system/config.ts";
import type { Json, Log } from "../system/ports.ts";
import type { Sender } from "../receiving/intake/callback-access.ts";
import type { InboundSubscriptions } from "../publishing/subscribers/inbound-subscriptions.ts";
import type { Receiving } from "../receiving/intake/receiving.ts";
import { secretDigest } from "../domain/wire/secret-digest.ts";
import type { GrantChanges } from "../receiving/subscriptions/grant-changes.ts";
import type { OutboundEnding } from "../receiving/subscriptions/outbound-ending.ts";

export interface CallbackServices {
  readonly app: ActingWebApp;
  readonly config: Config;
  readonly log: Log;
  readonly receiving: Receiving;
  readonly outboundEnding: OutboundEnding;
  readonly inbound: InboundSubscriptions;
  readonly grants: GrantChanges;
  readonly actorOf: (actorId: string) => Actor;
}

/** The routes that peers call back on, and those of registered callback hooks. */
export class CallbackRoutes {
  readonly #services: CallbackServices;

  constructor(services: CallbackServices) {
    this.#services = services;
  }

  /** One subscription callback. */
  async receive(request: ServiceRequest): Promise<Reply> {
    const { receiving, config, app } = this.#services;
    const sender = senderOf(request);
    const raw = app.rawHook("subscription");
    if (raw !== undefined || !config.autoSequence) {
      await receiving.access.open(sender);
      return await this.#raw(raw, request, sender);
    }
    const encoding = request.headers["content-encoding"];
    const sent = compact({ body: request.body, encoding });
    const answer = await receiving.receiver.receive(sender, sent, request.deadline);
    if (config.callbackSuccessStatus === 204) return empty();
    return json(answer.status, { ...answer.body });
  }

  async #raw(hook: CallbackHook | undefined, request: ServiceRequest, sender: Sender): Promise<Reply> {
    if (hook === undefined) {
      throw new ServiceError(
        "request.invalid",
        "This service does not process callbacks: AUTO_SEQUENCE is false and no hook takes them.",
      );
    }
    await this.#taken(hook, request, "subscription", sender);
    return this.#services.config.callbackSuccessStatus === 204 ? empty() : json(201, { result: "processed" });
  }

  /** The peer has ended the subscription with it of that id, whichever direction it has. */
  async leave(request: ServiceRequest): Promise<Reply> {
    const { receiving, outboundEnding, inbound } = this.#services;
    const sender = senderOf(request);
    await receiving.access.trusted(sender);
    const { actorId, peerId, subscriptionId } = sender;
    const notifyPeer = false;
    const ended =
      (await outboundEnding.end(actorId, peerId, subscriptionId, { notifyPeer })) ||
      (await inbound.end(actorId, peerId, subscriptionId, { notifyPeer }));
    if (!ended) throw new ServiceError("resource.not_found", "There is no such subscription with this peer.");
    return empty();
  }

  /** The peer says anew what it grants us. */
  async permission(request: ServiceRequest): Promise<Reply> {
    const { receiving, grants } = this.#services;
    const sender = { ...senderOf(request), subscriptionId: "permissions" };
    await receiving.access.trusted(sender);
    const body = parseJson(decodeBody(request.body, request.headers["content-encoding"]));
    const kept = await grants.receive(sender.actorId, sender.peerId, parsePermissionBody(body, sender));
    return kept ? empty() : json(200, { result: "ignored" });
  }

  /** A callback of the application's own: its hook decides; without one 401 or 403. */
  async custom(request: ServiceRequest): Promise<Reply> {
    const name = param(request, "name");
    const hook = this.#services.app.rawHook(name);
    if (hook === undefined || name === "subscription") {
      if (request.headers["authorization"] === undefined) {
        throw new ServiceError("auth.missing", "This needs credentials.", {
          headers: { "WWW-Authenticate": 'Bearer realm="actingweb"' },
        });
      }
      throw new ServiceError("auth.forbidden", "No hook takes this callback.");
    }
    await this.#taken(hook, request, name);
    return empty();
  }

  async #taken(hook: CallbackHook, request: ServiceRequest, name: string, sender?: Sender): Promise<void> {
    const decoded = decodeBody(request.body, request.headers["content-encoding"]);
    const body: Json = decoded.byteLength === 0 ? null : parseJson(decoded);
    let taken: unknown;
    try {
      const event = {
        actor: this.#services.actorOf(param(request, "actorId")),
        name,
        method: request.method,
        ...(sender === undefined ? {} : { peerId: sender.peerId, subscriptionId: sender.subscriptionId }),
        body,
        headers: sender === undefined ? request.headers : {},
        query: request.query,
      };
      taken = await insideHook(async () => await hook(event));
    } catch (error) {
      this.#services.log.warn("a callback hook failed", { name, error });
    }
    if (!taken) throw new ServiceError("request.invalid", "The application did not take this callback.");
  }
}

function senderOf(request: ServiceRequest): Sender {
  const bearer = bearerOf(request.headers["authorization"]);
  return {
    actorId: param(request, "actorId"),
    peerId: param(request, "peerId"),
    subscriptionId: request.params["subscriptionId"] ?? "",
    digest: bearer === undefined ? undefined : secretDigest(bearer),
  };
}
