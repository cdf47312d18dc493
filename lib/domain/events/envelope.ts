/** Events as CloudEvents 1.0 in structured JSON: what webhooks, groups, readers, hooks and the bus are given. */
import { hash } from "node:crypto";
import { compact } from "../../system/compact.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import { printJson } from "../json/json-text.ts";
import type { RecordEvent } from "./record-events.ts";

/** Most bytes of data that an envelope has in it, unless the listener asks for less. */
export const INLINE_MAX_BYTES = 262_144;
/** The media type of an envelope. */
export const ENVELOPE_TYPE = "application/cloudevents+json";
/** Attributes that the service gives an event, and that a publisher's event has no say in. */
export const OWN_ATTRIBUTES: ReadonlySet<string> = new Set([
  "position",
  "sequence",
  "hops",
  "originsource",
  "originid",
  "dataref",
  "datadigest",
]);

/** An event as one listener is given it. */
export interface EnvelopeInput {
  readonly event: RecordEvent;
  /** The actor's root URI. */
  readonly source: string;
  /** As by `eventIdOf`. */
  readonly id: string;
  /** As by `positionOf`. */
  readonly position: string;
  /** How many events the listener was given before this one, and one. Absent: it does not count. */
  readonly sequence?: number;
  /** Above so many bytes the envelope has `dataref` and `datadigest` instead of data [262144]. */
  readonly inlineMaxBytes?: number;
  /** The URL at which the data can be read for a while. */
  readonly dataref: () => string;
}

/** The data of an event as bytes: what `dataref` answers, and what `datadigest` is the digest of. */
export interface EventContent {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** The data of an event as it was published; JSON where the service made it. */
export function contentOf({ data, attributes }: Pick<RecordEvent, "data" | "attributes">): EventContent {
  const { datacontenttype, base64 } = attributes;
  if (base64 === true) {
    return { contentType: datacontenttype ?? "application/octet-stream", bytes: Buffer.from(String(data), "base64") };
  }
  const contentType = datacontenttype ?? "application/json";
  const isText = typeof data === "string" && !isJsonType(contentType);
  return { contentType, bytes: Buffer.from(isText ? data : printJson(data)) };
}

/** True for a media type whose data is JSON. */
export function isJsonType(contentType: string): boolean {
  return /^[^;]*[/+]json *(;|$)/i.test(contentType);
}

/** The event as a listener is given it. */
export function envelopeOf(input: EnvelopeInput): JsonObject {
  const { event, source, id, position, sequence } = input;
  const { attributes, hops } = event;
  const { partitionkey, traceparent, tracestate, originsource, originid, dataschema, extensions } = attributes;
  return compact({
    ...extensions,
    specversion: "1.0",
    id,
    source,
    subject: event.topic,
    type: event.type,
    time: event.time,
    dataschema,
    position,
    sequence: sequence === undefined ? undefined : printSequence(sequence),
    partitionkey,
    traceparent,
    tracestate,
    originsource,
    originid,
    hops: hops === 0 ? undefined : hops,
    ...dataOf(input),
  });
}

/** The k-th event of a listener as text, so that the order of texts is the order of numbers. */
export const printSequence = (sequence: number): string => String(sequence).padStart(16, "0");

function dataOf({ event, inlineMaxBytes = INLINE_MAX_BYTES, dataref }: EnvelopeInput): Readonly<Record<string, Json>> {
  const { contentType, bytes } = contentOf(event);
  if (bytes.length > inlineMaxBytes) {
    return { datacontenttype: contentType, dataref: dataref(), datadigest: digestOfBytes(bytes) };
  }
  return { datacontenttype: contentType, [event.attributes.base64 === true ? "data_base64" : "data"]: event.data };
}

/** A digest in the form of `Content-Digest` (RFC 9530). */
export const digestOfBytes = (bytes: Uint8Array): string => `sha-256=:${hash("sha256", bytes, "base64")}:`;
