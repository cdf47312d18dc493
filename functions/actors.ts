import type { RouteKey } from "../lib/api/route-table.ts";
import { ActorFactory, creationBody } from "../lib/actors/factory.ts";
import { actorDocument, metaDocument, metaLeaf, serviceDocument } from "../lib/actors/meta.ts";
import { ServiceError } from "../lib/system/errors.ts";
import { readBody } from "../lib/http/body.ts";
import { refuseInQuery } from "../lib/http/not-taken.ts";
import { empty, json, text } from "../lib/http/reply.ts";
import { param } from "../lib/http/request.ts";
import type { Handler } from "../lib/api/handler.ts";
import type { Runtime } from "../lib/compose/runtime.ts";
import type { Service } from "../lib/compose/service.ts";
import { rootUri } from "../lib/trust/trust-context.ts";

const CREATION_FIELDS = Object.keys(creationBody.shape);

/** What the actors area answers. */
export function routes(services: Pick<Service, keyof Runtime | "deletion">): Record<RouteKey<"actors">, Handler> {
  const { application, config, deletion, table } = services;
  const factory = new ActorFactory(services);
  return {
    "GET /": {
      access: ["anyone"],
      handle: () => Promise.resolve(json(200, serviceDocument(application))),
    },
    "POST /": {
      access: ["anyone"],
      async handle(request) {
        factory.demandPermission(request.headers["authorization"]);
        refuseInQuery(request.query, CREATION_FIELDS);
        const made = await factory.create(readBody(request, creationBody, { form: true, whenEmpty: {} }));
        return json(201, made, { location: rootUri(config, made.id) });
      },
    },
    "GET /healthz": {
      access: ["anyone"],
      async handle() {
        await table.get({ pk: "HEALTH", sk: "HEALTH" }, { consistent: false });
        return json(200, { status: "ok", version: application.version });
      },
    },
    "GET /{actorId}": {
      access: ["creator", "trustee"],
      handle: (_, { actor }) => Promise.resolve(json(200, actorDocument(actor))),
    },
    "DELETE /{actorId}": {
      access: ["creator", "trustee"],
      whileDeleting: true,
      async handle(request, { actor }) {
        await deletion.delete(actor, request.deadline, request);
        return empty();
      },
    },
    "GET /{actorId}/meta": {
      access: ["anyone"],
      handle: (_, { actor }) => Promise.resolve(json(200, metaDocument(actor, application))),
    },
    "GET /{actorId}/meta/{leaf+}": {
      access: ["anyone"],
      async handle(request, { actor }) {
        const line = metaLeaf(param(request, "leaf"), actor, application);
        if (line === undefined) throw new ServiceError("resource.not_found", "There is no such leaf of /meta.");
        return text(200, line);
      },
    },
  };
}
