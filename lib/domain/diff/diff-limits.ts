/** The form in which a diff is sent, by its size and the capabilities of the peer. */
import type { Json } from "../../system/ports.ts";
import type { Granularity } from "./change-record.ts";
import { jsonBytes } from "../json/json.ts";

/** The largest callback body that carries its data, bytes before compression. */
export const MAX_HIGH_BYTES = 65_536;
/** The largest body whose diff is announced as a diff; beyond, the subscriber reads its whole state again. */
export const MAX_DIFF_BYTES = 262_144;

/** The form of a callback. */
export interface DiffForm {
  readonly form: "high" | "low" | "resync" | "none";
  /** Headers that explain why the form is not that of the granularity. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What decides the form of a diff. */
export interface DiffSituation {
  /** The size of the callback's body with the data in it, bytes before compression. */
  readonly bytes: number;
  readonly granularity: Granularity;
  /** Whether the cached capabilities have `subscriptionresync`; undefined without fresh capabilities. */
  readonly supportsResync: boolean | undefined;
}

const DOWNGRADED = "X-ActingWeb-Granularity-Downgraded";
const TRUNCATED = "X-ActingWeb-Payload-Truncated";
const ORIGINAL_SIZE = "X-ActingWeb-Original-Size";

/** The form of a diff's callback. The diff has the same number in every form. */
export function formOf({ bytes, granularity, supportsResync }: DiffSituation): DiffForm {
  if (granularity !== "high") return { form: granularity, headers: {} };
  if (bytes <= MAX_HIGH_BYTES) return { form: "high", headers: {} };
  if (bytes <= MAX_DIFF_BYTES) return { form: "low", headers: { [DOWNGRADED]: "true" } };
  const headers = { [TRUNCATED]: "true", [ORIGINAL_SIZE]: String(bytes) };
  return { form: supportsResync === false ? "low" : "resync", headers };
}

/** The form of a resync's callback. A peer that is known not to support resyncs gets a low diff with the full state. */
export function formOfResync(granularity: Granularity, supportsResync: boolean | undefined): DiffForm["form"] {
  if (granularity === "none") return "none";
  return supportsResync === false ? "low" : "resync";
}

/** Most bytes of the items of one list operation, so that its diff, envelope included, stays high. */
export const MAX_OPERATION_BYTES = 60_000;

/**
 * Splits the items of an `extend` into those of several, in order, each at most `limit` bytes of JSON; a larger item is
 * alone in its part. No items: one part without any.
 */
export function splitExtend(items: readonly Json[], limit: number = MAX_OPERATION_BYTES): readonly (readonly Json[])[] {
  const parts: Json[][] = [];
  let open: Json[] = [];
  // The brackets; each item adds a comma.
  let bytes = 2;
  for (const item of items) {
    const more = jsonBytes(item) + 1;
    if (open.length > 0 && bytes + more > limit) {
      parts.push(open);
      open = [];
      bytes = 2;
    }
    open.push(item);
    bytes += more;
  }
  return open.length > 0 || parts.length === 0 ? [...parts, open] : parts;
}
