/** Reads and checks the CloudEvents that publishers send. */
import { ServiceError } from "../../system/errors.ts";
import { compact } from "../../system/compact.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import type { EventAttributes } from "../diff/change-record.ts";
import { isArray, isObject, jsonBytes, own } from "../json/json.ts";
import { printJson } from "../json/json-text.ts";
import { isTraceparent } from "../terms/identifiers.ts";
import { parseTimestamp } from "../terms/timestamp.ts";
import { OWN_ATTRIBUTES } from "./envelope.ts";
import { OWN_TYPES } from "./record-events.ts";
import { isEventType } from "./selection.ts";

/** An event as its publisher sent it. */
export interface PublishedEvent {
  /** The topic in the event. Absent: the URL names the topic. */
  readonly subject?: string;
  readonly data: Json;
  readonly attributes: EventAttributes;
}

/** The attributes that a CloudEvent must have. */
export const REQUIRED_ATTRIBUTES = ["specversion", "id", "source", "type"] as const;

/** Most bytes of data that are neither JSON nor text: their base64 is as long as the value of a property may be. */
const MAX_BINARY_BYTES = 190 * 1_024;
const MAX_EXTENSIONS = 20;
const MAX_EXTENSION_BYTES = 1_024;
const MAX_ORIGIN_BYTES = 1_024;
const MAX_URI = 2_048;
const MAX_PARTITIONKEY_BYTES = 128;

const EXTENSION_NAME = /^[a-z0-9]{1,64}$/;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;
const MEDIA_TYPE = /^[\x20-\x7e]{1,256}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** The members of a CloudEvent that are not extensions. */
const KNOWN: ReadonlySet<string> = new Set([
  ...REQUIRED_ATTRIBUTES,
  ...["subject", "time", "datacontenttype", "dataschema", "data", "data_base64"],
  ...["partitionkey", "traceparent", "tracestate"],
]);

/**
 * Reads a CloudEvent in structured JSON.
 *
 * @param within the prefix of field names in messages: `"3."` for the fourth event of a batch
 * @throws ServiceError request.invalid which names the field; auth.forbidden for a type of the service's own;
 *   request.too_large for base64 of more than 190 KiB
 */
export function readCloudEvent(event: Json, within = ""): PublishedEvent {
  if (!isObject(event)) throw invalid(within.slice(0, -1) || "body", "must be a CloudEvent, which is a JSON object");
  const read = readAttributes(event, within);
  const [data, base64] = [own(event, "data"), own(event, "data_base64")];
  if (base64 === undefined || base64 === null) return { ...read, data: data ?? null };
  if (data !== undefined) throw invalid(`${within}data`, "must be left out beside data_base64");
  if (typeof base64 !== "string" || !BASE64.test(base64)) throw invalid(`${within}data_base64`, "must be base64");
  return { ...read, ...binaryData(Buffer.from(base64, "base64"), read.attributes) };
}

/** Data that is neither JSON nor text. @throws ServiceError request.too_large for more than 190 KiB */
export function binaryData(bytes: Buffer, attributes: EventAttributes): Pick<PublishedEvent, "data" | "attributes"> {
  if (bytes.length > MAX_BINARY_BYTES) {
    const message = `The data of an event takes at most ${String(MAX_BINARY_BYTES)} bytes when it is neither JSON nor text.`;
    throw new ServiceError("request.too_large", message, { field: "data" });
  }
  return { data: bytes.toString("base64"), attributes: { ...attributes, base64: true } };
}

