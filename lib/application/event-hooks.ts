import { isTypePattern } from "../domain/events/selection.ts";
import { isFault, parsePattern } from "../domain/events/topic.ts";
import type { EventHookDefinition } from "../listeners/event-hooks/definition.ts";
import { compact } from "../system/compact.ts";
import type { EventHook, EventHookOptions } from "./hooks.ts";
import { checkChoice, checkHook, checkOwnPattern, shown } from "./registration.ts";

const ORDERS = ["key", "strict", "none"] as const;
const ID = /^[a-z0-9-]{1,32}$/;
const MOST_TYPES = 20;

/** The hooks on an actor's own events. Invariant: each id is there once. */
export class EventHooks {
  readonly #hooks = new Map<string, { readonly definition: EventHookDefinition; readonly hook: EventHook }>();

  /** @throws TypeError for what cannot be meant, with what is allowed */
  add({ id, pattern, types, order = "key" }: EventHookOptions, hook: EventHook): void {
    if (typeof id !== "string" || !ID.test(id)) {
      throw new TypeError(`eventHook: the id ${shown(id)} is not allowed; allowed is 1 to 32 of a-z 0-9 -.`);
    }
    checkHook("eventHook", hook, this.#hooks.has(id) ? id : undefined);
    const topic = typeof pattern === "string" ? parsePattern(pattern) : { fault: "must be a text" };
    if (isFault(topic)) throw new TypeError(`eventHook: the pattern ${shown(pattern)} ${topic.fault}.`);
    checkOwnPattern("eventHook", topic);
    checkChoice("eventHook", ORDERS, order);
    checkTypes(types);
    this.#hooks.set(id, { definition: { id, selection: compact({ topics: [topic], types }), order }, hook });
  }

  get definitions(): readonly EventHookDefinition[] {
    return [...this.#hooks.values()].map(({ definition }) => definition);
  }

  get(id: string): EventHook | undefined {
    return this.#hooks.get(id)?.hook;
  }
}

function checkTypes(types: unknown): void {
  if (types === undefined) return;
  const isList = Array.isArray(types) && types.length > 0 && types.length <= MOST_TYPES;
  if (isList && types.every((type) => typeof type === "string" && isTypePattern(type))) return;
  throw new TypeError(
    `eventHook: the types are ${JSON.stringify(types)}; allowed is a list of 1 to ${String(MOST_TYPES)} types, or beginnings of types such as "org.actingweb.*".`,
  );
}
