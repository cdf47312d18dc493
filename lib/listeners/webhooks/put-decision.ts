/** What a PUT of a webhook changes, and whether its preconditions allow that. Pure. */
import { createHmac } from "node:crypto";
import { mintSecret } from "../../domain/events/signature.ts";
import { canonicalJson, sameJson } from "../../domain/json/canonical-json.ts";
import { namesTag } from "../../http/entity-tags.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Ids, Json } from "../../system/ports.ts";
import type { WebhookRequest, WebhookSettings } from "./settings.ts";

/** What an owner has said of a webhook, with its secrets. */
export interface StatedWebhook {
  readonly settings: WebhookSettings;
  /** The newest secret; absent while nothing was ever signed. */
  readonly secret?: string;
  /** Makes the tag of these settings say nothing of their secrets. */
  readonly tagKey: string;
}

/** The headers of a request that say what must be there. */
export interface Preconditions {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
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
  { ifMatch, ifNoneMatch }: Preconditions,
  ids: Ids,
): PutDecision {
  const tag = stored === undefined ? undefined : tagOf(stored);
  if (ifMatch !== undefined && !namesTag(ifMatch, tag, "strong"))
    throw failed("The webhook is not the one of If-Match.");
  if (ifNoneMatch !== undefined && namesTag(ifNoneMatch, tag, "weak")) {
    throw failed("The webhook is there already, as If-None-Match says it must not be.");
  }
  const kept = given ?? stored?.secret;
  const minted = kept === undefined && settings.signature === "v1" ? mintSecret(ids) : undefined;
  const stated = {
    settings,
    tagKey: stored?.tagKey ?? ids.secret(),
    ...compact({ secret: kept ?? minted }),
  };
  if (stored === undefined) return { is: "created", stated, ...compact({ minted }), selection: true, endpoint: true };
  const fields = differences(stored, stated);
  if (fields.length === 0) return { is: "same", stated, selection: false, endpoint: false };
  if (ifMatch === undefined) {
    const message = `This changes the webhook (${fields.join(", ")}); say by If-Match which one, with the ETag of a GET.`;
    throw new ServiceError("request.precondition_required", message, { extra: { fields } });
  }
  return {
    is: "changed",
    stated,
    ...compact({ minted }),
    selection: fields.some((field) => SELECTING.has(field)),
    endpoint: fields.some((field) => REACHING.has(field)),
  };
}

const failed = (message: string): ServiceError => new ServiceError("request.precondition_failed", message);

/** The names of the fields that differ, as a client names them. */
function differences(one: StatedWebhook, other: StatedWebhook): readonly string[] {
  const [before, after] = [membersOf(one), membersOf(other)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return names.filter((name) => !sameJson(before[name] ?? null, after[name] ?? null));
}

function membersOf({ settings, secret }: StatedWebhook): Readonly<Record<string, Json>> {
  const { urls, ...rest } = settings;
  const [url] = urls;
  const where = urls.length === 1 ? { url } : { urls };
  return compact({ ...(rest as unknown as Record<string, Json>), ...where, secret });
}