/** Reads the attributes of a CloudEvent from its members, or from its headers without `ce-`. @throws as `readCloudEvent` */
export function readAttributes(members: JsonObject, within = ""): Pick<PublishedEvent, "subject" | "attributes"> {
  const text = (name: string, fits: (value: string) => boolean, rule: string): string | undefined => {
    const value = own(members, name);
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string" && fits(value)) return value;
    throw invalid(within + name, rule);
  };
  const demanded = (name: string, fits: (value: string) => boolean, rule: string): string => {
    const value = text(name, fits, rule);
    if (value === undefined) throw invalid(within + name, rule);
    return value;
  };
  demanded("specversion", (value) => value === "1.0", 'must be "1.0"');
  const isOrigin = (value: string): boolean => value !== "" && Buffer.byteLength(value) <= MAX_ORIGIN_BYTES;
  const originid = demanded("id", isOrigin, ORIGIN_RULE);
  const originsource = demanded("source", isOrigin, ORIGIN_RULE);
  const type = demanded("type", isEventType, "must be 1 to 128 of A-Z a-z 0-9 . _ -");
  if (type.startsWith(OWN_TYPES)) {
    const message = `The types that begin with ${OWN_TYPES} are the service's own.`;
    throw new ServiceError("auth.forbidden", message, { field: `${within}type` });
  }
  const isUri = (value: string): boolean =>
    value.length <= MAX_URI && URI.test(value) && globalThis.URL.canParse(value);
  const traces = (name: string, fits: (value: string) => boolean): string | undefined => {
    // A malformed trace is dropped instead of refused, because the event matters more.
    const value = text(name, () => true, "must be a text");
    return value !== undefined && fits(value) ? value : undefined;
  };
  const traceparent = traces("traceparent", isTraceparent);
  return compact({
    subject: text("subject", (value) => value !== "", "must name the topic of the event"),
    attributes: compact({
      type,
      originid,
      originsource,
      time: text("time", isTime, "must be a time of RFC 3339, such as 2026-01-31T12:00:00Z"),
      dataschema: text("dataschema", isUri, `must be a URI of at most ${String(MAX_URI)} characters`),
      datacontenttype: text("datacontenttype", (value) => MEDIA_TYPE.test(value), "must be a media type"),
      partitionkey: text("partitionkey", isPartitionkey, PARTITIONKEY_RULE),
      traceparent,
      tracestate: traceparent === undefined ? undefined : traces("tracestate", (value) => TRACESTATE.test(value)),
      extensions: extensionsOf(members, within),
    }),
  });
}

const ORIGIN_RULE = `must be a text of 1 to ${String(MAX_ORIGIN_BYTES)} bytes`;
/** The rule for a `partitionkey`, as the end of a message. */
export const PARTITIONKEY_RULE = `must be a text of 1 to ${String(MAX_PARTITIONKEY_BYTES)} bytes`;

/** True for a `partitionkey`: 1 to 128 bytes. */
export const isPartitionkey = (text: string): boolean =>
  text !== "" && text.isWellFormed() && Buffer.byteLength(text) <= MAX_PARTITIONKEY_BYTES;

const isTime = (text: string): boolean => RFC_3339.test(text) && parseTimestamp(text) !== undefined;

/** The extensions of the publisher, without attributes that the service sets. @throws as `readCloudEvent` */
function extensionsOf(members: JsonObject, within: string): EventAttributes["extensions"] {
  const kept: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(members)) {
    if (KNOWN.has(name) || value === null) continue;
    if (name === "dataref") throw invalid(`${within}dataref`, "must be left out; send the data itself");
    if (OWN_ATTRIBUTES.has(name)) continue;
    if (!EXTENSION_NAME.test(name)) throw invalid(within + name, "must have a name of a-z and 0-9 only");
    if (!isExtensionValue(value)) throw invalid(within + name, "must be a text, a whole number or a boolean");
    kept[name] = value;
  }
  const count = Object.keys(kept).length;
  if (count === 0) return undefined;
  if (count <= MAX_EXTENSIONS && jsonBytes(kept) <= MAX_EXTENSION_BYTES) return kept;
  const rule = `must have at most ${String(MAX_EXTENSIONS)} further attributes of ${String(MAX_EXTENSION_BYTES)} bytes together`;
  throw invalid(within.slice(0, -1) || "event", rule);
}

/** True for a value that an extension may have; whole numbers of CloudEvents have 32 bits. */
function isExtensionValue(value: Json): value is string | number | boolean {
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 2 ** 31;
  return (typeof value === "string" && value !== "") || typeof value === "boolean";
}

/** Reads a batch of 1 to `most` CloudEvents. @throws as `readCloudEvent`; the field begins with the index of its event */
export function readCloudEvents(batch: Json, most: number): readonly PublishedEvent[] {
  if (!isArray(batch) || batch.length === 0 || batch.length > most) {
    throw invalid("body", `must be an array of 1 to ${String(most)} CloudEvents`);
  }
  const origins = new Set<string>();
  return batch.map((each, index) => {
    const event = readCloudEvent(each, `${String(index)}.`);
    const { originsource = "", originid = "" } = event.attributes;
    const identity = printJson([originsource, originid]);
    if (origins.has(identity)) throw invalid(`${String(index)}.id`, "must not be that of another event of the batch");
    origins.add(identity);
    return event;
  });
}

const invalid = (field: string, rule: string): ServiceError =>
  new ServiceError("request.invalid", `The field ${JSON.stringify(field)} ${rule}.`, { field });
