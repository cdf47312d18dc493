/** URLs at which the data of one event can be read for a while, by anyone who has them. */
import { createHmac } from "node:crypto";
import { sameSecret } from "../domain/wire/secret-digest.ts";
import { ServiceError } from "../system/errors.ts";
import type { ActorRecord } from "./actor-record.ts";

/** How long such a URL opens the data, s: a week. */
const LIFETIME_SECONDS = 7 * 86_400;

/** The `dataref` of an event of an actor, by its position. `now`: ms since 1970. */
export function eventDataUrl(
  actor: Pick<ActorRecord, "id" | "passphraseHash">,
  { root, position, now }: { readonly root: string; readonly position: string; readonly now: number },
): string {
  const expires = String(Math.floor(now / 1_000) + LIFETIME_SECONDS);
  const query = new URLSearchParams({ expires, token: tokenOf(actor, position, expires) });
  return `${root}/events/${position}/data?${query.toString()}`;
}

/**
 * Checks what the query of such a URL says.
 * @throws ServiceError auth.token_invalid when it is not what `eventDataUrl` made, or has expired
 */
export function checkDataToken(
  actor: Pick<ActorRecord, "id" | "passphraseHash">,
  { position, query, now }: { readonly position: string; readonly query: URLSearchParams; readonly now: number },
): void {
  const [expires, token] = [query.get("expires") ?? "", query.get("token") ?? ""];
  const isRight = /^\d{1,12}$/.test(expires) && sameSecret(token, tokenOf(actor, position, expires));
  if (isRight && Number(expires) * 1_000 > now) return;
  throw new ServiceError("auth.token_invalid", "This URL of an event's data is not valid, or no longer.");
}

/** The hash of the passphrase never leaves the table, so that it can sign; another passphrase ends all such URLs. */
function tokenOf(
  { id, passphraseHash }: Pick<ActorRecord, "id" | "passphraseHash">,
  position: string,
  expires: string,
): string {
  return createHmac("sha256", passphraseHash).update(`event data\n${id}\n${position}\n${expires}`).digest("base64url");
}
