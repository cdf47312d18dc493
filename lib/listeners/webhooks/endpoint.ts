import { compact } from "../../system/compact.ts";
import type { Endpoint } from "./sender.ts";
import { secretsAt, type Webhook } from "./webhook-item.ts";

/**
 * Where the events of a webhook go at `now` (ms since 1970), and how.
 *
 * @param first the index of the url to begin with; that of settings that have changed since may be none
 */
export function endpointOf(webhook: Webhook, now: number, first = 0): Endpoint {
  const { urls, bearer, headers, retryAmbiguous, timeoutSeconds } = webhook.settings;
  return {
    urls,
    first: first < urls.length ? first : 0,
    timeoutMs: timeoutSeconds * 1_000,
    secrets: secretsAt(webhook, now),
    once: !retryAmbiguous,
    ...compact({ bearer, headers }),
  };
}
