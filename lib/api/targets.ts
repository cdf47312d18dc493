/** The state of the application's own targets. */
import { StateHookFailed, type StateHooks } from "../application/state-hooks.ts";
import { isTarget } from "../domain/terms/names.ts";
import type { Scope } from "../domain/terms/scope.ts";
import { unknownErrorReply } from "../http/reply.ts";
import { param, type ServiceRequest } from "../http/request.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import type { Handler } from "./handler.ts";

/**
 * Answers with the state that the hook of a target gives; a path is not found when its target has no hook and is not
 * public.
 */
export const targetHandler = (hooks: Pick<StateHooks, "has" | "text">) =>
  ({
    knows: ({ target }, actor) =>
      target !== undefined &&
      isTarget(target) &&
      (hooks.has(target) || actor?.public?.targets.includes(target) === true),
    handle: async (request, { actor, caller }) => {
      const peerId = caller.kind === "peer" ? caller.peerId : undefined;
      let body: string | undefined;
      try {
        body = await hooks.text(actor.id, peerId, scopeOf(request));
      } catch (error) {
        // Only the log has the reason; the answer is a plain 500.
        if (error instanceof StateHookFailed) return unknownErrorReply(request.requestId);
        throw error;
      }
      if (body === undefined) throw new ServiceError("resource.not_found", "There is no state at this path.");
      const tooLarge = "The state at this path is too large for one answer; ask for a part of it.";
      return { status: 200, headers: { "content-type": "application/json" }, body, tooLarge };
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
