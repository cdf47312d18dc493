/** Checks what an application registers. Anything else throws at its registration, with a message that says what is allowed. */
import { isFault, parsePattern } from "../domain/events/topic.ts";
import type { Permissions } from "../domain/policy/permissions.ts";
import { isOutsideId } from "../domain/terms/identifiers.ts";
import { isOwnPath } from "../domain/terms/own-paths.ts";
import { PROPERTIES } from "../domain/terms/scope.ts";
import { isTarget, OWN_NAME_RULE } from "../domain/terms/names.ts";

const OPTIONS: readonly string[] = ["autoSequence", "autoStorage", "autoCleanup", "gapTimeoutSeconds", "maxPending"];
/** Names below `/callbacks/` that the protocol uses. */
const OWN_CALLBACKS: readonly (string | undefined)[] = ["subscriptions", "permissions"];

/** @throws TypeError when an option has no such name */
export function checkOptions(options: object): void {
  for (const name of Object.keys(options)) checkChoice("withSubscriptionProcessing", OPTIONS, name);
}

/** @throws TypeError when a relationship lets peers publish to something that is no pattern */
export function checkRelationships(relationships: Readonly<Record<string, Permissions>>): void {
  for (const [name, { publish = [] }] of Object.entries(relationships)) {
    for (const text of publish) {
      const pattern = parsePattern(text);
      if (!isFault(pattern)) continue;
      throw new TypeError(`relationships: ${shown(text)} in publish of ${shown(name)} ${pattern.fault}.`);
    }
  }
}

/** @throws TypeError unless `given` is among what is allowed */
export function checkChoice(where: string, allowed: readonly (string | boolean)[], given: unknown): void {
  if ((allowed as readonly unknown[]).includes(given)) return;
  throw new TypeError(`${where}: ${shown(given)} is not known; allowed is ${allowed.join(", ")}.`);
}

/** @throws TypeError unless it is a target's name: what stands in a subscription, and in a path */
export function checkTarget(where: string, target: unknown): void {
  if (typeof target === "string" && isTarget(target)) return;
  throw new TypeError(`${where}: ${shown(target)} is no target; allowed is ${OWN_NAME_RULE}.`);
}

/** @throws TypeError unless it is a target whose state the application can give */
export function checkOwnTarget(where: string, target: unknown): void {
  checkTarget(where, target);
  if (target === "*") throw new TypeError(`${where}: "*" is no target; each target's state has a hook of its own.`);
  if (!isOwnPath(String(target))) return;
  throw new TypeError(`${where}: ${shown(target)} is the service's own; its state is not the application's to give.`);
}

/** @throws TypeError for a pattern of events that no actor can have, because its first token is a path of the service */
export function checkOwnPattern(where: string, pattern: string): void {
  const [target = ""] = pattern.split(".");
  if (target === PROPERTIES || !isOwnPath(target)) return;
  throw new TypeError(`${where}: no event's topic begins with ${shown(target)}, which is a path of the service.`);
}

/** @throws TypeError unless callbacks of that name can arrive */
export function checkCallbackName(name: unknown): void {
  const segments = typeof name === "string" ? name.split("/") : [];
  if (segments.length === 0 || !segments.every(isOutsideId)) {
    throw new TypeError(
      `callbackHook: ${shown(name)} is no name; allowed is "subscription", or a path below /callbacks/ without a slash at its ends.`,
    );
  }
  if (OWN_CALLBACKS.includes(segments[0])) {
    throw new TypeError(
      `callbackHook: /callbacks/${segments.join("/")} is the protocol's own; subscription callbacks are taken by "subscription".`,
    );
  }
}

/** @throws TypeError unless it is a function, and the only one where one is allowed (`taken` names where it is not) */
export function checkHook(where: string, hook: unknown, taken?: string): void {
  if (typeof hook !== "function") throw new TypeError(`${where}: the hook is ${shown(hook)}; it must be a function.`);
  if (taken !== undefined) throw new TypeError(`${where}: there is a hook for ${shown(taken)} already.`);
}

export const shown = (given: unknown): string => (typeof given === "string" ? JSON.stringify(given) : String(given));
