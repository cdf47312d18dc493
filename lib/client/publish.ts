/** Publishes events. */
import { compact } from "./compact.ts";
import type { Answer, Http } from "./http.ts";
import type { Schemas } from "./routes.ts";

export interface PublishOptions {
  /** Listeners get the events of one key in order [the topic is the key]. */
  readonly key?: string;
  /**
   * Identifies the publication for 24 h: publishing the same content again under the same `id` has no effect [a random
   * one].
   */
  readonly id?: string;
  /** The type of the event [`org.actingweb.event`]. */
  readonly type?: string;
  /** Where a CloudEvent comes from [the actor's root URI]. */
  readonly source?: string;
  /** Answers before the subscribers are notified [false]. */
  readonly respondAsync?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * The position of the event, and how many subscribers were notified. `replayed`: it was published before under this `id`.
 */
export type Published = Schemas["Published"] & { readonly position: string };

/** Topics and keys that fit in a URL and a header as they are. With any other, the event is sent as a CloudEvent. */
const PLAIN_TOPIC = /^[A-Za-z0-9._~-]+$/;
const PLAIN_HEADER = /^[\x21-\x7e]*$/;
/**
 * The type of an event that is sent as a CloudEvent, and to which the publisher gave no type: CloudEvents must have one.
 */
const TYPE = "event";

/**
 * Publishes one event. Its `id` makes the request repeatable, so it is retried like a read, and the event is published
 * once.
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

/** The answer about one event always has its position. */
const published = ({ data }: Answer<Schemas["Published"]>): Published => data as Published;

function contentOf(data: unknown): object {
  if (!(data instanceof Uint8Array)) return { data: data ?? null };
  let raw = "";
  for (const byte of data) raw += String.fromCharCode(byte);
  return { datacontenttype: "application/octet-stream", data_base64: btoa(raw) };
}
