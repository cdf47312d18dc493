import { ActorFactory, creationBody } from "../actors/factory.ts";
import { actorDocument, metaDocument, metaLeaf, serviceDocument } from "../actors/meta.ts";
import { ServiceError } from "../system/errors.ts";
import { readBody } from "../http/body.ts";
import { refuseInQuery } from "../http/not-taken.ts";
import { empty, json, text } from "../http/reply.ts";
import { param } from "../http/request.ts";
import { routesOf, type RouteMap } from "./handler.ts";
import type { Runtime } from "../compose/runtime.ts";
import type { ActorDeletion } from "../operations/deletion.ts";
import { rootUri } from "../trust/trust-services.ts";

const CREATION_FIELDS = Object.keys(creationBody.shape);

export interface ActorRouteServices extends Runtime {
  readonly deletion: ActorDeletion;
  /** The text of the OpenAPI document. */
  readonly openApi: () => Promise<string>;
}

/** The actors area. */
export function routes(services: ActorRouteServices): RouteMap {
  const { application, config, deletion, openApi, table } = services;
  const factory = new ActorFactory(services);
  return routesOf("actors", {
    "GET /": () => Promise.resolve(json(200, serviceDocument(application))),
    "POST /": async (request) => {
      factory.demandPermission(request.headers["authorization"]);
      refuseInQuery(request.query, CREATION_FIELDS);
      const made = await factory.create(readBody(request, creationBody, { form: true, whenEmpty: {} }));
      return json(201, made, { location: rootUri(config, made.id) });
    },
    "GET /healthz": async () => {
      await table.get({ pk: "HEALTH", sk: "HEALTH" }, { consistent: false });
      return json(200, { status: "ok", version: application.version });
    },
    "GET /openapi.json": async () => {
      const headers = { "content-type": "application/json", "cache-control": "public, max-age=300" };
      return { status: 200, headers, body: await openApi() };
    },
    "GET /{actorId}": (_, { actor }) => Promise.resolve(json(200, actorDocument(actor))),
    "DELETE /{actorId}": async (request, { actor }) => {
      await deletion.delete(actor, request.deadline, request);
      return empty();
    },
    "GET /{actorId}/meta": (_, { actor }) => Promise.resolve(json(200, metaDocument(actor, application))),
    "GET /{actorId}/meta/{leaf+}": async (request, { actor }) => {
      const line = metaLeaf(param(request, "leaf"), actor, application);
      if (line === undefined) throw new ServiceError("resource.not_found", "There is no such leaf of /meta.");
      return text(200, line);
    },
  });
}
