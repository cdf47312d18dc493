/** What a PUT of a webhook changes, and whether its preconditions allow that. Pure. */
import { createHmac } from "node:crypto";
import { mintSecret } from "../../domain/events/signature.ts";
import { canonicalJson } from "../../domain/json/canonical-json.ts";
import { compact } from "../../system/compact.ts";
import type { Ids, Json } from "../../system/ports.ts";
import { demandPreconditions, demandNamed, differencesOf, type Preconditions } from "../preconditions.ts";
import type { WebhookRequest, WebhookSettings } from "./settings.ts";

/** What an owner has said of a webhook, with its secrets. */
export interface StatedWebhook {
  readonly settings: WebhookSettings;
  /** The newest secret; absent while nothing was ever signed. */
  readonly secret?: string;
  /** Makes the tag of these settings say nothing of their secrets. */
  readonly tagKey: string;
}

/** A PUT that may be carried out. `same`: nothing differs. */
export interface PutDecision {
  readonly is: "created" | "changed" | "same";
  readonly stated: StatedWebhook;
  /** A new secret, to be shown once. */
  readonly minted?: string;
  /** Which events the webhook hears has changed. */
  readonly selection: boolean;
  /** Where events go, or how they prove themselves, has changed: what is known of the endpoint's failures is void. */
  readonly endpoint: boolean;
}

const SELECTING = new Set(["topics", "types"]);
const REACHING = new Set(["url", "urls", "bearer", "headers", "signature", "secret"]);

/** The strong entity tag of the settings alone, their secrets included. */
export function tagOf({ settings, secret, tagKey }: StatedWebhook): string {
  const text = canonicalJson(compact({ settings: settings as unknown as Json, secret }));
  return `"${createHmac("sha256", tagKey).update(text).digest("base64url").slice(0, 32)}"`;
}

/**
 * Decides a PUT on what is stored, if anything is.
 *
 * @throws ServiceError request.precondition_failed when a precondition does not hold; request.precondition_required when
 *   something differs and the request does not say what it was made on, with the names of the fields
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
