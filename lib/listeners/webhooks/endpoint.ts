import { digestOf } from "../../domain/json/digest.ts";
import { compact } from "../../system/compact.ts";
import type { ListenerHead } from "../listener-head.ts";
import type { Endpoint } from "./sender.ts";
import { secretsAt, type Webhook } from "./webhook-item.ts";

/** What a head says of the url that took an event last, as a digest: a url may be a secret. Nothing beside a single one. */
export const tookLast = ({ settings: { urls } }: Webhook, url: number): string | undefined =>
  urls.length > 1 ? digestOf(urls[url] ?? "") : undefined;

/** The same as it stands in a head. */
export const lastUrl = ({ own }: Pick<ListenerHead, "own">): string | undefined =>
  own["firstUrl"] === undefined ? undefined : String(own["firstUrl"]);

/**
 * Where the events of a webhook go at `now` (ms since 1970), and how.
 *
 * @param last which url took an event last, as `tookLast` says it: attempts begin there, else at the first
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
