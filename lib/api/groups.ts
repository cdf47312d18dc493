/** The routes of consumer groups. */
import * as z from "zod/mini";
import { readBody } from "../http/body.ts";
import { isKnown } from "../http/entity-tags.ts";
import { idempotencyKeyOf } from "../http/idempotency-key.ts";
import { empty, json, type Reply } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import type { Acknowledgement } from "../domain/events/group-verdicts.ts";
import type { FetchResult } from "../listeners/groups/group-fetching.ts";
import type { AckResult, FetchAsked, Groups } from "../listeners/groups/groups.ts";
import { tagOf } from "../listeners/groups/group-settings.ts";
import { compact } from "../system/compact.ts";
import type { Wait } from "../listeners/long-poll.ts";
import type { Preconditions } from "../listeners/preconditions.ts";
import { whole } from "../listeners/selection-fields.ts";
import { ServiceError } from "../system/errors.ts";
import type { JsonObject } from "../system/ports.ts";
import type { Handle } from "./handler.ts";

const MOST_WAIT_SECONDS = 20;
const MOST_DRAIN_SECONDS = 25;
/** When a fetch that found nothing is to be tried again, s. */
const AGAIN_SECONDS = "1";

const positionOf = (most: number) => z.string().check(z.minLength(1), z.maxLength(most));
/** The longest position of one actor's events. */
const MAX_POSITION = 64;
export const fetchBody = z.object({
  max: z.nullish(whole(1, 100)),
  waitSeconds: z.nullish(whole(0, MOST_WAIT_SECONDS)),
  consumer: z.string().check(z.minLength(1), z.maxLength(128)),
});
/** @param most the longest position */
export const ackBodyOf = (most: number) =>
  z.object({
    token: z.string().check(z.minLength(1), z.maxLength(128)),
    upTo: z.nullish(positionOf(most)),
    items: z.nullish(
      z
        .array(
          z.object({
            position: positionOf(most),
            verdict: z.enum(["ack", "retry", "park", "skip", "stop", "release"]),
            delaySeconds: z.nullish(whole(0, 86_400)),
          }),
        )
        .check(z.maxLength(1_000)),
    ),
    extend: z.nullish(z.boolean()),
    done: z.nullish(z.boolean()),
  });
export const ackBody = ackBodyOf(MAX_POSITION);
/** @param most the longest position */
export const groupResetBodyOf = (most: number) => z.object({ to: positionOf(most), lanes: z.nullish(whole(1, 16)) });
export const groupResetBody = groupResetBodyOf(MAX_POSITION);
export const groupResumeBody = z.object({ skip: z.nullish(z.boolean()) });
export const anyBody = z.record(z.string(), z.unknown());

/** The handlers of consumer groups. */
export function groupHandlers(groups: Groups) {
  const refOf = (request: ServiceRequest) => ({ actorId: param(request, "actorId"), name: param(request, "group") });
  const shown = async (group: Awaited<ReturnType<Groups["demand"]>>, status = 200): Promise<Reply> =>
    json(status, await groups.view(group), { etag: tagOf(group.settings) });

  return {
    "PUT /{actorId}/groups/{group}": async (request) => {
      const { is, group } = await groups.put(refOf(request), readBody(request, anyBody), preconditionsOf(request));
      return await shown(group, is === "created" ? 201 : 200);
    },
    "GET /{actorId}/groups/{group}": async (request) => {
      const group = await groups.demand(refOf(request));
      const tag = tagOf(group.settings);
      return isKnown(request, tag) ? empty(304, { etag: tag }) : await shown(group);
    },
    "GET /{actorId}/groups": async (request) => json(200, { data: await groups.list(param(request, "actorId")) }),
    "DELETE /{actorId}/groups/{group}": async (request) => {
      const drain = drainSecondsOf(request);
      const gone = await groups.end(refOf(request), drain === undefined ? undefined : drain * 1_000, request.deadline);
      return json(gone ? 200 : 202, { drained: gone });
    },
    "POST /{actorId}/groups/{group}/fetch": async (request, { actor }) => {
      const { waitMs, ...asked } = fetchAsked(request);
      const wait = { waitMs, deadline: request.deadline };
      return fetchReply(await groups.fetch(actor, refOf(request), asked, wait), AGAIN_SECONDS);
    },
    "POST /{actorId}/groups/{group}/ack": async (request, { actor }) => {
      return ackReply(await groups.ack(actor, refOf(request), ackSaid(readBody(request, ackBody))));
    },
    "POST /{actorId}/groups/{group}/reset": async (request) => {
      const { to, lanes } = readBody(request, groupResetBody);
      return await shown(await groups.reset(refOf(request), { to, ...compact({ lanes: lanes ?? undefined }) }));
    },
    "POST /{actorId}/groups/{group}/pause": async (request) => await shown(await groups.pause(refOf(request))),
    "POST /{actorId}/groups/{group}/resume": async (request) => {
      const { skip } = readBody(request, groupResumeBody, { whenEmpty: {} });
      return await shown(await groups.resume(refOf(request), skip === true));
    },
  } satisfies Record<string, Handle>;
}

