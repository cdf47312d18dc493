/** Which form a diff goes out in, by its size and what the peer can take. */
import type { Json } from "../../system/ports.ts";
import type { Granularity } from "./change-record.ts";
import { jsonBytes } from "../json/json.ts";

/** The largest callback body, bytes before compression, that carries its data. */
export const MAX_HIGH_BYTES = 65_536;
/** The largest one that is told at all as what it is; beyond, the subscriber reads its state again. */
export const MAX_DIFF_BYTES = 262_144;

export interface DiffForm {
  readonly form: "high" | "low" | "resync" | "none";
  /** Headers that say why it is not what was asked for. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface DiffSituation {
  /** Of the callback's body with the data in it, bytes before compression. */
  readonly bytes: number;
  readonly granularity: Granularity;
  /** What the cached capabilities say of `subscriptionresync`; undefined when none fresh are cached. */
  readonly supportsResync: boolean | undefined;
}

const DOWNGRADED = "X-ActingWeb-Granularity-Downgraded";
const TRUNCATED = "X-ActingWeb-Payload-Truncated";
const ORIGINAL_SIZE = "X-ActingWeb-Original-Size";

/** The form of a diff's callback. Its number is the same in every form. */
export function formOf({ bytes, granularity, supportsResync }: DiffSituation): DiffForm {
  if (granularity !== "high") return { form: granularity, headers: {} };
  if (bytes <= MAX_HIGH_BYTES) return { form: "high", headers: {} };
  if (bytes <= MAX_DIFF_BYTES) return { form: "low", headers: { [DOWNGRADED]: "true" } };
  const headers = { [TRUNCATED]: "true", [ORIGINAL_SIZE]: String(bytes) };
  return { form: supportsResync === false ? "low" : "resync", headers };
}

/** The form of a resync's callback: a peer known not to support it gets a low one, its diff holding the full state. */
export function formOfResync(granularity: Granularity, supportsResync: boolean | undefined): DiffForm["form"] {
  if (granularity === "none") return "none";
  return supportsResync === false ? "low" : "resync";
}

/** Bytes of items that one list operation carries at most, so that with its envelope a diff stays high. */
export const MAX_OPERATION_BYTES = 60_000;

/**
 * The items of an `extend` as those of several, in order, each at most `limit` bytes of JSON; an item larger than that
 * goes alone. No items: one operation without any.
 */
export function splitExtend(items: readonly Json[], limit: number = MAX_OPERATION_BYTES): readonly (readonly Json[])[] {
  const parts: Json[][] = [];
  let open: Json[] = [];
  // The brackets; each item brings a comma.
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
