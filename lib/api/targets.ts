/** The route of the application's own targets. */
import type { StateHooks } from "../application/state-hooks.ts";
import { isTarget } from "../domain/terms/names.ts";
import type { Scope } from "../domain/terms/scope.ts";

import { param, type ServiceRequest } from "../http/request.ts";
import { compact } from "../system/compact.ts";
import { stateReply } from "../listeners/websub/topic-states.ts";
import { withoutReason, type Handler } from "./handler.ts";

/**
 * Answers with the state that the hook of a target gives. A path whose target has no hook, and is not public, does not
 * exist.
 */
export const targetHandler = (hooks: Pick<StateHooks, "has" | "text">) =>
  ({
    knows: ({ target }, actor) =>
      target !== undefined &&
      isTarget(target) &&
      (hooks.has(target) || actor?.public?.targets.includes(target) === true),
    handle: async (request, { actor, caller }) => {
      const peerId = caller.kind === "peer" ? caller.peerId : undefined;
      const answer = async () => stateReply(await hooks.text(actor.id, peerId, scopeOf(request)));
      return await withoutReason(request, answer);
    },
  }) satisfies Handler;

function scopeOf(request: ServiceRequest): Scope {
  const [subtarget = "", ...deeper] = (request.params["path"] ?? "").replace(/\/$/, "").split("/");
  return compact({
    target: param(request, "target"),
    subtarget: subtarget || undefined,
    resource: deeper.join("/") || undefined,
  });
}
