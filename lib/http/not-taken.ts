import * as z from "zod/mini";
import { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";

/**
 * A known field that this route does not act on: 400, because after a 2xx the client would believe that it was applied.
 * Null counts as absent, and so does each of `same`, which the route does anyway.
 *
 * @param why ends the sentence "The field "x" is not valid: … ."
 */
export function notTaken(why: string, same: readonly Json[] = []) {
  return z.optional(
    z.pipe(
      z.custom<Json>((value) => value === null || same.includes(value as Json), why),
      z.transform(() => undefined),
    ),
  );
}

/**
 * Refuses fields in a query that belong in the body, which access logs do not keep.
 * @throws ServiceError request.invalid which names the field
 */
export function refuseInQuery(query: URLSearchParams, fields: readonly string[]): void {
  const field = fields.find((name) => query.has(name));
  if (field === undefined) return;
  throw new ServiceError(
    "request.invalid",
    `The field ${JSON.stringify(field)} belongs in the body; a query is kept in access logs.`,
    { field },
  );
}
