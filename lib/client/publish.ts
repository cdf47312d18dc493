/** Publishing events from outside. */
import { compact } from "./compact.ts";
import type { Answer, Http } from "./http.ts";
import type { Schemas } from "./routes.ts";

export interface PublishOptions {
  /** Events of one key are kept in order [the topic is the key]. */
  readonly key?: string;
  /** Names the publication for 24 h: the same `id` with the same content publishes nothing more [a random one]. */
  readonly id?: string;
  /** The event's type; then the event is sent as a CloudEvent [`org.actingweb.event`]. */
  readonly type?: string;
  /** Where a CloudEvent comes from [the actor's root URI]. */
  readonly source?: string;
  /** Answers before the subscribers are notified [false]. */
  readonly respondAsync?: boolean;
  readonly signal?: AbortSignal;
}

/** Where the event stands, and what became of its subscribers' diffs; `replayed`: it was published before, under this `id`. */
export type Published = Schemas["Published"] & { readonly position: string };

/** What a URL and a header carry as it is; anything else is sent as a CloudEvent, whose members have no such limits. */
const PLAIN_TOPIC = /^[A-Za-z0-9._~-]+$/;
const PLAIN_HEADER = /^[\x21-\x7e]*$/;
/** The type of a CloudEvent that needs one, and whose publisher gave none. */
const TYPE = "event";

/**
 * Publishes one event. It is repeatable under its `id`, so it is tried again like a read, and published once.
 *
 * @param data JSON, or bytes
 * @throws ServiceError (`idempotency_conflict`: this `id` published something else); Unreachable
 */
export async function publish(
  http: Http,
  topic: string,
  data: unknown,
  options: PublishOptions = {},
): Promise<Published> {
  const { key, id = crypto.randomUUID(), type, source, respondAsync, signal } = options;
  const isPlain = type === undefined && source === undefined && PLAIN_TOPIC.test(topic) && PLAIN_HEADER.test(key ?? "");
  const header = compact({ "idempotency-key": id, prefer: respondAsync === true ? "respond-async" : undefined });
  const sending = { isRepeatable: true, signal };
  if (!isPlain) {
    const event = { specversion: "1.0", id, source: source ?? http.root, type: type ?? TYPE, subject: topic } as const;
    const body = { ...event, ...compact({ partitionkey: key }), ...contentOf(data) };
    const headers = { "content-type": "application/cloudevents+json" };
    const ask = { params: { header }, headers, body };
    return published(await http.send(async (api) => await api.POST("/events", ask), sending));
  }
  const isBytes = data instanceof Uint8Array;
  const ask = {
    params: { path: { topic }, header: { ...header, ...compact({ partitionkey: key }) } },
    headers: { "content-type": isBytes ? "application/octet-stream" : "application/json" },
    body: data ?? null,
    ...(isBytes ? { bodySerializer: (bytes: unknown) => bytes } : {}),
  };
  return published(await http.send(async (api) => await api.POST("/events/{topic}", ask), sending));
}

/** One event has one position. */
const published = ({ data }: Answer<Schemas["Published"]>): Published => data as Published;

function contentOf(data: unknown): object {
  if (!(data instanceof Uint8Array)) return { data: data ?? null };
  let raw = "";
  for (const byte of data) raw += String.fromCharCode(byte);
  return { datacontenttype: "application/octet-stream", data_base64: btoa(raw) };
}
