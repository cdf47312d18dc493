/** Lets anyone read what an actor's owner has made public. */
import { isPublic } from "../domain/policy/public-access.ts";
import { PROPERTIES, type Place } from "../domain/terms/scope.ts";
import { isTopicPath, topicLinks, topicPath } from "../domain/wire/hub-topic.ts";
import { gatherable } from "../http/answer-size.ts";
import { parseCredentials } from "../http/credentials.ts";
import { isKnown } from "../http/entity-tags.ts";
import { empty, type Reply } from "../http/reply.ts";
import type { ServiceRequest } from "../http/request.ts";
import { isTopic, stateOf, type TopicStates } from "../listeners/websub/topic-states.ts";
import { compact } from "../system/compact.ts";
import type { Config } from "../system/config.ts";
import { withoutReason, type Admission, type Handle } from "./handler.ts";

export interface PublicReadServices {
  readonly config: Pick<Config, "baseUrl">;
  readonly topicStates: TopicStates;
}

/**
 * A route that anyone may read at public places: a request without credentials and without a query gets the state of the
 * place. Every other request needs credentials, whether or not there is a state.
 */
export function orPublic({ config, topicStates }: PublicReadServices, handle: Handle): Handle {
  return async (request, admission) => {
    const { actor } = admission;
    const path = pathOf(request);
    const isAnonymous = parseCredentials(request.headers["authorization"]).scheme === "none";
    const { public: access } = actor;
    const isOpen = access !== undefined && isAnonymous && request.query.size === 0 && isPublic(access, path);
    if (isOpen && isTopicPath(path)) {
      return await withoutReason(request, async () => {
        const reply = await topicStates.reply(actor.id, access, path, gatherable(request));
        return publicReply(request, reply, topicLinks(`${config.baseUrl}/${actor.id}`, path));
      });
    }
    const admitted: Admission = { actor, caller: await admission.admit(), admit: admission.admit };
    return await handle(request, admitted);
  };
}

/** The requested path below the actor's root. */
function pathOf({ params: { target = PROPERTIES, name, path } }: ServiceRequest): Place {
  return target === PROPERTIES && name !== undefined ? [target, ...topicPath(name, path)] : topicPath(target, path);
}

function publicReply(request: ServiceRequest, reply: Reply, links: string): Reply {
  const state = stateOf(reply);
  const { etag } = state;
  // A cache may keep the answer, but has to ask each time whether it still is the same.
  const headers = { "cache-control": "no-cache", etag, ...compact({ link: isTopic(state) ? links : undefined }) };
  if (isKnown(request, etag)) return empty(304, headers);
  return { ...reply, headers: { ...reply.headers, ...headers } };
}
