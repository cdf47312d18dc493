/** What owners do with a webhook beside stating its settings: pause, resume, rotate the secret, test. */
import { positionGone } from "../../actors/position-gone.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { restarted, resumed } from "../../domain/events/keeper-changes.ts";
import { comparePositions, isAfter, parsePosition, positionOf, printPosition } from "../../domain/events/position.ts";
import { eventsOf, type RecordEvent } from "../../domain/events/record-events.ts";
import { selects } from "../../domain/events/selection.ts";
import { mintSecret } from "../../domain/events/signature.ts";
import { webhookKey } from "../../dynamodb/keys/webhooks.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import type { Table, Write } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Ids } from "../../system/ports.ts";
import { BEGIN_NOW, demandPosition } from "../beginning.ts";
import { changeListenerHead } from "../listener-head.ts";
import { taskProgress } from "./tasks.ts";
import { changeTo, isUnchanged, rotated, testCounted, type Webhook } from "./webhook-item.ts";
import {
  withKeeper,
  type ReadWebhook,
  type StoredWebhook,
  type WebhookRef,
  type WebhookStore,
} from "./webhook-store.ts";
import { noSuchWebhook, repeated, written } from "./webhook-writes.ts";

export interface WebhookOperationsDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly store: Pick<WebhookStore, "get">;
  readonly changeLog: Pick<ChangeLog, "head" | "oldest" | "stream">;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** The root URI of an actor. */
  readonly rootOf: (actorId: string) => string;
}

/** How a webhook continues. */
export interface ResumeRequest {
  /** The event that stopped it goes to a person. */
  readonly skip: boolean;
  /** Where a webhook whose records expired begins again. */
  readonly from?: string;
}

/** A webhook after it was resumed. `skipped`: the part of the log whose events it never gets. */
export interface ResumeResult {
  readonly stored: StoredWebhook;
  readonly skipped?: { readonly from: string; readonly to: string };
}

type Keeper = StoredWebhook["keeper"];

/** A change of a webhook; undefined: nothing has to change. */
type Changed = (Partial<StoredWebhook> & { readonly writes: readonly Write[] }) | undefined;

/** The operations of owners. The only state is the table; each write is conditional on the webhook as it was read. */
export class WebhookOperations {
  readonly #deps: WebhookOperationsDeps;

  constructor(deps: WebhookOperationsDeps) {
    this.#deps = deps;
  }

