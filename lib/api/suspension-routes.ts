/** The routes by which an owner suspends and resumes the diffs of a target, from request to reply. */
import * as z from "zod/mini";
import { isOwnName, isTarget, OWN_NAME_RULE } from "../domain/terms/names.ts";
import { ServiceError } from "../system/errors.ts";
import { readBody } from "../http/body.ts";
import { notTaken } from "../http/not-taken.ts";
import { json } from "../http/reply.ts";
import type { Reply } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { JsonObject } from "../system/ports.ts";
import type { Suspension } from "../domain/terms/scope.ts";
import type { Suspensions } from "../publishing/subscribers/suspensions.ts";

const placeBody = z.object({
  target: z.string(),
  subtarget: z.nullish(z.string()),
  resource: notTaken("a suspension is of a target, or of a subtarget", [""]),
});

/** What can be asked about an actor's suspensions. Each method answers one route. */
export class SuspensionRoutes {
  readonly #suspensions: Suspensions;

  constructor(services: { readonly suspensions: Suspensions }) {
    this.#suspensions = services.suspensions;
  }

  async list(request: ServiceRequest): Promise<Reply> {
    const actorId = param(request, "actorId");
    return json(200, { id: actorId, data: (await this.#suspensions.list(actorId)).map(wireOf) });
  }

  async suspend(request: ServiceRequest): Promise<Reply> {
    const { target, subtarget } = readBody(request, placeBody);
    const place = suspensionOf(target, subtarget);
    const first = await this.#suspensions.suspend(param(request, "actorId"), place);
    return json(first ? 201 : 200, wireOf(place));
  }

  async resume(request: ServiceRequest): Promise<Reply> {
    const place = suspensionOf(param(request, "target"), request.params["subtarget"]);
    const resumed = await this.#suspensions.resume(param(request, "actorId"), place);
    if (resumed === undefined) throw new ServiceError("resource.not_found", "This is not suspended.");
    return json(200, { ...resumed });
  }
}

/** The place that is meant; an empty or null subtarget is none. @throws ServiceError request.invalid which names the field */
export function suspensionOf(target: string, subtarget: string | null | undefined): Suspension {
  if (!isTarget(target)) throw invalid("target");
  if (subtarget === undefined || subtarget === null || subtarget === "") return { target };
  if (!isOwnName(subtarget)) throw invalid("subtarget");
  return { target, subtarget };
}

const invalid = (field: string): ServiceError =>
  new ServiceError("request.invalid", `The ${field} of a suspension must be ${OWN_NAME_RULE}.`, { field });

const wireOf = ({ target, subtarget }: Suspension): JsonObject => ({ target, subtarget: subtarget ?? "" });
