import { digestOf } from "../../domain/json/digest.ts";
import { compact } from "../../system/compact.ts";
import type { ListenerHead } from "../listener-head.ts";
import type { Endpoint } from "./sender.ts";
import { secretsAt, type Webhook } from "./webhook-item.ts";

/** What a head says of the url that took an event last, as a digest: a url may be a secret. Nothing beside a single one. */
export const tookLast = ({ settings: { urls } }: Webhook, url: number): string | undefined =>
  urls.length > 1 ? digestOf(urls[url] ?? "") : undefined;

/** The index of the url to begin with: of the one that took an event last, else the first. */
export function firstUrl(webhook: Webhook, { own }: Pick<ListenerHead, "own">): number {
  const last = own["firstUrl"];
  return Math.max(
    0,
    webhook.settings.urls.findIndex((_, url) => tookLast(webhook, url) === last),
  );
}

/**
 * Where the events of a webhook go at `now` (ms since 1970), and how.
 *
 * @param first the index of the url to begin with
 */
export function endpointOf(webhook: Webhook, now: number, first: number): Endpoint {
  const { urls, bearer, headers, retryAmbiguous, timeoutSeconds } = webhook.settings;
  return {
    urls,
    first,
    timeoutMs: timeoutSeconds * 1_000,
    secrets: secretsAt(webhook, now),
    once: !retryAmbiguous,
    ...compact({ bearer, headers }),
  };
}
