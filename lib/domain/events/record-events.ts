/**
 * The events of a record of an actor's change log. They are not stored: every reader derives the same events from the
 * record.
 */
import { compact } from "../../system/compact.ts";
import type { Json } from "../../system/ports.ts";
import type { Change, EventAttributes, LogRecord, NotifyChange, PropertyChange } from "../diff/change-record.ts";
import { PROPERTIES } from "../terms/scope.ts";
import { SYS, tokenOf, topicOf } from "./topic.ts";

/** The prefix of the types of the service's own events. */
export const OWN_TYPES = "org.actingweb.";
/** The type of an application's event that was published without a type. */
const APP_EVENT = "org.actingweb.event";
/** Properties whose events only listeners get whose pattern names the property. */
const HIDDEN: ReadonlySet<string> = new Set(["private", "security", "_internal"]);

/** One event of a record, the same for every listener. */
export interface RecordEvent {
  /** Its index in the record, from 0. */
  readonly index: number;
  /** It is the last event of the record. */
  readonly last: boolean;
  readonly topic: string;
  /** A listener gets the events of one key in order. */
  readonly key: string;
  /**
   * The event is the deletion of all properties. It waits for every earlier event whose key begins with `properties.`, and
   * every later one of these waits for it.
   */
  readonly barrier: boolean;
  readonly type: string;
  /** RFC 3339: the time that the publisher gave, or else that of the record. */
  readonly time: string;
  /** JSON, a text as a string, or base64 (`attributes.base64`). */
  readonly data: Json;
  /** The attributes that the publisher gave. An event without a `traceparent` has that of its record. */
  readonly attributes: EventAttributes;
  /** How many event hooks led to the event, one after another. */
  readonly hops: number;
}

/** The events of a record in order: one for each change. Records of other kinds than `change` have no events. */
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

/** An event of the application. A key with a `partitionkey` contains a space, so it is never the key of a topic. */
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

/** The deletion of all properties. The event names them, except for the hidden ones. */
function cleared(change: Exclude<PropertyChange, { readonly do: "list" }>): Named {
  const removed = change.removed ?? null;
  const data: Json = removed === null ? {} : { names: Object.keys(removed).filter((name) => !HIDDEN.has(name)) };
  return { topic: PROPERTIES, key: PROPERTIES, barrier: true, type: `${OWN_TYPES}properties.cleared`, data };
}

/** The hidden property that a topic names; undefined for every other topic. */
export function hiddenToken(topic: string): string | undefined {
  const [first, second] = topic.split(".", 2);
  return first === PROPERTIES && second !== undefined && HIDDEN.has(second) ? second : undefined;
}
