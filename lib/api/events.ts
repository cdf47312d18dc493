/** The events area: publishing, the data of large events, and the routes of readers, groups and webhooks. */
import type { ChangeLog } from "../change-log/change-log.ts";
import { positionGone } from "../actors/position-gone.ts";
import { checkDataToken } from "../actors/event-data-url.ts";
import { contentOf } from "../domain/events/envelope.ts";
import { parsePosition } from "../domain/events/position.ts";
import type { PublishedEvent } from "../domain/events/cloud-event.ts";
import { eventsOf, type RecordEvent } from "../domain/events/record-events.ts";
import { isFault, matches, parsePattern, parseTopic, scopeOfTopic, SYS } from "../domain/events/topic.ts";
import { printJson } from "../domain/json/json-text.ts";
import { isOwnPath } from "../domain/terms/own-paths.ts";
import { PROPERTIES, type Scope } from "../domain/terms/scope.ts";
import { idempotencyKeyOf } from "../http/idempotency-key.ts";
import { json } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import type { NotifySubscribers } from "../publishing/subscribers/app-events.ts";
import type { FanOutResult } from "../engine/fan-out-result.ts";
import type { Groups } from "../listeners/groups/groups.ts";
import type { RootGroups } from "../listeners/groups/root-groups.ts";
import type { Webhooks } from "../listeners/webhooks/webhooks.ts";
import { publishEvents, type Publication, type PublishDeps } from "../publishing/subscribers/publish-events.ts";
import type { Config } from "../system/config.ts";
import { ServiceError } from "../system/errors.ts";
import type { JsonObject } from "../system/ports.ts";
import { insideHook } from "../system/request-context.ts";
import type { PermissionStore } from "../trust/permission-store.ts";
import { readEvents } from "./event-body.ts";
import { groupHandlers } from "./groups.ts";
import { rootGroupHandlers } from "./root-groups.ts";
import { readerHandlers, type ReaderServices } from "./readers.ts";
import { webhookHandlers } from "./webhooks.ts";
import { routesOf, type Admission, type Handle, type RouteMap } from "./handler.ts";

export interface EventRouteServices extends Pick<PublishDeps, "commits">, ReaderServices {
  readonly config: ReaderServices["config"] & Pick<Config, "baseUrl" | "logEpoch">;
  readonly changeLog: ReaderServices["changeLog"] & Pick<ChangeLog, "read">;
  readonly permissions: Pick<PermissionStore, "of">;
  readonly notify: NotifySubscribers;
  readonly webhooks: Webhooks;
  readonly groups: Groups;
  readonly rootGroups: RootGroups;
}

/** The events area. */
export function routes(services: EventRouteServices): RouteMap {
  const { clock, config, changeLog, permissions, notify } = services;
  const deps = { ...services, epoch: config.logEpoch };

  /** @throws ServiceError auth.forbidden for a peer whose permissions have no `publish` pattern that matches the topic */
  const demandPermitted = ({ caller }: Admission, topic: string): void => {
    if (caller.kind !== "peer") return;
    const { publish = [] } = permissions.of(caller.trust);
    const isOpen = publish.some((text) => {
      const pattern = parsePattern(text);
      return !isFault(pattern) && matches(pattern, topic);
    });
    if (isOpen) return;
    const message = `The permissions of this peer have no publish pattern for ${topic}; ask the actor's owner for one.`;
    throw new ServiceError("auth.forbidden", message, { field: "topic" });
  };

  const publish: Handle = async (request, admission) => {
    const named = request.params["topic"];
    const topic = named === undefined ? undefined : demandTopic(named, "topic");
    if (topic !== undefined) demandPermitted(admission, topic);
    const { events, batch } = readEvents(request, topic !== undefined);
    const toPublish = events.map((event, index) => {
      const at = topicOf(event, topic, batch ? `${String(index)}.` : "");
      demandPermitted(admission, at);
      return { ...demandScope(at), data: event.data, attributes: event.attributes };
    });
    const publication = { events: toPublish, caller: callerOf(admission), ...keyOf(request, events) };
    const { positions, made } = await publishEvents(deps, admission.actor.id, publication);
    const [position = ""] = positions;
    const where: JsonObject = batch ? { positions } : { position };
    if (made === "replayed") return json(200, { ...where, replayed: true });
    if (!/(?:^|,)\s*respond-async\s*(?:[,;]|$)/i.test(request.headers["prefer"] ?? "")) {
      return json(201, { ...where, subscribers: countsOf(await notify(made)) });
    }
    // Inside a hook nothing is sent at once: the worker behind the queue sends everything.
    await insideHook(async () => await notify(made));
    return json(202, where, { "preference-applied": "respond-async" });
  };

  return routesOf("events", {
    ...groupHandlers(services.groups),
    ...rootGroupHandlers(services.rootGroups, config),
    ...webhookHandlers(services.webhooks, (actorId) => `${config.baseUrl}/${actorId}`),
    ...readerHandlers(services),
    "POST /{actorId}/events": publish,
    "POST /{actorId}/events/{topic}": publish,
    "GET /{actorId}/events/{position}/data": async (request, { actor }) => {
      const position = param(request, "position");
      checkDataToken(actor, { position, query: request.query, now: clock.now() });
      const event = await eventAt(changeLog, actor.id, config.logEpoch, position);
      if (event === undefined) {
        const root = `${config.baseUrl}/${actor.id}`;
        throw positionGone(root, "The record of this event is gone; read the state instead.");
      }
      const { contentType, bytes } = contentOf(event);
      const headers = { "content-type": contentType, "cache-control": "private, no-store" };
      // As text, so that the answer can be compressed for a client that accepts that.
      const body = event.attributes.base64 === true ? bytes : bytes.toString("utf8");
      return { status: 200, headers, body };
    },
  });
}

