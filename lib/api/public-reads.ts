/** Reads by anyone of what an actor's owner has made public. */
import { StateHookFailed } from "../application/state-hooks.ts";
import { isPublic } from "../domain/policy/public-access.ts";
import { PROPERTIES, type Place } from "../domain/terms/scope.ts";
import { isTopicPath, topicLinks, topicPath } from "../domain/wire/hub-topic.ts";
import { gatherable } from "../http/answer-size.ts";
import { parseCredentials } from "../http/credentials.ts";
import { empty, unknownErrorReply, type Reply } from "../http/reply.ts";
import type { ServiceRequest } from "../http/request.ts";
import { isTopic, stateOf, type TopicStates } from "../listeners/websub/topic-states.ts";
import { compact } from "../system/compact.ts";
import type { Config } from "../system/config.ts";
import type { Admission, Handle } from "./handler.ts";

export interface PublicReadServices {
  readonly config: Pick<Config, "baseUrl">;
  readonly topicStates: TopicStates;
}

/**
 * A route that anyone may read where the owner says so: a request without credentials and query gets the state there.
 * Every other request needs credentials, whether or not something is there.
 */
export function orPublic({ config, topicStates }: PublicReadServices, handle: Handle): Handle {
  return async (request, admission) => {
    const { actor } = admission;
    const path = pathOf(request);
    const isAnonymous = parseCredentials(request.headers["authorization"]).scheme === "none";
    if (actor.public !== undefined && isAnonymous && request.query.size === 0 && isPublic(actor.public, path)) {
      if (isTopicPath(path)) {
        const root = `${config.baseUrl}/${actor.id}`;
        try {
          const reply = await topicStates.reply(actor.id, actor.public, path, gatherable(request));
          return publicReply(request, reply, topicLinks(root, path));
        } catch (error) {
          // Only the log has the reason; the answer is a plain 500.
          if (error instanceof StateHookFailed) return unknownErrorReply(request.requestId);
          throw error;
        }
      }
    }
    const admitted: Admission = { actor, caller: await admission.admit(), admit: admission.admit };
    return await handle(request, admitted);
  };
}

/** The path below the actor's root that was asked for. */
function pathOf({ params: { target = PROPERTIES, name, path } }: ServiceRequest): Place {
  return target === PROPERTIES && name !== undefined ? [target, ...topicPath(name, path)] : topicPath(target, path);
}

function publicReply({ headers: asked }: ServiceRequest, reply: Reply, links: string): Reply {
  const state = stateOf(reply);
  const { etag } = state;
  // Caches may keep it, and ask each time whether it is still the same.
  const headers = { "cache-control": "no-cache", etag, ...compact({ link: isTopic(state) ? links : undefined }) };
  const known = (asked["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(etag) || known.includes("*")) return empty(304, headers);
  return { ...reply, headers: { ...reply.headers, ...headers } };
}
