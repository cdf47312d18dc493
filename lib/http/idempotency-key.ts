/** The `Idempotency-Key` of a request. */
import { ServiceError } from "../system/errors.ts";
import type { ServiceRequest } from "./request.ts";

/** Undefined: the request has none. @throws ServiceError request.invalid */
export function idempotencyKeyOf({ headers }: Pick<ServiceRequest, "headers">): string | undefined {
  const given = headers["idempotency-key"];
  if (given === undefined || /^[\x20-\x7e]{1,255}$/.test(given)) return given;
  const message = "The Idempotency-Key must be 1 to 255 printable ASCII characters.";
  throw new ServiceError("request.invalid", message, { field: "Idempotency-Key" });
}
