/** The routes of webhooks, and of the tasks that they begin. */
import * as z from "zod/mini";
import { readBody } from "../http/body.ts";
import { isKnown } from "../http/entity-tags.ts";
import { empty, json, type Reply } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import type { Webhooks } from "../listeners/webhooks/webhooks.ts";
import { tagOf } from "../listeners/webhooks/put-decision.ts";
import type { RedriveScope } from "../listeners/webhooks/redrive.ts";
import { whole } from "../listeners/selection-fields.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import type { JsonObject } from "../system/ports.ts";
import { anyBody, preconditionsOf } from "./groups.ts";
import type { Handle } from "./handler.ts";

/** The longest time for which two secrets sign after a rotation, s: a week. */
const MOST_OVERLAP_SECONDS = 604_800;
/** How long they do when the request does not say, s: a day. */
const USUAL_OVERLAP_SECONDS = 86_400;
/** Most events of one redrive. */
const MOST_REDRIVEN = 1_000;

const position = z.string().check(z.minLength(1), z.maxLength(64));
export const rotateBody = z.object({ overlapSeconds: z.nullish(whole(0, MOST_OVERLAP_SECONDS)) });
export const resumeBody = z.object({
  skip: z.nullish(z.boolean()),
  from: z.nullish(position),
});
export const redriveBody = z.object({
  parked: z.nullish(z.boolean()),
  from: z.nullish(position),
  to: z.nullish(position),
  max: z.nullish(whole(1, MOST_REDRIVEN)),
});
const noBody = { whenEmpty: {} };

/** The handlers of webhooks. */
export function webhookHandlers(webhooks: Webhooks, rootOf: (actorId: string) => string) {
  const refOf = (request: ServiceRequest) => ({ actorId: param(request, "actorId"), id: param(request, "webhookId") });

  return {
    "PUT /{actorId}/webhooks/{webhookId}": async (request) => {
      const body = readBody(request, anyBody);
      const { is, stored, minted } = await webhooks.put(refOf(request), body, preconditionsOf(request));
      const secret = compact({ secret: minted });
      return json(
        is === "created" ? 201 : 200,
        { ...(await webhooks.view(stored)), ...secret },
        tagged(tagOf(stored.webhook)),
      );
    },
    "GET /{actorId}/webhooks/{webhookId}": async (request) => {
      const stored = await webhooks.demand(refOf(request));
      const tag = tagOf(stored.webhook);
      return isKnown(request, tag) ? empty(304, tagged(tag)) : json(200, await webhooks.view(stored), tagged(tag));
    },
    "GET /{actorId}/webhooks": async (request) => json(200, { data: await webhooks.list(param(request, "actorId")) }),
    "DELETE /{actorId}/webhooks/{webhookId}": async (request) => {
      await webhooks.end(refOf(request), request.deadline);
      return empty();
    },
    "POST /{actorId}/webhooks/{webhookId}/rotate": async (request) => {
      const { overlapSeconds } = readBody(request, rotateBody, noBody);
      const { secret, overlapUntil } = await webhooks.operations.rotate(
        refOf(request),
        overlapSeconds ?? USUAL_OVERLAP_SECONDS,
      );
      return json(200, { secret, overlapUntil: new Date(overlapUntil).toISOString() });
    },
    "POST /{actorId}/webhooks/{webhookId}/pause": async (request) =>
      await shown(webhooks, await webhooks.operations.pause(refOf(request))),
    "POST /{actorId}/webhooks/{webhookId}/resume": async (request) => {
      const { skip, from } = readBody(request, resumeBody, noBody);
      const asked = { skip: skip === true, ...compact({ from: from ?? undefined }) };
      const { stored, skipped } = await webhooks.resume(refOf(request), asked);
      return await shown(webhooks, stored, compact({ skipped }));
    },
    "POST /{actorId}/webhooks/{webhookId}/test": async (request) =>
      json(200, await webhooks.test(refOf(request), request.deadline)),
    "GET /{actorId}/webhooks/{webhookId}/attempts": async (request) =>
      json(200, { data: await webhooks.attempts(refOf(request)) }),
    "POST /{actorId}/webhooks/{webhookId}/redrive": async (request) => {
      const body = readBody(request, redriveBody);
      const task = await webhooks.redrive(refOf(request), redriveScopeOf(body), body.max ?? MOST_REDRIVEN);
      const location = `${rootOf(param(request, "actorId"))}/tasks/${String(task["id"])}`;
      return json(202, task, { location });
    },
    "GET /{actorId}/tasks/{taskId}": async (request) => json(200, await webhooks.task(taskRefOf(request))),
    "DELETE /{actorId}/tasks/{taskId}": async (request) => {
      await webhooks.cancelTask(taskRefOf(request));
      return empty();
    },
  } satisfies Record<string, Handle>;
}

const taskRefOf = (request: ServiceRequest) => ({
  actorId: param(request, "actorId"),
  taskId: param(request, "taskId"),
});

/** The scope of a redrive. @throws ServiceError request.invalid unless it is either the parked events, or a part of the log */
function redriveScopeOf({ parked, from, to }: z.infer<typeof redriveBody>): RedriveScope {
  const isRange = typeof from === "string" && typeof to === "string";
  if (parked === true && typeof (from ?? to) !== "string") return { parked };
  if (parked !== true && isRange) return { from, to };
  const message = 'Give either {"parked": true}, or both from and to.';
  throw new ServiceError("request.invalid", message, { field: parked === true ? "from" : "parked" });
}

async function shown(
  webhooks: Webhooks,
  stored: Parameters<Webhooks["view"]>[0],
  more: JsonObject = {},
): Promise<Reply> {
  return json(200, { ...(await webhooks.view(stored)), ...more }, tagged(tagOf(stored.webhook)));
}

const tagged = (etag: string) => ({ etag });
