/** Publishing events from outside. */
import type { Http } from "./http.ts";

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

export interface Published {
  readonly position: string;
  /** The event was published before, under this `id`: nothing was sent. */
  readonly replayed?: true;
  readonly subscribers?: Readonly<
    Record<"total" | "notified" | "failed" | "skipped" | "deferred" | "ambiguous", number>
  >;
}

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
  const headers = {
    "idempotency-key": id,
    ...(respondAsync === true ? { prefer: "respond-async" } : {}),
  };
  const call = { method: "POST", signal };
  if (isPlain) {
    const bytes = data instanceof Uint8Array ? new Uint8Array(data) : undefined;
    const contentType = bytes === undefined ? "application/json" : "application/octet-stream";
    return await http.json({
      ...call,
      path: `/events/${topic}`,
      headers: { ...headers, "content-type": contentType, ...(key === undefined ? {} : { partitionkey: key }) },
      body: bytes ?? JSON.stringify(data ?? null),
    });
  }
  const event = { specversion: "1.0", id, source: source ?? http.root, type: type ?? TYPE, subject: topic };
  return await http.json({
    ...call,
    path: "/events",
    headers: { ...headers, "content-type": "application/cloudevents+json" },
    body: JSON.stringify({ ...event, partitionkey: key, ...contentOf(data) }),
  });
}

function contentOf(data: unknown): object {
  if (!(data instanceof Uint8Array)) return { data: data ?? null };
  let raw = "";
  for (const byte of data) raw += String.fromCharCode(byte);
  return { datacontenttype: "application/octet-stream", data_base64: btoa(raw) };
}
