/** Decides what a PUT of a webhook changes, and whether its preconditions allow it. Pure. */
import { createHmac } from "node:crypto";
import { mintSecret } from "../../domain/events/signature.ts";
import { canonicalJson } from "../../domain/json/canonical-json.ts";
import { compact } from "../../system/compact.ts";
import type { Ids, Json } from "../../system/ports.ts";
import { demandPreconditions, demandNamed, differencesOf, type Preconditions } from "../preconditions.ts";
import type { WebhookRequest, WebhookSettings } from "./settings.ts";

/** The part of a webhook that its owner states, with its secrets. */
export interface StatedWebhook {
  readonly settings: WebhookSettings;
  /** The newest secret; absent for a webhook that has never signed. */
  readonly secret?: string;
  /** The key of the digest in the entity tag, so that the tag does not reveal the secrets. */
  readonly tagKey: string;
}

/** What an allowed PUT does. `same`: nothing, because nothing differs. */
export interface PutDecision {
  readonly is: "created" | "changed" | "same";
  readonly stated: StatedWebhook;
  /** A new secret, which the answer shows this once. */
  readonly minted?: string;
  /** The topics or types have changed. */
  readonly selection: boolean;
  /** The urls, the signature or the credentials have changed, so earlier failures of the endpoint no longer count. */
  readonly endpoint: boolean;
}

const SELECTING = new Set(["topics", "types"]);
const REACHING = new Set(["url", "urls", "bearer", "headers", "signature", "secret"]);

/** The strong entity tag of the settings, secrets included. How deliveries stand does not change it. */
export function tagOf({ settings, secret, tagKey }: StatedWebhook): string {
  const text = canonicalJson(compact({ settings: settings as unknown as Json, secret }));
  return `"${createHmac("sha256", tagKey).update(text).digest("base64url").slice(0, 32)}"`;
}

/**
 * Decides a PUT by the stored webhook; undefined: there is none.
 *
 * @throws ServiceError request.precondition_failed when a precondition does not hold; request.precondition_required, with
 *   the names of the fields, when something differs and the request has no `If-Match`
 */
export function decidePut(
  stored: StatedWebhook | undefined,
  { settings, secret: given }: WebhookRequest,
  preconditions: Preconditions,
  ids: Ids,
): PutDecision {
  const tag = stored === undefined ? undefined : tagOf(stored);
  demandPreconditions("webhook", tag, preconditions);
  const kept = given ?? stored?.secret;
  const minted = kept === undefined && settings.signature === "v1" ? mintSecret(ids) : undefined;
  const stated = {
    settings,
    tagKey: stored?.tagKey ?? ids.secret(),
    ...compact({ secret: kept ?? minted }),
  };
  if (stored === undefined) return { is: "created", stated, ...compact({ minted }), selection: true, endpoint: true };
  const fields = differencesOf(membersOf(stored), membersOf(stated));
  if (fields.length === 0) return { is: "same", stated, selection: false, endpoint: false };
  demandNamed("webhook", fields, preconditions);
  return {
    is: "changed",
    stated,
    ...compact({ minted }),
    selection: fields.some((field) => SELECTING.has(field)),
    endpoint: fields.some((field) => REACHING.has(field)),
  };
}

function membersOf({ settings, secret }: StatedWebhook): Readonly<Record<string, Json>> {
  const { urls, ...rest } = settings;
  const [url] = urls;
  const where = urls.length === 1 ? { url } : { urls };
  return compact({ ...(rest as unknown as Record<string, Json>), ...where, secret });
}
