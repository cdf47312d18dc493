/** The events that a record of an actor's change log makes: derived from the record, the same for all who read it. */
import { compact } from "../../system/compact.ts";
import type { Json } from "../../system/ports.ts";
import type { Change, EventAttributes, LogRecord, NotifyChange, PropertyChange } from "../diff/change-record.ts";
import { PROPERTIES } from "../terms/scope.ts";
import { SYS, tokenOf, topicOf } from "./topic.ts";

/** What the types of the service's own events begin with. */
export const OWN_TYPES = "org.actingweb.";
/** The type of an app's event that was published without one. */
const APP_EVENT = "org.actingweb.event";
/** Properties whose events go only to listeners that name them literally. */
const HIDDEN: ReadonlySet<string> = new Set(["private", "security", "_internal"]);

/** One event of a record, without what a listener adds. */
export interface RecordEvent {
  /** Its place in the record, from 0. */
  readonly index: number;
  /** No other event of the record follows. */
  readonly last: boolean;
  readonly topic: string;
  /** A listener takes the events of one key in order. */
  readonly key: string;
  /**
   * All properties were deleted: the event waits for every earlier event of a key below its own (`properties.…`), and every
   * later one waits for it.
   */
  readonly barrier: boolean;
  readonly type: string;
  /** RFC 3339: that of the record, or the publisher's. */
  readonly time: string;
  /** JSON, a text as a string, or base64 (`attributes.base64`). */
  readonly data: Json;
  /** What was published with it; `traceparent` is that of the record where it has none of its own. */
  readonly attributes: EventAttributes;
  /** How many hooks on events led to it, one after another. */
  readonly hops: number;
}

/** The events of a record in order: one for each change; none for a record of another kind. */
export function eventsOf(record: LogRecord): readonly RecordEvent[] {
  if (record.kind !== "change") return [];
  const { at, changes, traceparent, hops = 0 } = record;
  return changes.map((change, index): RecordEvent => {
    const given = change.do === "notify" ? (change.attributes ?? NONE) : NONE;
    const attributes = compact({ ...given, traceparent: given.traceparent ?? traceparent });
    return {
      ...namedBy(change),
      index,
      last: index === changes.length - 1,
      time: given.time ?? at,
      attributes,
      hops,
    };
  });
}

const NONE: EventAttributes = {};

type Named = Pick<RecordEvent, "topic" | "key" | "barrier" | "type" | "data">;

function namedBy(change: Change): Named {
  if (change.do === "notify") return ofApp(change);
  if (change.do !== "sys") return ofProperties(change);
  const { event, listener, data } = change;
  return {
    topic: `${SYS}.${event}`,
    key: `${SYS} ${listener}`,
    barrier: false,
    type: `${OWN_TYPES}sys.${event}`,
    data,
  };
}

/** No topic holds a space, so that the key with a `partitionkey` is no topic. */
function ofApp(change: NotifyChange): Named {
  const topic = topicOf(change);
  const { type = APP_EVENT, partitionkey } = change.attributes ?? NONE;
  const key = partitionkey === undefined ? topic : `${tokenOf(change.target, "first")} ${partitionkey}`;
  return { topic, key, barrier: false, type, data: change.data };
}

function ofProperties(change: PropertyChange): Named {
  if (change.do === "list") {
    const type = `${OWN_TYPES}list.${String(change.operation["operation"])}`;
    return ofProperty(change.name, type, change.operation);
  }
  const [name, ...path] = change.path;
  if (name === undefined) return cleared(change);
  const at = compact({ name, path: path.length === 0 ? undefined : path });
  return change.do === "delete"
    ? ofProperty(name, `${OWN_TYPES}property.deleted`, at)
    : ofProperty(name, `${OWN_TYPES}property.set`, { ...at, value: change.value });
}

function ofProperty(name: string, type: string, data: Json): Named {
  const topic = `${PROPERTIES}.${tokenOf(name)}`;
  return { topic, key: topic, barrier: false, type, data };
}

/** Names the deleted properties, but for those that only some listeners may see. */
function cleared(change: Exclude<PropertyChange, { readonly do: "list" }>): Named {
  const removed = change.removed ?? null;
  const data: Json = removed === null ? {} : { names: Object.keys(removed).filter((name) => !HIDDEN.has(name)) };
  return { topic: PROPERTIES, key: PROPERTIES, barrier: true, type: `${OWN_TYPES}properties.cleared`, data };
}

/** The property that a topic names when only listeners that name it literally may see its events. */
export function hiddenToken(topic: string): string | undefined {
  const [first, second] = topic.split(".", 2);
  return first === PROPERTIES && second !== undefined && HIDDEN.has(second) ? second : undefined;
}
