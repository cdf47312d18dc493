/** Reads the bodies of requests that publish: plain events, CloudEvents in structured and binary mode, and batches. */
import { parseJson } from "../domain/json/json.ts";
import {
  binaryData,
  isPartitionkey,
  PARTITIONKEY_RULE,
  readAttributes,
  readCloudEvent,
  readCloudEvents,
  REQUIRED_ATTRIBUTES,
  type PublishedEvent,
} from "../domain/events/cloud-event.ts";
import { ENVELOPE_TYPE } from "../domain/events/envelope.ts";
import { isJson, mediaType, plainBody, textOf } from "../http/body.ts";
import type { ServiceRequest } from "../http/request.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";

const BATCH_TYPE = "application/cloudevents-batch+json";
/** The prefix of all media types of CloudEvents, also of those that the service does not take. */
const CLOUD_EVENTS = "application/cloudevents";
/** Most events of a batch: all of them are published in one transaction, which has at most 100 writes. */
const MAX_BATCH = 90;
const HEADER_PREFIX = "ce-";
const PARTITIONKEY = "partitionkey";
/** The encodings of text that are taken: another one would be stored as wrong characters. */
const UTF_8 = /;\s*charset\s*=\s*"?(?:utf-8|us-ascii)"?\s*(?:;|$)/i;

/** The events of a request. */
export interface EventsBody {
  readonly events: readonly PublishedEvent[];
  /** They were sent as a batch, so the answer has a list. */
  readonly batch: boolean;
}

/**
 * Reads the events of a request.
 *
 * @param named true when the URL names the topic
 * @throws ServiceError request.invalid which names the field, request.too_large, request.unsupported_media_type;
 *   auth.forbidden for a type of the service's own
 */
export function readEvents(request: ServiceRequest, named: boolean): EventsBody {
  const body = plainBody(request);
  const type = mediaType(request);
  if (type.startsWith(CLOUD_EVENTS)) {
    if (type === BATCH_TYPE && !named) {
      return { events: readCloudEvents(parseJson(body), MAX_BATCH).map((event) => keyed(event, request)), batch: true };
    }
    if (type !== ENVELOPE_TYPE) throw notTaken(named);
    return { events: [keyed(readCloudEvent(parseJson(body)), request)], batch: false };
  }
  const event = isBinaryMode(request) ? binaryMode(request, body, type) : undefined;
  if (event === undefined && !named) {
    const message = "Name the topic: in the URL, or as the subject of a CloudEvent.";
    throw new ServiceError("request.invalid", message, { field: "topic" });
  }
  return { events: [keyed(event ?? withData(request, body, type), request)], batch: false };
}

function notTaken(named: boolean): ServiceError {
  const types = named ? ENVELOPE_TYPE : `${ENVELOPE_TYPE} or ${BATCH_TYPE}`;
  return new ServiceError("request.unsupported_media_type", `CloudEvents are taken as ${types}.`);
}

/** True for a CloudEvent in binary mode. A plain event may have the header `ce-partitionkey`, but no other one of CloudEvents. */
const isBinaryMode = ({ headers }: ServiceRequest): boolean =>
  Object.keys(headers).some((name) => name.startsWith(HEADER_PREFIX) && name !== HEADER_PREFIX + PARTITIONKEY);

/** A CloudEvent in binary mode: its attributes are headers, and the body is its data. */
function binaryMode(request: ServiceRequest, body: Uint8Array, type: string): PublishedEvent {
  const missing = REQUIRED_ATTRIBUTES.find((name) => request.headers[HEADER_PREFIX + name] === undefined);
  if (missing !== undefined) {
    const message = `A CloudEvent in headers has ${REQUIRED_ATTRIBUTES.map((name) => HEADER_PREFIX + name).join(", ")}.`;
    throw new ServiceError("request.invalid", message, { field: HEADER_PREFIX + missing });
  }
  const members = Object.entries(request.headers).flatMap(([name, value]): [string, string][] =>
    name.startsWith(HEADER_PREFIX) ? [[name.slice(HEADER_PREFIX.length), unescaped(name, value)]] : [],
  );
  // The media type of the body stands for `datacontenttype`.
  const { subject, attributes } = readAttributes({ ...Object.fromEntries(members), datacontenttype: null });
  const content = body.byteLength === 0 && type === "" ? { data: null, attributes: {} } : withData(request, body, type);
  return compact({ subject, data: content.data, attributes: { ...attributes, ...content.attributes } });
}

/** Decodes the header of a CloudEvent, in which `%` and characters beyond ASCII are percent-encoded UTF-8. */
function unescaped(name: string, value: string): string {
  try {
    return value.includes("%") ? decodeURIComponent(value) : value;
  } catch (cause) {
    const message = `The header ${name} must be percent-encoded UTF-8.`;
    throw new ServiceError("request.invalid", message, { field: name, cause });
  }
}

/** The body as the data of an event: JSON, a text, or other bytes. */
function withData(request: ServiceRequest, body: Uint8Array, type: string): PublishedEvent {
  if (type === "" || type === "application/json") return { data: parseJson(body), attributes: {} };
  const datacontenttype = (request.headers["content-type"] ?? "").trim();
  if (isJson(type)) return { data: parseJson(body), attributes: { datacontenttype } };
  if (!type.startsWith("text/")) return binaryData(Buffer.from(body), { datacontenttype });
  if (/;\s*charset\s*=/i.test(datacontenttype) && !UTF_8.test(datacontenttype)) {
    throw new ServiceError("request.unsupported_media_type", "A text must be sent as UTF-8.");
  }
  return { data: textOf(body), attributes: { datacontenttype } };
}

/** The event with the `partitionkey` of the header, if there is one. @throws ServiceError request.invalid when the event has another */
function keyed(event: PublishedEvent, { headers }: ServiceRequest): PublishedEvent {
  const given = headers[PARTITIONKEY] ?? headers[HEADER_PREFIX + PARTITIONKEY];
  if (given === undefined) return event;
  const partitionkey = unescaped(PARTITIONKEY, given);
  const own = event.attributes.partitionkey ?? partitionkey;
  if (isPartitionkey(partitionkey) && own === partitionkey) {
    return { ...event, attributes: { ...event.attributes, partitionkey } };
  }
  const rule = own === partitionkey ? PARTITIONKEY_RULE : "must be that of the event";
  throw new ServiceError("request.invalid", `The header ${PARTITIONKEY} ${rule}.`, { field: PARTITIONKEY });
}
