/** A webhook as its owner sees it: the settings with defaults, without secrets, and the state of its deliveries. */
import type { Entry, KeeperState } from "../../domain/events/keeper-state.ts";
import { breakerState } from "../../domain/policy/breaker.ts";
import type { Selection } from "../../domain/events/selection.ts";
import { compact } from "../../system/compact.ts";
import type { JsonObject } from "../../system/ports.ts";
import { attemptWire, type LoggedAttempt } from "./attempt-log.ts";
import type { Waiting } from "./waiting.ts";
import type { Webhook } from "./webhook-item.ts";

/** The state of a webhook's deliveries. */
export interface WebhookStanding {
  readonly keeper: KeeperState<Selection>;
  readonly waiting: Waiting;
  readonly lastAttempt?: LoggedAttempt;
  readonly now: number;
}

export type WebhookStatus = "active" | "paused" | "failing" | "stopped" | "gone";

/** The status of a webhook: the first that applies of `gone`, `stopped`, `paused`, `failing`, `active`. */
function statusOf({ paused }: Pick<Webhook, "paused">, { stopped, health }: KeeperState<Selection>): WebhookStatus {
  if (stopped !== undefined) return stopped.reason === "gone" ? "gone" : "stopped";
  if (paused) return "paused";
  return health.openUntil === undefined ? "active" : "failing";
}

/** The webhook as JSON. */
export function webhookWire(webhook: Webhook, { keeper, waiting, lastAttempt, now }: WebhookStanding): JsonObject {
  const { stopped, floor, health } = keeper;
  const { count: lag, oldestAt, behind } = waiting;
  return {
    id: webhook.id,
    ...settingsWire(webhook),
    status: statusOf(webhook, keeper),
    ...compact({ reason: stopped === undefined || stopped.reason === "gone" ? undefined : stopped.reason }),
    position: floor.after,
    sequence: floor.number,
    lag,
    oldestSeconds: oldestAt === undefined ? 0 : Math.max(0, Math.floor((now - oldestAt) / 1_000)),
    blocked: keeper.entries.flatMap((entry) => blockedWire(entry, keeper, behind.get(entry) ?? 0)),
    breaker: compact({
      state: breakerState(health, now),
      failures: health.failures,
      openUntil: timeOf(health.openUntil),
      pausedUntil: timeOf((health.pausedUntil ?? 0) > now ? health.pausedUntil : undefined),
    }),
    ...compact({ lastAttempt: lastAttempt && attemptWire(lastAttempt) }),
  };
}

/** The settings as JSON, with `true` in place of each secret. */
function settingsWire({ settings, secret }: Pick<Webhook, "settings" | "secret">): JsonObject {
  const { urls, bearer, headers, ...plain } = settings;
  const [url = ""] = urls;
  return {
    ...(urls.length === 1 ? { url } : { urls }),
    ...plain,
    rate: { ...plain.rate },
    ...compact({
      secret: secret === undefined ? undefined : true,
      bearer: bearer === undefined ? undefined : true,
      headers: headers && Object.fromEntries(Object.keys(headers).map((name) => [name, true])),
    }),
  };
}

function blockedWire({ key, failing }: Entry, { health }: KeeperState<Selection>, held: number): readonly JsonObject[] {
  if (failing === undefined) return [];
  const next = Math.max(failing.tryAt, failing.retryAfter ?? 0, health.openUntil ?? 0, health.pausedUntil ?? 0);
  return [
    {
      key,
      position: failing.position,
      attempts: failing.attempts,
      nextAttemptAt: new Date(next).toISOString(),
      held,
    },
  ];
}

const timeOf = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();
