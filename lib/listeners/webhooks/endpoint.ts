import { digestOf } from "../../domain/json/digest.ts";
import { compact } from "../../system/compact.ts";
import type { ListenerHead } from "../listener-head.ts";
import type { Endpoint } from "./sender.ts";
import { secretsAt, type Webhook } from "./webhook-item.ts";

/**
 * The digest of the url that took an event last, for the head: a url may be a secret. Undefined for a webhook with one url.
 */
export const tookLast = ({ settings: { urls } }: Webhook, url: number): string | undefined =>
  urls.length > 1 ? digestOf(urls[url] ?? "") : undefined;

/** That digest in a head. */
export const lastUrl = ({ own }: Pick<ListenerHead, "own">): string | undefined =>
  own["firstUrl"] === undefined ? undefined : String(own["firstUrl"]);

/**
 * Where and how events of a webhook are sent at `now` (ms since 1970).
 *
 * @param last the digest of the url that took an event last: attempts begin with this url, or else with the first
 */
export function endpointOf(webhook: Webhook, now: number, last: string | undefined): Endpoint {
  const { urls, bearer, headers, retryAmbiguous, timeoutSeconds } = webhook.settings;
  return {
    urls,
    first: Math.max(
      0,
      urls.findIndex((_, url) => tookLast(webhook, url) === last),
    ),
    timeoutMs: timeoutSeconds * 1_000,
    secrets: secretsAt(webhook, now),
    once: !retryAmbiguous,
    ...compact({ bearer, headers }),
  };
}
