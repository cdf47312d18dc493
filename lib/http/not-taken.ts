import * as z from "zod/mini";
import { ServiceError } from "../errors.ts";
import type { Json } from "../ports.ts";

/**
 * A field that is known and that this route does not act on: 400 rather than an answer that says it was done. Null counts
 * as absent, and so does each of `same`: what the route does anyway.
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
 * The same for what stands in a query and belongs into the body, where it leaves no trace in logs.
 * @throws ServiceError request.invalid which names the field
 */
export function refuseInQuery(query: URLSearchParams, fields: readonly string[]): void {
  const field = fields.find((name) => query.has(name));
  if (field === undefined) return;
  throw new ServiceError("request.invalid", `The field ${JSON.stringify(field)} goes into the body.`, { field });
}
