/** Requests to a hub: the form of a subscriber or publisher, as section 5 of WebSub has it. */
import { compact } from "../../system/compact.ts";

/** A request whose form is right. */
export type HubRequest =
  | { readonly mode: "publish"; readonly topic: string }
  | {
      readonly mode: "subscribe" | "unsubscribe";
      /** As it was sent. */
      readonly topic: string;
      readonly callback: string;
      /** Signs what is distributed. Absent: nothing is signed. */
      readonly secret?: string;
      /** The lease that was asked for, s; 0 when none was, and with `unsubscribe`. May be larger than any integer. */
      readonly leaseSeconds: number;
    };

/** A parameter that is not as it must be. `why` ends the sentence "<parameter> …". */
export interface HubFormFault {
  readonly parameter: string;
  readonly why: string;
}

/** Most bytes of a topic, and of a callback. */
export const MAX_HUB_URL_BYTES = 2_048;
/** A secret has fewer bytes. */
const SECRET_BYTES = 200;
const MODES = ["subscribe", "unsubscribe", "publish"];
const KNOWN = ["hub.mode", "hub.topic", "hub.callback", "hub.secret", "hub.lease_seconds"];

/**
 * Reads a form; parameters that are not known are ignored.
 *
 * @param refused why a callback is refused before anything is sent there; undefined for one that is not
 */
export function readHubForm(
  form: URLSearchParams,
  refused: (callback: string) => string | undefined,
): HubRequest | HubFormFault {
  const twice = KNOWN.find((name) => form.getAll(name).length > 1);
  if (twice !== undefined) return { parameter: twice, why: "must be given once" };
  const of = (name: string): string => form.get(name) ?? "";
  const mode = of("hub.mode");
  if (!MODES.includes(mode)) return { parameter: "hub.mode", why: `must be ${MODES.join(" or ")}` };
  const topic = of("hub.topic");
  if (topic === "" || Buffer.byteLength(topic) > MAX_HUB_URL_BYTES) {
    return { parameter: "hub.topic", why: `must be a URL of at most ${String(MAX_HUB_URL_BYTES)} bytes` };
  }
  if (mode === "publish") return { mode, topic };
  const callback = of("hub.callback");
  const why = callbackFault(callback, refused);
  if (why !== undefined) return { parameter: "hub.callback", why };
  if (mode === "unsubscribe") return { mode, topic, callback, leaseSeconds: 0 };
  const secret = form.get("hub.secret") || undefined;
  if (secret !== undefined && Buffer.byteLength(secret) >= SECRET_BYTES) {
    return { parameter: "hub.secret", why: `must have fewer than ${String(SECRET_BYTES)} bytes` };
  }
  const lease = form.get("hub.lease_seconds") ?? undefined;
  if (lease !== undefined && !/^0*[1-9]\d*$/.test(lease)) {
    return { parameter: "hub.lease_seconds", why: "must be a positive whole number" };
  }
  return { mode: "subscribe", topic, callback, leaseSeconds: Number(lease ?? 0), ...compact({ secret }) };
}

function callbackFault(callback: string, refused: (callback: string) => string | undefined): string | undefined {
  if (callback === "" || Buffer.byteLength(callback) > MAX_HUB_URL_BYTES) {
    return `must be a URL of at most ${String(MAX_HUB_URL_BYTES)} bytes`;
  }
  if (callback.includes("#")) return "must have no fragment";
  const reason = refused(callback);
  return reason === undefined ? undefined : `is not used: ${reason}`;
}

/**
 * The URL of a callback with further parameters at the end of its query. What is there stays as it is, also parameters of
 * the same names.
 */
export function withParameters(callback: string, parameters: Readonly<Record<string, string>>): string {
  const text = Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
  const joint = !callback.includes("?") ? "?" : /[?&]$/.test(callback) ? "" : "&";
  return `${callback}${joint}${text}`;
}

/** A callback in the form in which callbacks are compared: percent-encoded bytes that need no encoding are decoded. */
export function normalCallback(callback: string): string {
  const decoded = callback.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : escape.toUpperCase();
  });
  return new URL(decoded).href;
}
