/** The settings of a webhook: where its events go, which events, and how they are sent. A PUT states all of them. */
import * as z from "zod/mini";
import { isSecret, SECRET_RULE } from "../../domain/events/signature.ts";
import type { Rate } from "../../domain/events/rate.ts";
import { liesUnder } from "../../domain/terms/peer-url.ts";
import { checked } from "../../http/body.ts";
import { judgeUrl, type AddressPolicy } from "../../peers/http/address-rules.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import { BUS_INLINE_MAX_BYTES, BUS_URL } from "../bus-http.ts";
import { selectionFields, selectionFrom, texts, whole } from "../selection-fields.ts";
import { checkHeaders } from "./own-headers.ts";

/** The settings, defaults filled in. Lists without an order are sorted, so that equal settings are equal texts. */
export interface WebhookSettings {
  /** One to five urls, tried in this order. */
  readonly urls: readonly string[];
  /** Patterns as `parsePattern` returns them. */
  readonly topics: readonly string[];
  readonly types?: readonly string[];
  readonly order: "key" | "strict" | "none";
  /** Most requests at the same time. */
  readonly parallel: number;
  readonly signature: "v1" | "none";
  readonly rate: Rate;
  readonly maxAttempts: number;
  readonly onExhausted: "park" | "stop";
  /** An event is sent again when its request was sent and not answered. */
  readonly retryAmbiguous: boolean;
  readonly timeoutSeconds: number;
  readonly inlineMaxBytes?: number;
  /** A secret. */
  readonly bearer?: string;
  /** Names in lower case. The values are secrets. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a PUT asks for. */
export interface WebhookRequest {
  readonly settings: WebhookSettings;
  /** Absent: the stored secret stays. */
  readonly secret?: string;
  /** Used when the webhook is created: `now`, `earliest`, or a position. */
  readonly from: string;
}

/** The deployment's rules for urls. */
export interface UrlRules {
  readonly addresses: AddressPolicy;
  /** The deployment has an event bus. */
  readonly bus: boolean;
}

const MOST_URLS = 5;
const MAX_URL_LENGTH = 2_048;
const MOST_PER_PERIOD = 10_000;
const MOST_PERIOD_SECONDS = 3_600;
const MAX_INLINE_BYTES = 262_144;

export const webhookBody = z.object({
  url: z.nullish(z.string()),
  urls: z.nullish(texts(MOST_URLS)),
  ...selectionFields,
  order: z.nullish(z.enum(["key", "strict", "none"])),
  parallel: z.nullish(whole(1, 16)),
  signature: z.nullish(z.enum(["v1", "none"])),
  secret: z.nullish(z.string().check(z.refine(isSecret, `must be ${SECRET_RULE}`))),
  bearer: z.nullish(z.string().check(z.regex(/^[\x21-\x7e]{1,2048}$/, "must be 1 to 2048 printable ASCII characters"))),
  headers: z.nullish(z.record(z.string(), z.string())),
  rate: z.nullish(z.object({ limit: whole(1, MOST_PER_PERIOD), periodSeconds: whole(1, MOST_PERIOD_SECONDS) })),
  maxAttempts: z.nullish(whole(1, 20)),
  onExhausted: z.nullish(z.enum(["park", "stop"])),
  retryAmbiguous: z.nullish(z.boolean()),
  timeoutSeconds: z.nullish(whole(1, 20)),
  inlineMaxBytes: z.nullish(whole(0, MAX_INLINE_BYTES)),
});

/** Reads what a PUT asks for. @throws ServiceError request.invalid which names the field, never a secret */
export function readWebhookRequest(value: unknown, rules: UrlRules): WebhookRequest {
  const given = checked(value, webhookBody);
  const urls = urlsOf(given, rules);
  const inlineMaxBytes = given.inlineMaxBytes ?? undefined;
  const settings: WebhookSettings = {
    urls,
    ...selectionFrom(given),
    order: given.order ?? "key",
    parallel: given.parallel ?? 4,
    signature: given.signature ?? "v1",
    rate: given.rate ?? { limit: 100, periodSeconds: 10 },
    maxAttempts: given.maxAttempts ?? 10,
    onExhausted: given.onExhausted ?? "park",
    retryAmbiguous: given.retryAmbiguous ?? true,
    timeoutSeconds: given.timeoutSeconds ?? 15,
    ...compact({
      inlineMaxBytes: urls.includes(BUS_URL)
        ? Math.min(inlineMaxBytes ?? Infinity, BUS_INLINE_MAX_BYTES)
        : inlineMaxBytes,
      bearer: given.bearer ?? undefined,
      headers: given.headers === undefined || given.headers === null ? undefined : checkHeaders(given.headers),
    }),
  };
  return { settings, from: given.from ?? "now", ...compact({ secret: given.secret ?? undefined }) };
}

function urlsOf(
  { url, urls }: { url?: string | null | undefined; urls?: string[] | null | undefined },
  rules: UrlRules,
): readonly string[] {
  const one = url ?? undefined;
  const several = urls ?? undefined;
  if ((one === undefined) === (several === undefined)) throw invalid("url", "Give either url or urls.");
  if (one !== undefined) return [urlOf(one, "url", rules)];
  const all = (several ?? []).map((each, index) => urlOf(each, `urls.${String(index)}`, rules));
  if (new Set(all).size < all.length) throw invalid("urls", "The urls must differ from each other.");
  if (all.length > 1 && all.includes(BUS_URL)) throw invalid("urls", `The url ${BUS_URL} must be the only one.`);
  return all;
}

/**
 * The url, if the service may send to it.
 * @throws ServiceError request.invalid for a url that is refused even before its name is resolved
 */
function urlOf(text: string, field: string, { addresses, bus }: UrlRules): string {
  if (text === BUS_URL) {
    if (bus) return text;
    throw invalid(field, `This deployment has no event bus, so ${field} cannot be ${BUS_URL}.`);
  }
  if (text.length > MAX_URL_LENGTH) {
    throw invalid(field, `The ${field} must have at most ${String(MAX_URL_LENGTH)} characters.`);
  }
  const url = judgeUrl(text, addresses);
  if ("refused" in url) throw invalid(field, `The ${field} is not allowed: ${url.refused}.`);
  if (url.hash !== "") throw invalid(field, `The ${field} must not have a fragment.`);
  if (!liesUnder(text, text)) throw invalid(field, `The ${field} must not have dot segments in its path.`);
  return text;
}

const invalid = (field: string, message: string): ServiceError =>
  new ServiceError("request.invalid", message, { field });
