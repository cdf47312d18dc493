/** The routes by which an owner suspends and resumes the diffs of a target. */
import * as z from "zod/mini";
import type { Suspension } from "../domain/terms/scope.ts";
import { isOwnName, isTarget, OWN_NAME_RULE } from "../domain/terms/names.ts";
import { readBody } from "../http/body.ts";
import { notTaken } from "../http/not-taken.ts";
import { json } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { Suspensions } from "../publishing/subscribers/suspensions.ts";
import { ServiceError } from "../system/errors.ts";
import type { JsonObject } from "../system/ports.ts";
import type { Handle } from "./handler.ts";

export const placeBody = z.object({
  target: z.string(),
  subtarget: z.nullish(z.string()),
  resource: notTaken("a suspension is of a target, or of a subtarget", [""]),
});

export const suspensionHandlers = (suspensions: Suspensions) =>
  ({
    list: async (request) => {
      const actorId = param(request, "actorId");
      return json(200, { id: actorId, data: (await suspensions.list(actorId)).map(wireOf) });
    },
    suspend: async (request) => {
      const { target, subtarget } = readBody(request, placeBody);
      const place = suspensionOf(target, subtarget);
      const first = await suspensions.suspend(param(request, "actorId"), place);
      return json(first ? 201 : 200, wireOf(place));
    },
    resume: async (request) => {
      const place = suspensionOf(param(request, "target"), request.params["subtarget"]);
      const resumed = await suspensions.resume(param(request, "actorId"), place);
      if (resumed === undefined) throw new ServiceError("resource.not_found", "This is not suspended.");
      return json(200, { ...resumed });
    },
  }) satisfies Record<string, Handle>;

/** The place that is meant; an empty or null subtarget is none. @throws ServiceError request.invalid which names the field */
function suspensionOf(target: string, subtarget: string | null | undefined): Suspension {
  if (!isTarget(target)) throw invalid("target");
  if (subtarget === undefined || subtarget === null || subtarget === "") return { target };
  if (!isOwnName(subtarget)) throw invalid("subtarget");
  return { target, subtarget };
}

const invalid = (field: string): ServiceError =>
  new ServiceError("request.invalid", `The ${field} of a suspension must be ${OWN_NAME_RULE}.`, { field });

const wireOf = ({ target, subtarget }: Suspension): JsonObject => ({ target, subtarget: subtarget ?? "" });