/** The headers of a PUT that say what must be there. */
export const preconditionsOf = ({ headers }: ServiceRequest): Preconditions =>
  compact({ ifMatch: headers["if-match"], ifNoneMatch: headers["if-none-match"] });

/** What a fetch asks for. @throws ServiceError request.invalid */
export function fetchAsked(request: ServiceRequest): FetchAsked & Pick<Wait, "waitMs"> {
  const { max, waitSeconds, consumer } = readBody(request, fetchBody);
  const asked = { consumer, max: max ?? 100, waitMs: (waitSeconds ?? 0) * 1_000 };
  return { ...asked, ...compact({ key: idempotencyKeyOf(request) }) };
}

/** @param againSeconds when a fetch that found nothing is to be tried again */
export function fetchReply({ events, leases, ...more }: FetchResult, againSeconds: string): Reply {
  if (events.length === 0) return empty(204, { "retry-after": againSeconds });
  return json(200, { events: events.map((each) => ({ ...each })), leases: leases.map(leaseWire), ...more });
}

const leaseWire = ({ until, ...lease }: FetchResult["leases"][0]): JsonObject => ({
  ...lease,
  until: new Date(until).toISOString(),
});

/** What an acknowledgement says. @throws ServiceError request.invalid for two verdicts on one event */
export function ackSaid({ token, upTo, items, extend, done }: z.infer<typeof ackBody>): Acknowledgement {
  const verdicts = (items ?? []).map(({ delaySeconds, ...item }) => ({
    ...item,
    ...compact({ delayMs: typeof delaySeconds === "number" ? delaySeconds * 1_000 : undefined }),
  }));
  demandOneEach(verdicts.map((item) => item.position));
  const said = { token, items: verdicts, extend: extend === true, done: done === true };
  return { ...said, ...compact({ upTo: upTo ?? undefined }) };
}

export const ackReply = ({ outcomes, leases }: AckResult): Reply =>
  json(200, { outcomes: outcomes.map((each) => ({ ...each })), leases: leases.map(leaseWire) });

/** Seconds that a DELETE waits for leases; undefined: it ends them. @throws ServiceError request.invalid */
export function drainSecondsOf({ query }: ServiceRequest): number | undefined {
  const text = query.get("drainSeconds");
  if (text === null) return undefined;
  const seconds = Number(text);
  if (/^\d{1,2}$/.test(text) && seconds <= MOST_DRAIN_SECONDS) return seconds;
  const message = `The parameter "drainSeconds" must be a whole number from 0 to ${String(MOST_DRAIN_SECONDS)}.`;
  throw new ServiceError("request.invalid", message, { field: "drainSeconds" });
}

/** @throws ServiceError request.invalid for two verdicts on one event */
function demandOneEach(positions: readonly string[]): void {
  const index = positions.findIndex((each, at) => positions.indexOf(each) !== at);
  if (index < 0) return;
  const field = `items.${String(index)}.position`;
  throw new ServiceError("request.invalid", `The field "${field}" names an event that has a verdict already.`, {
    field,
  });
}
