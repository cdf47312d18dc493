/** The routes of consumer groups over all actors: the operator's. */
import { readBody } from "../http/body.ts";
import { isKnown } from "../http/entity-tags.ts";
import { empty, json, type Reply } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import { tagOf, type GroupSettings } from "../listeners/groups/group-settings.ts";
import type { RootGroups } from "../listeners/groups/root-groups.ts";
import { compact } from "../system/compact.ts";
import type { Config } from "../system/config.ts";
import {
  ackBodyOf,
  ackReply,
  ackSaid,
  anyBody,
  drainSecondsOf,
  fetchAsked,
  fetchReply,
  groupResetBodyOf,
  groupResumeBody,
  preconditionsOf,
} from "./groups.ts";
import type { Handle } from "./handler.ts";
import { demandOperator } from "./operator.ts";

/** When a fetch that found nothing is to be tried again, s: later changes are seen after an interval of the feed index. */
const AGAIN_SECONDS = "5";
/** The longest position in the events of all actors. */
const MAX_POSITION = 400;

export const rootAckBody = ackBodyOf(MAX_POSITION);
export const rootGroupResetBody = groupResetBodyOf(MAX_POSITION);

/** The handlers of consumer groups over all actors. */
export function rootGroupHandlers(groups: RootGroups, config: Pick<Config, "allEvents" | "operatorToken">) {
  const nameOf = (request: ServiceRequest): string => param(request, "group");
  const shown = async (request: ServiceRequest, settings?: GroupSettings, status = 200): Promise<Reply> => {
    const name = nameOf(request);
    const etag = tagOf(settings ?? (await groups.settings(name)));
    return json(status, await groups.view(name), { etag });
  };
  const ofOperator = (handle: (request: ServiceRequest) => Promise<Reply>): Handle => {
    return async (request) => {
      demandOperator(config, request.headers["authorization"]);
      return await handle(request);
    };
  };

  return {
    "GET /groups": ofOperator(async () => {
      const names = await groups.names();
      return json(200, { data: names.map((name) => ({ name })) });
    }),
    "PUT /groups/{group}": ofOperator(async (request) => {
      const { is, settings } = await groups.put(nameOf(request), readBody(request, anyBody), preconditionsOf(request));
      return await shown(request, settings, is === "created" ? 201 : 200);
    }),
    "GET /groups/{group}": ofOperator(async (request) => {
      const settings = await groups.settings(nameOf(request));
      const tag = tagOf(settings);
      return isKnown(request, tag) ? empty(304, { etag: tag }) : await shown(request, settings);
    }),
    "DELETE /groups/{group}": ofOperator(async (request) => {
      const drain = drainSecondsOf(request);
      const gone = await groups.end(nameOf(request), drain === undefined ? undefined : drain * 1_000, request.deadline);
      return json(gone ? 200 : 202, { drained: gone });
    }),
    "POST /groups/{group}/fetch": ofOperator(async (request) => {
      const { waitMs, ...asked } = fetchAsked(request);
      const fetched = await groups.fetch(nameOf(request), asked, { waitMs, deadline: request.deadline });
      return fetchReply(fetched, AGAIN_SECONDS);
    }),
    "POST /groups/{group}/ack": ofOperator(async (request) => {
      return ackReply(await groups.ack(nameOf(request), ackSaid(readBody(request, rootAckBody))));
    }),
    "POST /groups/{group}/reset": ofOperator(async (request) => {
      const { to, lanes } = readBody(request, rootGroupResetBody);
      await groups.reset(nameOf(request), { to, ...compact({ lanes: lanes ?? undefined }) });
      return await shown(request);
    }),
    "POST /groups/{group}/pause": ofOperator(async (request) => {
      await groups.pause(nameOf(request));
      return await shown(request);
    }),
    "POST /groups/{group}/resume": ofOperator(async (request) => {
      const { skip } = readBody(request, groupResumeBody, { whenEmpty: {} });
      await groups.resume(nameOf(request), skip === true);
      return await shown(request);
    }),
  } satisfies Record<string, Handle>;
}
