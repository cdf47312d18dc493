/** The state of the application's own targets, as its state hooks give it. */
import { compact } from "../system/compact.ts";
import { printJson } from "../domain/json/json-text.ts";
import { insideHook } from "../system/request-context.ts";
import type { Scope } from "../domain/terms/scope.ts";
import type { After, Json, Log } from "../system/ports.ts";
import type { StateHook } from "./hooks.ts";
import type { Actor } from "./actor.ts";

/** The application's own code failed or took too long; its error is in the log. */
export class StateHookFailed extends Error {
  override readonly name = "StateHookFailed";
}

export interface StateHooksDeps {
  readonly app: { stateOf(target: string): StateHook | undefined };
  readonly actorOf: (actorId: string) => Actor;
  readonly log: Log;
  /** The longest a hook may take, ms. */
  readonly timeoutMs: number;
  readonly after: After;
}

/** Runs state hooks. */
export class StateHooks {
  readonly #deps: StateHooksDeps;

  constructor(deps: StateHooksDeps) {
    this.#deps = deps;
  }

  /** True when the application gives the state of this target. */
  has(target: string): boolean {
    return this.#deps.app.stateOf(target) !== undefined;
  }

  /**
   * The state of a place of an own target as JSON text, for one peer or (undefined) for the owner; undefined when the
   * hook gives none.
   * @throws StateHookFailed when the hook throws, gives what is no JSON, or takes too long
   */
  async text(actorId: string, peerId: string | undefined, scope: Scope): Promise<string | undefined> {
    return await this.#text(actorId, { peerId }, scope);
  }

  /** The same for anyone, because the owner has made the target public. @throws StateHookFailed */
  async publicText(actorId: string, scope: Scope): Promise<string | undefined> {
    return await this.#text(actorId, { peerId: undefined, isPublic: true }, scope);
  }

  async #text(
    actorId: string,
    reader: { readonly peerId: string | undefined; readonly isPublic?: true },
    scope: Scope,
  ): Promise<string | undefined> {
    const { app, actorOf, log, after, timeoutMs } = this.#deps;
    const hook = app.stateOf(scope.target);
    if (hook === undefined) return undefined;
    const { target, subtarget, resource } = scope;
    const requested = { actor: actorOf(actorId), ...reader, ...compact({ subtarget, resource }) };
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = after(timeoutMs, () => {
        reject(new Error(`The hook did not end within ${String(timeoutMs / 1_000)} s (HOOK_TIMEOUT_SECONDS).`));
      });
    });
    try {
      const state = await Promise.race([insideHook(async () => await hook(requested)), late]);
      return textOf(state);
    } catch (cause) {
      log.error("state hook failed", { actorId, ...reader, target, subtarget, resource, error: cause });
      throw new StateHookFailed("A state hook failed.", { cause });
    } finally {
      cancel();
    }
  }
}

/** @throws TypeError for what JSON cannot express */
function textOf(state: Json | undefined): string | undefined {
  if (state === undefined) return undefined;
  // Code without types may give anything: a function has no JSON text.
  const text = printJson(state) as string | undefined;
  if (text === undefined) throw new TypeError("The hook gave a value that is no JSON.");
  return text;
}
