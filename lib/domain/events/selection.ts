/** Which events a listener asks for: those whose topic matches one of its patterns, and whose type it names. */
import { compact } from "../../system/compact.ts";
import { hiddenToken, type RecordEvent } from "./record-events.ts";
import { matches } from "./topic.ts";

/** Patterns as `parsePattern` returns them, and types: whole ones, or prefixes (`a.*`). */
export interface Selection {
  readonly topics: readonly string[];
  /** Absent: events of any type. */
  readonly types?: readonly string[];
}

const TYPE = /^[A-Za-z0-9._-]{1,128}$/;

/** True for the type of an event: 1 to 128 characters of `[A-Za-z0-9._-]`. */
export const isEventType = (text: string): boolean => TYPE.test(text);

/** True for a type, or for the prefix of types: `a.*`. */
export const isTypePattern = (text: string): boolean => isEventType(text.endsWith(".*") ? text.slice(0, -2) : text);

/** True when the selection lets the event through. */
export function selects({ topics, types }: Selection, event: Pick<RecordEvent, "topic" | "type">): boolean {
  return topics.some((pattern) => selectsTopic(pattern, event.topic)) && selectsType(types, event.type);
}

/**
 * True when the pattern matches the topic, and may. Events of the properties `private`, `security` and `_internal` need a
 * pattern whose second token is that name.
 */
export function selectsTopic(pattern: string, topic: string): boolean {
  const hidden = hiddenToken(topic);
  return matches(pattern, topic) && (hidden === undefined || pattern.split(".", 2)[1] === hidden);
}

function selectsType(types: readonly string[] | undefined, type: string): boolean {
  if (types === undefined) return true;
  return types.some((pattern) => (pattern.endsWith(".*") ? type.startsWith(pattern.slice(0, -1)) : pattern === type));
}

/** What a selection over `<actorId>.<topic>` selects of one actor; undefined: nothing. */
export function selectionOfActor({ topics, types }: Selection, actorId: string): Selection | undefined {
  const rest = topics.flatMap((pattern): string[] => {
    if (pattern === ">") return [pattern];
    const dot = pattern.indexOf(".");
    const first = dot < 0 ? "" : pattern.slice(0, dot);
    return first === "*" || first === actorId ? [pattern.slice(dot + 1)] : [];
  });
  return rest.length === 0 ? undefined : compact({ topics: rest, types });
}
