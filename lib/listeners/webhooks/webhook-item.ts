/** A webhook as its owner has stated it, as an item. */
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

/** A secret that was rotated: it signs too until then, ms since 1970. */
export interface PreviousSecret {
  readonly secret: string;
  readonly until: number;
}

/** Most secrets that sign beside the newest. */
const MOST_PREVIOUS = 3;

/** A webhook without what its deliveries write. */
export interface Webhook extends StatedWebhook {
  readonly actorId: string;
  readonly id: string;
  /** Raised by every change of what is stated. */
  readonly version: number;
  /** Ms since 1970. */
  readonly createdAt: number;
  /** Nothing new is begun. */
  readonly paused: boolean;
  /** Secrets before the last rotations, the newest first, at most `MOST_PREVIOUS`: each signs too for a while. */
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

/** The change from one state of a webhook to another, and the version above. */
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
 * The webhook with another secret; the former one signs too from `now` until `overlapUntil` (ms since 1970). Those before it
 * sign for as long as was promised: an owner who rotates again because an answer was lost loses none that a receiver knows.
 * Without an overlap all former ones end at once.
 */
export function rotated(
  { previous = [], secret: former, ...webhook }: Webhook,
  { secret, now, overlapUntil }: { readonly secret: string; readonly now: number; readonly overlapUntil: number },
): Webhook {
  if (overlapUntil <= now || former === undefined) return { ...webhook, secret };
  const live = previous.filter(({ until }) => until > now);
  return { ...webhook, secret, previous: [{ secret: former, until: overlapUntil }, ...live].slice(0, MOST_PREVIOUS) };
}

/** Counts one more test event in the minute of `now` (ms since 1970); refused when there were ten. */
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
