import { bySpecificity, isFault, matches, parsePattern, tokenOf, topicOf } from "../domain/events/topic.ts";
import type { Scope } from "../domain/terms/scope.ts";
import type { SubscriptionDataHook } from "./hooks.ts";
import { checkTarget } from "./registration.ts";

/** Stands for every target, as a name does for one. */
const ANY_TARGET = "*";

interface Registered {
  /** As it was registered. */
  readonly text: string;
  /** What decides which of several is the most specific; a name stands as one token. */
  readonly pattern: string;
  /** The target that it names; absent for a pattern. */
  readonly target?: string;
  readonly hooks: readonly SubscriptionDataHook[];
}

/**
 * The data hooks of subscriptions. Each is registered for the name of a target, for all targets (`"*"`), or for a pattern
 * over `<target>[.<subtarget>[.<resource>]]`, which has `*` or `>` as tokens. An event runs the hooks of the most specific
 * one alone.
 *
 * Invariant: the most specific come first; no two are equal.
 */
export class DataHooks {
  #registered: readonly Registered[] = [];

  /** @throws TypeError for what is neither a target nor a pattern, and for a pattern that is there already */
  add(text: string, hook: SubscriptionDataHook): void {
    const entry = entryOf(text);
    const before = this.#registered.find(({ pattern }) => pattern === entry.pattern);
    if (before !== undefined && (entry.target === undefined || before.target === undefined)) {
      throw new TypeError(`subscriptionDataHook: there is a hook for ${JSON.stringify(before.text)} already.`);
    }
    const hooks = [...(before?.hooks ?? []), hook];
    const others = this.#registered.filter((one) => one !== before);
    this.#registered = [...others, { ...entry, hooks }].sort((one, other) => bySpecificity(one.pattern, other.pattern));
  }

  /** The hooks that run for an event of a subscription of this scope, in order; none when none is registered for it. */
  of(scope: Scope): readonly SubscriptionDataHook[] {
    const topic = topicOf(scope);
    return this.#registered.find((one) => takes(one, scope, topic))?.hooks ?? [];
  }
}

function entryOf(text: string): Omit<Registered, "hooks"> {
  if (text === ANY_TARGET) return { text, pattern: ">", target: text };
  if (typeof text !== "string" || !/[*>]/.test(text)) {
    checkTarget("subscriptionDataHook", text);
    return { text, pattern: tokenOf(text, "first"), target: text };
  }
  const pattern = parsePattern(text);
  if (!isFault(pattern)) return { text, pattern };
  throw new TypeError(`subscriptionDataHook: the pattern ${JSON.stringify(text)} ${pattern.fault}.`);
}

function takes({ pattern, target }: Registered, scope: Scope, topic: string): boolean {
  return target === undefined ? matches(pattern, topic) : target === ANY_TARGET || target === scope.target;
}