  /** Pauses a webhook: no attempts start until it is resumed; those in flight end. */
  async pause(ref: WebhookRef): Promise<StoredWebhook> {
    return await this.#change(ref, ({ webhook }) =>
      webhook.paused ? undefined : stating({ ...webhook, paused: true }, webhook),
    );
  }

  /**
   * Resumes a paused or stopped webhook. Due events are sent at once.
   *
   * @throws ServiceError resource.not_found; request.invalid when `from` is missing or not needed, or there is no event to
   *   skip; resource.position_gone
   */
  async resume(ref: WebhookRef, { skip, from }: ResumeRequest): Promise<ResumeResult> {
    let skipped: ResumeResult["skipped"];
    const stored = await this.#change(ref, async ({ webhook, keeper: before, head }) => {
      const now = this.#deps.clock.now();
      const { stopped } = before;
      const lost = stopped?.reason === "position_gone";
      if (lost !== (from !== undefined)) throw wrongFrom(lost);
      if (skip && stopped?.reason !== "exhausted") throw nothingToSkip();
      const keeper =
        from === undefined ? resumed(before, { now, skip }) : await this.#restarted(ref.actorId, before, from);
      if (from !== undefined) skipped = { from: before.floor.after, to: keeper.floor.after };
      const going = stating({ ...webhook, paused: false }, webhook);
      return {
        ...going,
        keeper,
        writes: [
          ...going.writes,
          changeListenerHead(head, withKeeper(keeper, now)),
          ...lostTask(ref, before, keeper, now),
        ],
      };
    });
    return { stored, ...compact({ skipped }) };
  }

  /** The state of a webhook that begins again after a position. Events keep their numbers. */
  async #restarted(actorId: string, keeper: Keeper, from: string): Promise<Keeper> {
    const { changeLog, clock, epoch, rootOf } = this.#deps;
    const log = { actorId, log: await changeLog.head(actorId), oldest: await changeLog.oldest(actorId) };
    const begin = demandPosition(this.#deps, log, { text: from, field: "from", instead: BEGIN_NOW });
    const [floor, numbered] = [parsePosition(keeper.floor.after), parsePosition(keeper.numbered.after)];
    if (floor !== undefined && comparePositions(begin, floor) < 0)
      throw positionGone(
        rootOf(actorId),
        "This position is earlier than the webhook has been; give a later one.",
        "from",
      );
    const events: (RecordEvent & { position: string; expiresAt: number })[] = [];
    for await (const { number, record } of changeLog.stream(actorId, begin.record - 1, numbered?.record ?? 0)) {
      for (const event of eventsOf(record)) {
        const position = positionOf(epoch, number, event);
        if (!isAfter(begin, number, event.index) || position > keeper.numbered.after) continue;
        events.push({ ...event, position, expiresAt: 0 });
      }
    }
    return restarted(keeper, { after: printPosition(begin), events, selects, at: clock.now() });
  }

  /**
   * Gives the webhook a new secret. The former one also signs for `overlapSeconds`.
   * @returns the secret, and until when both sign (ms since 1970). The secret is shown only in this answer
   */
  async rotate(
    ref: WebhookRef,
    overlapSeconds: number,
  ): Promise<{ readonly secret: string; readonly overlapUntil: number }> {
    const secret = mintSecret(this.#deps.ids);
    const now = this.#deps.clock.now();
    const overlapUntil = now + overlapSeconds * 1_000;
    await this.#change(ref, ({ webhook }) => stating(rotated(webhook, { secret, now, overlapUntil }), webhook));
    return { secret, overlapUntil };
  }

  /** Counts a test event. @throws ServiceError auth.limited after ten in a minute */
  async countTest({ actorId, id }: WebhookRef): Promise<void> {
    const now = this.#deps.clock.now();
    for (const { change, condition } of testCounted(now)) {
      if ((await updateIf(this.#deps.table, webhookKey(actorId, id), change, condition)).written) return;
    }
    throw new ServiceError("limit.rate", "A webhook gets at most ten test events a minute; try again in a minute.", {
      headers: { "Retry-After": "60" },
    });
  }

  async #change(ref: WebhookRef, make: (stored: ReadWebhook) => Changed | Promise<Changed>): Promise<StoredWebhook> {
    const { store, table } = this.#deps;
    return await repeated<StoredWebhook>(async () => {
      const stored = await store.get(ref);
      if (stored === undefined) throw noSuchWebhook();
      const change = await make(stored);
      return change === undefined ? { done: stored } : await written(table, change.writes, { ...stored, ...change });
    });
  }
}

/** The write that ends the task of a redrive, because the webhook begins again at another position. */
function lostTask({ actorId }: WebhookRef, { redrive }: Keeper, after: Keeper, now: number): readonly Write[] {
  if (redrive === undefined || after.redrive !== undefined) return [];
  return [taskProgress({ actorId, taskId: redrive.id }, redrive, { state: "failed", endedAt: now })];
}

function stating(webhook: Webhook, before: Webhook): { readonly webhook: Webhook; readonly writes: readonly Write[] } {
  const key = webhookKey(webhook.actorId, webhook.id);
  const write: Write = { update: key, change: changeTo(webhook), condition: isUnchanged(before) };
  return { webhook: { ...webhook, version: webhook.version + 1 }, writes: [write] };
}

const wrongFrom = (lost: boolean): ServiceError =>
  new ServiceError(
    "request.invalid",
    lost
      ? "Records that the webhook has not heard have expired; give from: earliest, now, or a position to begin at."
      : "The webhook continues where it is; leave out from, which is for a webhook whose records have expired.",
    { field: "from" },
  );

const nothingToSkip = (): ServiceError =>
  new ServiceError("request.invalid", "No event has stopped the webhook; leave out skip.", { field: "skip" });
