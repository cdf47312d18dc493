import { requestSigner, type Credentials, type RequestSigner } from "../aws/request-signer.ts";
import { httpHandler, type HttpHandler } from "../aws/http-handler.ts";
import { ClosableBus } from "./closable-bus.ts";
import { isArray, isObject, own, parseJson } from "../domain/json/json.ts";
import { printJson } from "../domain/json/json-text.ts";
import { NOT_PUBLISHED } from "../system/metric-names.ts";
import {
  NotSupported,
  type After,
  type BusEvent,
  type BusSubscription,
  type Clock,
  type EventBus,
  type Json,
  type Log,
  type Publication,
} from "../system/ports.ts";

export interface EventBridgeOptions {
  /** The bus of the data stack. */
  readonly busName: string;
  readonly region: string;
  /** `environmentCredentials` in a function. */
  readonly credentials: () => Promise<Credentials>;
  readonly log: Pick<Log, "warn">;
  readonly clock: Clock;
  readonly after: After;
  /** Another endpoint than the region's. */
  readonly endpoint?: string;
  /** Milliseconds for one publication, answer included [3000]. */
  readonly timeoutMs?: number;
}

/** EventBridge takes entries of at most 256 KB, and beside the data an entry has the rest of its event. */
const INLINE_MAX_BYTES = 200_000;
const CONNECT_MS = 1_000;
const MOST_CONNECTIONS = 50;

/** Errors of a connection that was never there, so that nothing was sent. */
const NOT_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"]);
/** What an event is refused for, of a request or of its entry. All other codes concern the bus or our rights on it. */
const REFUSALS = new Set([
  "ValidationException",
  "SerializationException",
  "MalformedDetail",
  "InvalidArgument",
  "NotAuthorizedForDetailTypeException",
  "NotAuthorizedForSourceException",
]);

/**
 * Publishes to one bus of EventBridge; the rules of the bus say where its events go. `PutEvents` is a request over HTTP with
 * the signature of this project, because the SDK's client for it would lengthen every cold start.
 */
export class EventBridgeBus extends ClosableBus implements EventBus {
  readonly inlineMaxBytes = INLINE_MAX_BYTES;
  readonly #options: EventBridgeOptions;
  readonly #endpoint: URL;
  readonly #signer: RequestSigner;
  readonly #http: HttpHandler;

  constructor(options: EventBridgeOptions) {
    const { region, credentials, clock, after, endpoint = endpointOf(region), timeoutMs = 3_000 } = options;
    super();
    this.#options = options;
    this.#endpoint = new URL(endpoint);
    this.#signer = requestSigner({ service: "events", region }, credentials, () => clock.now());
    this.#http = httpHandler({ timeoutMs, connectMs: CONNECT_MS, maxConnections: MOST_CONNECTIONS, clock, after });
  }

  async publish(topic: string, event: BusEvent): Promise<Publication> {
    await this.connect();
    const publication = await this.#put(event);
    const { outcome, error } = publication;
    if (outcome !== "taken") {
      const { id, type } = event;
      this.#options.log.warn(NOT_PUBLISHED, { topic, eventId: id, type, outcome, error });
    }
    return publication;
  }

  subscribe(): BusSubscription {
    this.checkOpen();
    throw new NotSupported("EventBridge gives events to the targets of its rules; this service cannot subscribe.");
  }

  protected end(): void {
    this.#http.destroy();
  }

  async #put(event: BusEvent): Promise<Publication> {
    const { protocol, hostname, host, port, pathname } = this.#endpoint;
    const entry = { ...entryOf(event), EventBusName: this.#options.busName };
    const body = Buffer.from(JSON.stringify({ Entries: [entry] }));
    const request = {
      protocol,
      hostname,
      method: "POST",
      path: pathname,
      body,
      ...(port !== "" && { port: Number(port) }),
      headers: {
        host,
        "content-type": "application/x-amz-json-1.1",
        "content-length": String(body.length),
        "x-amz-target": "AWSEvents.PutEvents",
      },
    };
    try {
      await this.#signer.sign(request);
    } catch (error) {
      return { outcome: "unavailable", error: messageOf(error) };
    }
    try {
      const { response } = await this.#http.handle(request);
      return publicationOf(response.statusCode, response.body);
    } catch (error) {
      return { outcome: neverConnected(error) ? "unavailable" : "ambiguous", error: messageOf(error) };
    }
  }
}

/** Regions of China have a domain of their own. */
const endpointOf = (region: string): string =>
  `https://events.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;

/** The event as an entry of PutEvents. `Source` ends with the actor's id, the last segment of its root URI. */
export const entryOf = (event: BusEvent) => ({
  Source: `actingweb.${event.source.split("/").findLast((part) => part !== "") ?? ""}`,
  DetailType: event.type,
  Detail: printJson(event),
});

/** What an answer of PutEvents says of its only entry. */
function publicationOf(status: number, body: Uint8Array): Publication {
  const answer = jsonOf(body);
  if (status !== 200) {
    const code = text(answer, "__type").replace(/^.*#/, "");
    const error = [String(status), code, text(answer, "message") || text(answer, "Message")].join(" ").trim();
    // Of any other 5xx it is unknown how far the request had come.
    if (status >= 500 && status !== 503) return { outcome: "ambiguous", error };
    return { outcome: status === 413 || REFUSALS.has(code) ? "refused" : "unavailable", error };
  }
  const entries = isObject(answer) ? own(answer, "Entries") : undefined;
  const entry = isArray(entries) ? entries[0] : undefined;
  if (text(entry, "EventId") !== "") return { outcome: "taken" };
  const code = text(entry, "ErrorCode");
  if (code === "") return { outcome: "ambiguous", error: "200 without a word on the event" };
  const error = `${code} ${text(entry, "ErrorMessage")}`.trim();
  return { outcome: REFUSALS.has(code) ? "refused" : "unavailable", error };
}

const neverConnected = (error: unknown): boolean =>
  error instanceof Error && "code" in error && NOT_CONNECTED.has(String(error.code));

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function jsonOf(body: Uint8Array): Json {
  try {
    return parseJson(body, { what: "answer" });
  } catch {
    return null;
  }
}

function text(object: Json | undefined, member: string): string {
  const value = isObject(object) ? own(object, member) : undefined;
  return typeof value === "string" ? value : "";
}
