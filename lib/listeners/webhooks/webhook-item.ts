/** The item of a webhook: what its owner has stated. */
import { parseText, printJson } from "../../domain/json/json-text.ts";
import { webhookIdOf, webhookKey } from "../../dynamodb/keys/webhooks.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import {
  all,
  any,
  atMost,
  below,
  equals,
  itemExists,
  missing,
  type Change,
  type Condition,
  type Item,
} from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import type { StatedWebhook } from "./put-decision.ts";
import type { WebhookSettings } from "./settings.ts";

/** A secret before a rotation. It also signs until `until`, ms since 1970. */
export interface PreviousSecret {
  readonly secret: string;
  readonly until: number;
}

/** Most earlier secrets that also sign. */
const MOST_PREVIOUS = 3;

/** A webhook, without its head, which deliveries write. */
export interface Webhook extends StatedWebhook {
  readonly actorId: string;
  readonly id: string;
  /** Every write of the item increments it. */
  readonly version: number;
  /** Ms since 1970. */
  readonly createdAt: number;
  /** No attempts are started. */
  readonly paused: boolean;
  /** The secrets before the last rotations, the newest first, at most `MOST_PREVIOUS`. */
  readonly previous?: readonly PreviousSecret[];
}

/** Most test events in a minute. */
const TESTS_A_MINUTE = 10;
const MINUTE_MS = 60_000;

/** The item of a webhook. */
export function webhookItem(webhook: Webhook): Item {
  const { actorId, id, settings, secret, tagKey, version, createdAt, paused, previous } = webhook;
  return {
    ...webhookKey(actorId, id),
    settings: printJson(settings),
    tagKey,
    version,
    createdAt,
    ...compact({
      secret,
      paused: paused ? true : undefined,
      previous: previous === undefined ? undefined : printJson(previous),
    }),
  };
}

/** Reads a webhook's item. */
export function webhookOf(item: Item): Webhook {
  const text = (name: string): string | undefined => (item[name] === undefined ? undefined : String(item[name]));
  const previous = text("previous");
  return compact({
    actorId: actorOfKey(item),
    id: webhookIdOf(item),
    settings: parseText(String(item["settings"])) as WebhookSettings,
    secret: text("secret"),
    tagKey: String(item["tagKey"]),
    version: Number(item["version"]),
    createdAt: Number(item["createdAt"]),
    paused: item["paused"] === true,
    previous: previous === undefined ? undefined : (parseText(previous) as readonly PreviousSecret[]),
  });
}

/** The webhook is as it was read. */
export const isUnchanged = ({ version }: Pick<Webhook, "version">): Condition => equals("version", version);

/** The change of the item to this webhook, with the next version. */
export function changeTo(webhook: Webhook): Change {
  const { pk: _, sk: __, ...attributes } = webhookItem({ ...webhook, version: webhook.version + 1 });
  const optional = ["secret", "paused", "previous"];
  return { set: attributes, remove: optional.filter((name) => !(name in attributes)) };
}

/** The secrets that sign at `now` (ms since 1970), the newest first. */
export function secretsAt({ settings, secret, previous = [] }: Webhook, now: number): readonly string[] {
  if (settings.signature === "none" || secret === undefined) return [];
  return [secret, ...previous.filter(({ until }) => until > now).map((each) => each.secret)];
}

/**
 * The webhook with another secret; the former one also signs from `now` until `overlapUntil` (both ms since 1970). Secrets
 * of earlier rotations keep the time that they were promised: an owner who rotates again because an answer was lost loses
 * no secret that a receiver knows. Without an overlap all former secrets end at once.
 */
export function rotated(
  { previous = [], secret: former, ...webhook }: Webhook,
  { secret, now, overlapUntil }: { readonly secret: string; readonly now: number; readonly overlapUntil: number },
): Webhook {
  if (overlapUntil <= now || former === undefined) return { ...webhook, secret };
  const live = previous.filter(({ until }) => until > now);
  return { ...webhook, secret, previous: [{ secret: former, until: overlapUntil }, ...live].slice(0, MOST_PREVIOUS) };
}

/**
 * The two writes of which one counts a test event in the minute of `now` (ms since 1970): the first for a further event,
 * the second for the first one. Both are refused after ten events.
 */
export function testCounted(now: number): readonly { readonly change: Change; readonly condition: Condition }[] {
  const minute = Math.floor(now / MINUTE_MS);
  return [
    { change: { add: { tests: 1 } }, condition: all(equals("testMinute", minute), below("tests", TESTS_A_MINUTE)) },
    {
      change: { set: { tests: 1, testMinute: minute } },
      condition: all(itemExists, any(missing("testMinute"), atMost("testMinute", minute - 1))),
    },
  ];
}