/** The event at a position; undefined when its record has expired, or never existed. */
async function eventAt(
  changeLog: Pick<ChangeLog, "read">,
  actorId: string,
  epoch: number,
  text: string,
): Promise<RecordEvent | undefined> {
  const position = parsePosition(text);
  if (position?.epoch !== epoch) return undefined;
  const { record: number, index } = position;
  const { records } = await changeLog.read(actorId, number - 1, number);
  const events = records.flatMap(({ record }) => eventsOf(record));
  return index === "all" ? events.at(-1) : events[index];
}

/** The topic of an event: the one in the URL, or the one in the event. @throws ServiceError request.topic_mismatch when they differ */
function topicOf({ subject }: PublishedEvent, named: string | undefined, within: string): string {
  const field = `${within}subject`;
  if (subject === undefined) {
    if (named !== undefined) return named;
    throw new ServiceError("request.invalid", `The field "${field}" must name the topic of the event.`, { field });
  }
  const topic = demandTopic(subject, field);
  if (named === undefined || named === topic) return topic;
  throw new ServiceError("request.topic_mismatch", `The event names ${topic}, and the URL ${named}.`, { field });
}

/** @throws ServiceError request.invalid which names the field; auth.forbidden for a topic of the service's own */
function demandTopic(text: string, field: string): string {
  const topic = parseTopic(text);
  if (isFault(topic)) {
    throw new ServiceError("request.invalid", `The topic in "${field}" ${topic.fault}.`, { field });
  }
  const [first = ""] = topic.split(".", 1);
  if (first === SYS || first === PROPERTIES) {
    throw new ServiceError(
      "auth.forbidden",
      `Topics under ${first} are the service's own; publish under another target.`,
      { field },
    );
  }
  return topic;
}

/** The place that a topic names. @throws ServiceError request.invalid */
function demandScope(topic: string): Scope {
  const scope = scopeOfTopic(topic);
  const fault = isFault(scope)
    ? scope.fault
    : isOwnPath(scope.target)
      ? "must not begin with a path of the service"
      : undefined;
  if (!isFault(scope) && fault === undefined) return scope;
  const message = `The topic ${printJson(topic)} ${fault ?? ""}.`;
  throw new ServiceError("request.invalid", message, { field: "topic" });
}

function callerOf({ caller }: Admission): string {
  return caller.kind === "peer" ? `peer ${caller.peerId}` : "owner";
}

/**
 * What identifies the publication, so that a repetition publishes nothing: the idempotency key, or else the source and id of
 * each CloudEvent. @throws ServiceError request.invalid for a malformed key
 */
function keyOf(request: ServiceRequest, events: readonly PublishedEvent[]): Pick<Publication, "key" | "names"> {
  const given = idempotencyKeyOf(request);
  if (given !== undefined) return { key: given };
  const origins = events.map(({ attributes: { originsource, originid } }) => [originsource, originid]);
  if (origins.some(([source]) => source === undefined)) return {};
  return { names: origins.map((origin) => printJson(origin)) };
}

const countsOf = (result: FanOutResult): JsonObject => ({
  total: result.totalCount,
  notified: result.successCount,
  failed: result.failureCount,
  skipped: result.skippedCount,
  deferred: result.deferredCount,
  ambiguous: result.ambiguousCount ?? 0,
});
