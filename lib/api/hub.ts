/** The routes of what is public of an actor, and of its WebSub hub. */
import * as z from "zod/mini";
import { isOwnPath } from "../domain/terms/own-paths.ts";
import { isNeverPublic, NOTHING_PUBLIC, type PublicAccess } from "../domain/policy/public-access.ts";
import { isTarget, OWN_NAME_RULE } from "../domain/terms/names.ts";

import { readBody, readForm } from "../http/body.ts";
import { empty, json } from "../http/reply.ts";
import { acceptHubRequest, type HubRequestDeps } from "../listeners/websub/hub-requests.ts";
import { openToAnyone, type PublicSettingsDeps } from "../listeners/websub/public-settings.ts";
import { ServiceError } from "../system/errors.ts";
import { routesOf, withoutReason, type RouteMap } from "./handler.ts";

/** Most globs and targets together, and most bytes of them as JSON: every request of the actor reads them. */
const MAX_ENTRIES = 100;
const MAX_BYTES = 8 * 1_024;
/** Most bytes of a request to the hub: two URLs of 2 KiB, percent-encoded, and a secret. */
const MAX_FORM_BYTES = 16 * 1_024;

const glob = z.string().check(
  z.minLength(1),
  z.maxLength(1_024),
  z.refine((value) => value.isWellFormed(), "must be well-formed text"),
  z.refine((value) => !isNeverPublic(value), "private, security and _internal are never public"),
);
const target = z.string().check(
  z.refine(isTarget, `must be ${OWN_NAME_RULE}`),
  z.refine((value) => !isOwnPath(value), "must not be a path of the service"),
);
export const publicBody = z.object({
  properties: z.optional(z.array(glob)),
  targets: z.optional(z.array(target)),
});

/** The hub area. */
export function routes(services: PublicSettingsDeps & HubRequestDeps): RouteMap {
  return routesOf("hub", {
    "GET /{actorId}/public": async (_request, { actor }) =>
      await Promise.resolve(json(200, { ...(actor.public ?? NOTHING_PUBLIC) })),
    "PUT /{actorId}/public": async (request, { actor }) => {
      const { properties = [], targets = [] } = readBody(request, publicBody);
      const access: PublicAccess = { properties: [...new Set(properties)], targets: [...new Set(targets)] };
      checkSize(access);
      await openToAnyone(services, actor.id, access);
      return empty();
    },
    // Only faults of the form are answered here; the subscriber learns everything else at its callback.
    "POST /{actorId}/hub": async (request, { actor }) =>
      await withoutReason(request, async () => {
        await acceptHubRequest(services, actor, readForm(request, MAX_FORM_BYTES));
        return empty(202);
      }),
  });
}

/** @throws ServiceError request.invalid for more globs and targets, or more bytes, than an actor may have */
function checkSize(access: PublicAccess): void {
  const entries = access.properties.length + access.targets.length;
  if (entries <= MAX_ENTRIES && Buffer.byteLength(JSON.stringify(access)) <= MAX_BYTES) return;
  const message = `At most ${String(MAX_ENTRIES)} globs and targets of ${String(MAX_BYTES)} bytes together can be public.`;
  throw new ServiceError("request.invalid", message, { field: "properties" });
}
