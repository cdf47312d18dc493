/**
 * The envelope: an event as a CloudEvent 1.0 in structured JSON, as webhooks, groups, readers, hooks and the bus get it.
 */
import { hash } from "node:crypto";
import { compact } from "../../system/compact.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import { printJson } from "../json/json-text.ts";
import type { RecordEvent } from "./record-events.ts";

/** Most bytes of data in an envelope, unless the listener asks for fewer. */
export const INLINE_MAX_BYTES = 262_144;
/** The media type of an envelope. */
export const ENVELOPE_TYPE = "application/cloudevents+json";
/** Attributes that the service sets. A publisher's attributes of these names are dropped. */
export const OWN_ATTRIBUTES: ReadonlySet<string> = new Set([
  "position",
  "sequence",
  "hops",
  "originsource",
  "originid",
  "dataref",
  "datadigest",
]);

/** An event, and what the envelope for one listener adds to it. */
export interface EnvelopeInput {
  readonly event: RecordEvent;
  /** The actor's root URI. */
  readonly source: string;
  /** Made by `eventIdOf`. */
  readonly id: string;
  /** Made by `positionOf`. */
  readonly position: string;
  /** The listener's number of the event, from 1. Absent: the listener does not count. */
  readonly sequence?: number;
  /** An envelope has `dataref` and `datadigest` in place of data with more bytes than this [262144]. */
  readonly inlineMaxBytes?: number;
  /** Makes the URL at which the data can be read for a week. */
  readonly dataref: () => string;
}

/** The data of an event as bytes. `dataref` answers with these, and `datadigest` is their digest. */
export interface EventContent {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** The data of an event in the media type in which it was published. The data of the service's own events is JSON. */
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
function isJsonType(contentType: string): boolean {
  return /^[^;]*[/+]json *(;|$)/i.test(contentType);
}

/** The envelope of an event for one listener. */
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

/** A number as text of 16 digits, so that texts sort like numbers. */
const printSequence = (sequence: number): string => String(sequence).padStart(16, "0");

function dataOf({ event, inlineMaxBytes = INLINE_MAX_BYTES, dataref }: EnvelopeInput): Readonly<Record<string, Json>> {
  const { contentType, bytes } = contentOf(event);
  if (bytes.length > inlineMaxBytes) {
    return { datacontenttype: contentType, dataref: dataref(), datadigest: digestOfBytes(bytes) };
  }
  return { datacontenttype: contentType, [event.attributes.base64 === true ? "data_base64" : "data"]: event.data };
}

/** A digest in the form of `Content-Digest` (RFC 9530). */
export const digestOfBytes = (bytes: Uint8Array): string => `sha-256=:${hash("sha256", bytes, "base64")}:`;
