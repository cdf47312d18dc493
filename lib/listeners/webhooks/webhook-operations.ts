/** What owners do with a webhook besides stating it: pause, resume, rotate its secret, count its test events. */
import { positionGone } from "../../actors/position-gone.ts";
import { oldestKept, type ChangeLog } from "../../change-log/change-log.ts";
import { restarted, resumed } from "../../domain/events/keeper-changes.ts";
import {
  comparePositions,
  isAfter,
  parsePosition,
  positionOf,
  printPosition,
  resolvePosition,
} from "../../domain/events/position.ts";
import { eventsOf, type RecordEvent } from "../../domain/events/record-events.ts";
import { selects } from "../../domain/events/selection.ts";
import { mintSecret } from "../../domain/events/signature.ts";
import { webhookKey } from "../../dynamodb/keys/webhooks.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import { TransactionRefused, type Table, type Write } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Ids } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import { WHY } from "../beginning.ts";
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

/** More than the writers that one webhook has at a time; each conflict means that another has just written. */
const MOST_CONFLICTS = 8;

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

/** How a resumed webhook goes on. */
export interface ResumeRequest {
  /** The event that stopped it is handed to a person. */
  readonly skip: boolean;
  /** Where a webhook that lost its position begins again. */
  readonly from?: string;
}

/** A webhook after a change of it; `skipped`: the part of the log that it never hears. */
export interface ResumeResult {
  readonly stored: StoredWebhook;
  readonly skipped?: { readonly from: string; readonly to: string };
}

type Keeper = StoredWebhook["keeper"];

/** What a change of a webhook writes; undefined: nothing differs. */
type Changed = (Partial<StoredWebhook> & { readonly writes: readonly Write[] }) | undefined;

export class WebhookOperations {
  readonly #deps: WebhookOperationsDeps;

  constructor(deps: WebhookOperationsDeps) {
    this.#deps = deps;
  }

  /** Begins nothing more until the webhook is resumed; what is under way ends. */
  async pause(ref: WebhookRef): Promise<StoredWebhook> {
    return await this.#change(ref, ({ webhook }) =>
      webhook.paused ? undefined : stating({ ...webhook, paused: true }, webhook),
    );
  }

  /**
   * Lets a paused or stopped webhook go on: what is due goes at once.
   *
   * @throws ServiceError request.invalid for a `from` that is missing, or that it has no use for; resource.position_gone
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

  /** The state of a listener that begins again after a position, with its numbers. */
  async #restarted(actorId: string, keeper: Keeper, from: string): Promise<Keeper> {
    const { changeLog, clock, epoch, rootOf } = this.#deps;
    const [logHead, found] = [await changeLog.head(actorId), await changeLog.oldest(actorId)];
    const { newest } = logHead;
    const begin = resolvePosition(from, { epoch, newest, ...compact({ oldest: oldestKept(logHead, found) }) });
    if (typeof begin === "string")
      throw positionGone(rootOf(actorId), `${WHY[begin]}; read the state, and begin now.`, "from");
    const [floor, numbered] = [parsePosition(keeper.floor.after), parsePosition(keeper.numbered.after)];
    if (floor !== undefined && comparePositions(begin, floor) < 0)
      throw positionGone(rootOf(actorId), "The webhook has been further than that.", "from");
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
   * Gives the webhook a new secret. The former one signs too for `overlapSeconds`.
   * @returns the secret, to be shown once, and until when both sign (ms since 1970)
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
    throw new ServiceError("limit.rate", "A webhook is tried out at most ten times a minute.", {
      headers: { "Retry-After": "60" },
    });
  }

  async #change(ref: WebhookRef, make: (stored: ReadWebhook) => Changed | Promise<Changed>): Promise<StoredWebhook> {
    const { store, table } = this.#deps;
    const changed = await retryOnConflict<undefined, StoredWebhook>(undefined, MOST_CONFLICTS, async () => {
      const stored = await store.get(ref);
      if (stored === undefined) throw noSuchWebhook();
      const change = await make(stored);
      if (change === undefined) return { done: stored };
      const refused = await refusedReasons(table, change.writes);
      if (refused === undefined) return { done: { ...stored, ...change } };
      if (!refused.some(({ code }) => code === "condition" || code === "conflict"))
        throw new TransactionRefused(refused);
      return { found: undefined };
    });
    if (changed !== undefined) return changed;
    throw new ServiceError(
      "service.unavailable",
      "The webhook is being changed at the same time; try again in a moment.",
    );
  }
}

/** @returns the error for a webhook that is not there */
export const noSuchWebhook = (): ServiceError =>
  new ServiceError("resource.not_found", "There is no webhook of that id.");

/** A redrive ends where the webhook begins elsewhere. */
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
      ? "The webhook has lost its position; say by from where it is to begin again: earliest, now, or a position."
      : "The webhook goes on where it is; from is only for one that lost its position.",
    { field: "from" },
  );

const nothingToSkip = (): ServiceError =>
  new ServiceError("request.invalid", "There is no event to skip: none has stopped the webhook.", { field: "skip" });
