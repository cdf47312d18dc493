/** Bodies of subscription callbacks. */
import { compact } from "../../system/compact.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import { invalidField, readSequence, readText, readTimestamp, readUrl, requireSame } from "../terms/callback-fields.ts";
import { type DiffContent, parseContent } from "../diff/diff-content.ts";
import { isObject, own } from "../json/json.ts";
import type { StreamRef } from "../terms/refs.ts";
import type { Timestamp } from "../terms/timestamp.ts";

/** The fields that every kind of callback has. */
export interface CallbackCommon {
  readonly sequence: number;
  /** Absent when the body had none. */
  readonly timestamp?: Timestamp;
  readonly granularity?: "high" | "low" | "none";
  /** Absent when the body has none. */
  readonly target?: string;
  /** Absent when the body has none; null when the body says that there is none (null or ""). */
  readonly subtarget?: string | null;
  /** As `subtarget`. */
  readonly resource?: string | null;
}

/** A diff that carries its data. */
export interface HighDiff extends CallbackCommon, DiffContent {
  readonly kind: "high";
  /** Not used; the body may have one beside the data. */
  readonly url?: string;
}

/** A diff whose data the receiver fetches from `url`. */
export interface LowDiff extends CallbackCommon {
  readonly kind: "low";
  readonly url: string;
}

/** The publisher asks us to replace the state: from `url`, else by `data`, else from the target's own URL. */
export interface Resync extends CallbackCommon {
  readonly kind: "resync";
  readonly url?: string;
  readonly data?: Json;
}

/** The body of a callback. */
export type ParsedCallback = HighDiff | LowDiff | Resync;

/**
 * Reads the body of a subscription callback. It may leave out `id`, `subscriptionid`, `target` and `timestamp`: path
 * and credentials identify the subscription. `checkScope` compares the scope, `checkCallbackUrl` judges the `url`.
 *
 * @param path the ids of the actor, the sending peer and its subscription, as the path of the callback names them
 * @throws ServiceError request.invalid with the field, for a body that is none of the three kinds, and when `id` or
 *   `subscriptionid` contradict the path
 */
export function parseCallbackBody(body: Json, path: StreamRef): ParsedCallback {
  if (!isObject(body)) throw invalidField("body", "must be a JSON object");
  requireSame(body, "id", path.peerId);
  requireSame(body, "subscriptionid", path.subscriptionId);
  const type = own(body, "type") ?? "diff";
  if (type !== "diff" && type !== "resync") throw invalidField("type", 'must be "diff" or "resync"');
  const common = readCommon(body);
  const url = readUrl(body);
  const data = own(body, "data");
  if (type === "resync") return compact({ kind: "resync", ...common, url, data: data ?? undefined });
  if (url !== undefined && (data === undefined || data === null)) return { kind: "low", ...common, url };
  if (data === undefined) throw invalidField("data", "is missing, and there is no url to fetch it from");
  return compact({ kind: "high", ...common, ...parseContent(data, own(body, "overwritten")), url });
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
    subtarget: readPart(body, "subtarget"),
    resource: readPart(body, "resource"),
  });
}

function readPart(body: JsonObject, field: "subtarget" | "resource"): string | null | undefined {
  if (!Object.hasOwn(body, field)) return undefined;
  const value = readText(body, field) ?? "";
  return value === "" ? null : value;
}
