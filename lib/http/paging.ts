import { isOutsideId } from "../domain/terms/identifiers.ts";
import { ServiceError } from "../system/errors.ts";
import { jsonBytesInResult, MAX_ANSWER_BYTES } from "./answer-size.ts";
import type { JsonObject } from "../system/ports.ts";

/** Most bytes of the entries of one page; the rest of the answer takes less than what is left. */
const PAGE_BYTES = MAX_ANSWER_BYTES - 16 * 1_024;
const WHOLE = /^[0-9]{1,6}$/;

/** The `limit` of a query. @throws ServiceError request.invalid, naming it, unless it is a whole number from 1 to `most` */
export function limitOf(query: URLSearchParams, usual: number, most: number): number {
  const text = query.get("limit");
  if (text === null) return usual;
  const limit = WHOLE.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= most) return limit;
  throw new ServiceError("request.invalid", `limit must be a whole number from 1 to ${String(most)}.`, {
    field: "limit",
  });
}

/** An id in a query; undefined when it is absent or empty. @throws ServiceError request.invalid, naming it, for any other text */
export function idOf(query: URLSearchParams, field: string): string | undefined {
  const id = query.get(field) ?? "";
  if (id === "" || isOutsideId(id)) return id === "" ? undefined : id;
  throw new ServiceError("request.invalid", `${field} must be 1 to 128 of A-Z a-z 0-9 . _ ~ -.`, { field });
}

/** The `after` of a query: the `next` of an earlier answer, at most `mostBytes`. @throws ServiceError request.invalid, naming it */
export function afterOf(query: URLSearchParams, mostBytes: number): string | undefined {
  const after = query.get("after") ?? "";
  if (after === "") return undefined;
  if (Buffer.byteLength(after) <= mostBytes) return after;
  throw badAfter();
}

/**
 * As many of the entries, in order, as one answer can carry, at least one. `last` is the last of them when others remain:
 * the next page begins after it.
 */
export function fittingPage<T>(
  entries: readonly T[],
  shown: (entry: T) => JsonObject,
): { readonly page: readonly JsonObject[]; readonly last?: T } {
  const page: JsonObject[] = [];
  let bytes = 0;
  for (const [index, entry] of entries.entries()) {
    const wire = shown(entry);
    bytes += jsonBytesInResult(wire) + 1;
    const last = entries[index - 1];
    if (last !== undefined && bytes > PAGE_BYTES) return { page, last };
    page.push(wire);
  }
  return { page };
}

/** @returns the error for an `after` that no answer gave */
export function badAfter(): ServiceError {
  return new ServiceError("request.invalid", "after must be what an earlier answer gave as next.", { field: "after" });
}
