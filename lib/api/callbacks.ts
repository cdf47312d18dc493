/** Callbacks: what peers send about the subscriptions we have with them, and the routes of the application's own callbacks. */
import type { ActingWebApp } from "../application/acting-web-app.ts";
import type { Actor } from "../application/actor.ts";
import type { CallbackHook } from "../application/hooks.ts";
import { parseJson } from "../domain/json/json.ts";
import { parsePermissionBody } from "../domain/wire/permission-body.ts";
import { secretDigest } from "../domain/wire/secret-digest.ts";
import { bearerOf } from "../http/credentials.ts";
import { decodeBody } from "../http/decode-body.ts";
import { empty, json } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import type { InboundSubscriptions } from "../publishing/subscribers/inbound-subscriptions.ts";
import type { Sender } from "../receiving/intake/callback-access.ts";
import { receiveCallback } from "../receiving/intake/receive-callback.ts";
import type { Receiving } from "../receiving/intake/receiving.ts";
import { type GrantDeps, receiveGrant } from "../receiving/subscriptions/grant-changes.ts";
import type { OutboundEnding } from "../receiving/subscriptions/outbound-ending.ts";
import { compact } from "../system/compact.ts";
import type { Config } from "../system/config.ts";
import { ServiceError } from "../system/errors.ts";
import type { Log } from "../system/ports.ts";
import { insideHook } from "../system/request-context.ts";
import { routesOf, type Handle, type RouteMap } from "./handler.ts";

export interface CallbackServices {
  readonly app: ActingWebApp;
  readonly config: Config;
  readonly log: Log;
  readonly receiving: Receiving;
  readonly outboundEnding: OutboundEnding;
  readonly inbound: InboundSubscriptions;
  readonly grants: GrantDeps;
  readonly actorOf: (actorId: string) => Actor;
}

/** The callbacks area. Credentials are a condition of the writes, so the handlers check them. */
export function routes(services: CallbackServices): RouteMap {
  const { app, config, receiving, outboundEnding, inbound, grants } = services;

  /** One subscription callback, in order or by the application's raw hook. */
  const receive: Handle = async (request) => {
    const sender = senderOf(request);
    const hook = app.rawHook("subscription");
    if (hook === undefined && config.autoSequence) {
      const sent = compact({ body: request.body, encoding: request.headers["content-encoding"] });
      const { status, body } = await receiveCallback(receiving, sender, sent, request.deadline);
      return config.callbackSuccessStatus === 204 ? empty() : json(status, { ...body });
    }
    await receiving.access.open(sender);
    if (hook === undefined) {
      throw new ServiceError(
        "request.invalid",
        "This service does not process callbacks: AUTO_SEQUENCE is false and no hook takes them.",
      );
    }
    await runRawHook(services, hook, request, "subscription", sender);
    return config.callbackSuccessStatus === 204 ? empty() : json(201, { result: "processed" });
  };

  /** A callback of the application's own: its hook decides; without one 401 or 403. */
  const custom: Handle = async (request) => {
    const name = param(request, "name");
    const hook = name === "subscription" ? undefined : app.rawHook(name);
    if (hook !== undefined) {
      await runRawHook(services, hook, request, name);
      return empty();
    }
    if (request.headers["authorization"] !== undefined) {
      throw new ServiceError("auth.forbidden", "No hook takes this callback.");
    }
    throw new ServiceError("auth.missing", "This needs credentials.", {
      headers: { "WWW-Authenticate": 'Bearer realm="actingweb"' },
    });
  };

  return routesOf("callbacks", {
    "POST /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": receive,
    "PUT /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": receive,
    /** The peer has ended the subscription with it of that id, whichever direction it has. */
    "DELETE /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": async (request) => {
      const sender = senderOf(request);
      await receiving.access.trusted(sender);
      const { actorId, peerId, subscriptionId } = sender;
      const notifyPeer = false;
      const ended =
        (await outboundEnding.end(sender, { notifyPeer })) ||
        (await inbound.end({ actorId, peerId, id: subscriptionId }, { notifyPeer }));
      if (!ended) throw new ServiceError("resource.not_found", "There is no such subscription with this peer.");
      return empty();
    },
    /** The peer says what it grants us from now on. */
    "POST /{actorId}/callbacks/permissions/{peerId}": async (request) => {
      const sender = { ...senderOf(request), subscriptionId: "permissions" };
      await receiving.access.trusted(sender);
      const body = parseJson(decodeBody(request.body, request.headers["content-encoding"]));
      const kept = await receiveGrant(grants, sender, parsePermissionBody(body, sender));
      return kept ? empty() : json(200, { result: "ignored" });
    },
    "GET /{actorId}/callbacks/{name+}": custom,
    "POST /{actorId}/callbacks/{name+}": custom,
    "PUT /{actorId}/callbacks/{name+}": custom,
    "DELETE /{actorId}/callbacks/{name+}": custom,
  });
}

/** @throws ServiceError request.invalid when the hook throws, or does not say that it took the callback */
async function runRawHook(
  { actorOf, log }: CallbackServices,
  hook: CallbackHook,
  request: ServiceRequest,
  name: string,
  sender?: Sender,
): Promise<void> {
  const decoded = decodeBody(request.body, request.headers["content-encoding"]);
  const body = decoded.byteLength === 0 ? null : parseJson(decoded);
  let taken: unknown;
  try {
    const callback = {
      actor: actorOf(param(request, "actorId")),
      name,
      method: request.method,
      ...compact({ peerId: sender?.peerId, subscriptionId: sender?.subscriptionId }),
      body,
      headers: sender === undefined ? request.headers : {},
      query: request.query,
    };
    taken = await insideHook(async () => await hook(callback));
  } catch (error) {
    log.warn("a callback hook failed", { name, error });
  }
  if (!taken) throw new ServiceError("request.invalid", "The application did not take this callback.");
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
