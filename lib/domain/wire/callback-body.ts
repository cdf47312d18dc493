import { compact } from "../../system/compact.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import { invalidField, readSequence, readText, readTimestamp, readUrl, requireSame } from "../terms/callback-fields.ts";
import { type DiffContent, parseContent } from "../diff/diff-content.ts";
import { isObject, own } from "../json/json.ts";
import type { Timestamp } from "../terms/timestamp.ts";

/** Whose callback it is, as the path says: our actor, the peer that sends, its subscription. */
export interface CallbackPath {
  readonly actorId: string;
  readonly peerId: string;
  readonly subscriptionId: string;
}

/** What every kind has. */
export interface CallbackCommon {
  readonly sequence: number;
  /** Absent when the body had none. */
  readonly timestamp?: Timestamp;
  readonly granularity?: "high" | "low" | "none";
  /** Absent when the body says nothing of its target. */
  readonly target?: string;
  /** Absent when the body says nothing of it; null when it says "none" (sent as null or ""). */
  readonly subtarget?: string | null;
  /** As `subtarget`. */
  readonly resource?: string | null;
}

/** A diff that carries its data. */
export interface HighDiff extends CallbackCommon, DiffContent {
  readonly kind: "high";
  /** May stand beside the data, and is not used. */
  readonly url?: string;
}

/** A diff whose data is to be fetched from `url`. */
export interface LowDiff extends CallbackCommon {
  readonly kind: "low";
  readonly url: string;
}

/** The publisher asks us to read the state anew: from `url`, else `data`, else the target's own URL. */
export interface Resync extends CallbackCommon {
  readonly kind: "resync";
  readonly url?: string;
  readonly data?: Json;
}

export type ParsedCallback = HighDiff | LowDiff | Resync;

/**
 * Reads the body of a subscription callback. Throws `request.invalid` naming the field for every shape that is none of
 * the three kinds, and when `id` or `subscriptionid` contradict the path. What the body leaves out (`id`,
 * `subscriptionid`, `target`, `timestamp`) contradicts nothing and is accepted: path and credentials already say it.
 * Whether the scope fits is `checkScope`'s question, whether a `url` may be fetched `checkCallbackUrl`'s.
 */
export function parseCallbackBody(body: Json, path: CallbackPath): ParsedCallback {
  if (!isObject(body)) throw invalidField("body", "must be a JSON object");
  requireSame(body, "id", path.peerId);
  requireSame(body, "subscriptionid", path.subscriptionId);
  const type = own(body, "type") ?? "diff";
  if (type !== "diff" && type !== "resync") throw invalidField("type", 'must be "diff" or "resync"');
  const common = readCommon(body);
  const url = readUrl(body);
  const data = own(body, "data");
  const beside = url === undefined ? {} : { url };
  if (type === "resync") {
    return { kind: "resync", ...common, ...beside, ...(data === undefined || data === null ? {} : { data }) };
  }
  if (url !== undefined && (data === undefined || data === null)) return { kind: "low", ...common, url };
  if (data === undefined) throw invalidField("data", "is missing, and there is no url to fetch it from");
  return { kind: "high", ...common, ...parseContent(data, own(body, "overwritten")), ...beside };
}

function readCommon(body: JsonObject): CallbackCommon {
  const target = readText(body, "target");
  const timestamp = readTimestamp(body);
  const granularity = readText(body, "granularity");
  if (granularity !== undefined && granularity !== "high" && granularity !== "low" && granularity !== "none") {
    throw invalidField("granularity", "must be high, low or none");
  }
  return compact({
    sequence: readSequence(body),
    timestamp,
    granularity,
    target,
    ...readPart(body, "subtarget"),
    ...readPart(body, "resource"),
  });
}

function readPart(body: JsonObject, field: "subtarget" | "resource"): { [key in typeof field]?: string | null } {
  if (!Object.hasOwn(body, field)) return {};
  const value = readText(body, field) ?? "";
  return { [field]: value === "" ? null : value };
}
