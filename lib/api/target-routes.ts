/** The routes of the application's own targets, from request to reply. */
import type { Scope } from "../domain/terms/scope.ts";
import { isTarget } from "../domain/terms/names.ts";
import { ServiceError } from "../system/errors.ts";
import type { Admission } from "./handler.ts";
import { unknownErrorReply } from "../http/reply.ts";
import type { Reply } from "../http/reply.ts";
import { param } from "../http/request.ts";
import type { ServiceRequest } from "../http/request.ts";
import { StateHookFailed } from "../application/state-hooks.ts";
import type { StateHooks } from "../application/state-hooks.ts";

/** Answers with what the state hook of a target gives. */
export class TargetRoutes {
  readonly #hooks: Pick<StateHooks, "has" | "text">;

  constructor(hooks: Pick<StateHooks, "has" | "text">) {
    this.#hooks = hooks;
  }

  /** True when a path below an actor is that of an own target. */
  knows(params: ServiceRequest["params"]): boolean {
    const { target } = params;
    return target !== undefined && isTarget(target) && this.#hooks.has(target);
  }

  async get(request: ServiceRequest, { actor, caller }: Admission): Promise<Reply> {
    const peerId = caller.kind === "peer" ? caller.peerId : undefined;
    const state = await this.#text(actor.id, peerId, scopeOf(request));
    if (state === "failed") return unknownErrorReply(request.requestId);
    if (state === undefined) throw new ServiceError("resource.not_found", "There is no state at this path.");
    const tooLarge = "The state at this path is too large for one answer; ask for a part of it.";
    return { status: 200, headers: { "content-type": "application/json" }, body: state, tooLarge };
  }

  async #text(actorId: string, peerId: string | undefined, scope: Scope): Promise<string | undefined> {
    try {
      return await this.#hooks.text(actorId, peerId, scope);
    } catch (error) {
      // Whoever asks is not told more than that it was not their doing.
      if (error instanceof StateHookFailed) return "failed";
      throw error;
    }
  }
}

function scopeOf(request: ServiceRequest): Scope {
  const [subtarget = "", ...deeper] = (request.params["path"] ?? "").replace(/\/$/, "").split("/");
  const resource = deeper.join("/");
  return {
    target: param(request, "target"),
    ...(subtarget === "" ? {} : { subtarget }),
    ...(resource === "" ? {} : { resource }),
  };
}
