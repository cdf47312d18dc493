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
  type BusAnswer,
} from "../system/ports.ts";

export interface EventBridgeOptions {
  /** The name of the bus that the data stack makes. */
  readonly busName: string;
  readonly region: string;
  /** `environmentCredentials` in a function. */
  readonly credentials: () => Promise<Credentials>;
  readonly log: Pick<Log, "warn">;
  readonly clock: Clock;
  readonly after: After;
  /** Another endpoint than the region's. */
  readonly endpoint?: string;
  /** The longest that one publication takes, ms, the answer included [3000]. */
  readonly timeoutMs?: number;
}

/**
 * Most bytes of data in an event: EventBridge takes entries of at most 256 KB, and an entry has the other attributes too.
 */
const INLINE_MAX_BYTES = 200_000;
const CONNECT_MS = 1_000;
const MOST_CONNECTIONS = 50;

/** Errors of connections that were never made, so that nothing was sent. */
const NOT_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"]);
/**
 * Error codes that say the event itself is refused. All other codes say something about the bus, or about our rights on it.
 */
const REFUSALS = new Set([
  "ValidationException",
  "SerializationException",
  "MalformedDetail",
  "InvalidArgument",
  "NotAuthorizedForDetailTypeException",
  "NotAuthorizedForSourceException",
]);

/**
 * Publishes to one bus of EventBridge, whose rules say where its events go. `PutEvents` is sent over plain HTTP and signed
 * by `requestSigner`, because the SDK's client for EventBridge would make every cold start longer.
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

  async publish(topic: string, event: BusEvent): Promise<BusAnswer> {
    await this.connect();
    const answer = await this.#put(event);
    const { outcome, error } = answer;
    if (outcome !== "taken") {
      const { id, type } = event;
      this.#options.log.warn(NOT_PUBLISHED, { topic, eventId: id, type, outcome, error });
    }
    return answer;
  }

  subscribe(): BusSubscription {
    this.checkOpen();
    throw new NotSupported(
      "EventBridge sends events to the targets of its rules: add a rule instead of subscribing here.",
    );
  }

  protected end(): void {
    this.#http.destroy();
  }

  async #put(event: BusEvent): Promise<BusAnswer> {
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
      return busAnswerOf(response.statusCode, response.body);
    } catch (error) {
      return { outcome: neverConnected(error) ? "unavailable" : "ambiguous", error: messageOf(error) };
    }
  }
}

/** Regions of China have a domain of their own. */
const endpointOf = (region: string): string =>
  `https://events.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;

/**
 * The entry of PutEvents for an event. Its `Source` ends with the actor's id, which is the last segment of the root URI.
 */
export const entryOf = (event: BusEvent) => ({
  Source: `actingweb.${event.source.split("/").findLast((part) => part !== "") ?? ""}`,
  DetailType: event.type,
  Detail: printJson(event),
});

/** What the answer of PutEvents says about the only entry. */
function busAnswerOf(status: number, body: Uint8Array): BusAnswer {
  const answer = jsonOf(body);
  if (status !== 200) {
    const code = text(answer, "__type").replace(/^.*#/, "");
    const error = [String(status), code, text(answer, "message") || text(answer, "Message")].join(" ").trim();
    // After another 5xx it is unknown whether the bus has the event.
    if (status >= 500 && status !== 503) return { outcome: "ambiguous", error };
    return { outcome: status === 413 || REFUSALS.has(code) ? "refused" : "unavailable", error };
  }
  const entries = isObject(answer) ? own(answer, "Entries") : undefined;
  const entry = isArray(entries) ? entries[0] : undefined;
  if (text(entry, "EventId") !== "") return { outcome: "taken" };
  const code = text(entry, "ErrorCode");
  if (code === "") return { outcome: "ambiguous", error: "200 with neither an EventId nor an ErrorCode" };
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
