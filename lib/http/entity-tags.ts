/** The headers `If-Match` and `If-None-Match` (RFC 9110, 13.1). */
import type { ServiceRequest } from "./request.ts";

const TAG = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;

/**
 * True when a list of entity tags, or `*`, names what is there.
 *
 * @param tag the strong tag of what is there; undefined: nothing is
 * @param compared `strong`: a weak tag in the list is never the same (`If-Match`)
 */
export function namesTag(list: string, tag: string | undefined, compared: "strong" | "weak"): boolean {
  if (tag === undefined) return false;
  if (list.trim() === "*") return true;
  return [...list.matchAll(TAG)].some(
    ([, weak, opaque]) => opaque === tag && (weak === undefined || compared === "weak"),
  );
}

/** True when `If-None-Match` names this strong tag, so that the answer to a GET is 304. */
export function isKnown({ headers }: Pick<ServiceRequest, "headers">, tag: string): boolean {
  const known = headers["if-none-match"];
  return known !== undefined && namesTag(known, tag, "weak");
}
