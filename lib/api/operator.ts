/** Who reads all actors, and has groups over them: the operator, by the deployment's bearer. */
import { sameSecret } from "../domain/wire/secret-digest.ts";
import { bearerOf } from "../http/credentials.ts";
import type { Config } from "../system/config.ts";
import { ServiceError } from "../system/errors.ts";

/** @throws ServiceError resource.not_found without `ALL_EVENTS` or `OPERATOR_TOKEN`; auth.missing, auth.forbidden */
export function demandOperator(
  { allEvents, operatorToken }: Pick<Config, "allEvents" | "operatorToken">,
  authorization: string | undefined,
): void {
  if (!allEvents || operatorToken === undefined) {
    const missing = allEvents ? "OPERATOR_TOKEN" : "ALL_EVENTS";
    throw new ServiceError("resource.not_found", `The operator of this deployment has not set ${missing}.`);
  }
  const token = bearerOf(authorization);
  if (token === undefined) {
    const headers = { "WWW-Authenticate": 'Bearer realm="actingweb"' };
    throw new ServiceError("auth.missing", "What concerns all actors needs the operator's bearer.", { headers });
  }
  if (sameSecret(token, operatorToken)) return;
  throw new ServiceError("auth.forbidden", "This bearer is not the operator's.");
}
