/** Stores the webhooks of all actors: makes, changes and reads them. */
import type { LogHead } from "../../change-log/change-log.ts";
import type { Commits, LogPlan } from "../../change-log/log-commits.ts";
import { renewed, withSelection } from "../../domain/events/keeper-changes.ts";
import { newKeeperState, type KeeperState } from "../../domain/events/keeper-state.ts";
import { positionAfter, printPosition } from "../../domain/events/position.ts";
import type { Selection } from "../../domain/events/selection.ts";
import { listenerKey, listenerPrefix, type ListenerRef } from "../../dynamodb/keys/listeners.ts";
import { WEBHOOK_PREFIX, webhookKey, webhookPartition } from "../../dynamodb/keys/webhooks.ts";
import { queryAll } from "../../dynamodb/paging.ts";
import { itemIn, itemMissing, type Item, type Key, type Table, type Write } from "../../dynamodb/table.ts";
import { registering, type Registered } from "../../engine/registration.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Ids } from "../../system/ports.ts";
import { newBeginning, type BeginningDeps } from "../beginning.ts";
import {
  changeListenerHead,
  makeListenerHead,
  ONE_LANE,
  readListenerHead,
  type HeadChange,
  type ListenerHead,
} from "../listener-head.ts";
import { lastAttemptIn, type LoggedAttempt } from "./attempt-log.ts";
import type { Preconditions } from "../preconditions.ts";
import { decidePut, type PutDecision } from "./put-decision.ts";
import type { WebhookRequest, WebhookSettings } from "./settings.ts";
import { recoveredOf } from "./webhook-signals.ts";
import { changeTo, isUnchanged, webhookItem, webhookOf, type Webhook } from "./webhook-item.ts";

/** Most webhooks of one actor, and most of its listeners with a pattern that begins with a wildcard. */
const MOST_WEBHOOKS = 100;
const MOST_WILDCARD = 100;

export interface WebhookRef {
  readonly actorId: string;
  readonly id: string;
}

/** A webhook with the state of its deliveries. */
export interface StoredWebhook {
  readonly webhook: Webhook;
  readonly keeper: KeeperState<Selection>;
  /** Absent before the first attempt. */
  readonly lastAttempt?: LoggedAttempt;
}

/** The same with its head, for writes on the condition that the head is as it was read. */
export interface ReadWebhook extends StoredWebhook {
  readonly head: ListenerHead;
}

/** The result of a PUT. */
export interface PutResult extends Pick<PutDecision, "is" | "minted"> {
  readonly stored: StoredWebhook;
  /** There may be events to send at once. */
  readonly isDue: boolean;
}

export interface WebhookStoreDeps extends BeginningDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly commits: Commits;
}

/**
 * The webhooks in the table. What an owner states is an item of its own, apart from the head that deliveries write. So a
 * change of settings does not conflict with deliveries, unless it changes the selection or the endpoint.
 */
export class WebhookStore {
  readonly #deps: WebhookStoreDeps;

  constructor(deps: WebhookStoreDeps) {
    this.#deps = deps;
  }

  /** The webhook; undefined when there is none, or it is being deleted. One request. */
  async get(ref: WebhookRef): Promise<ReadWebhook | undefined> {
    const keys = keysOf(ref);
    const [own, head] = keys.map(itemIn(await this.#deps.table.getMany(keys)));
    return storedOf(this.#deps.epoch, own, head);
  }

  /** True while a webhook is being deleted. One read. */
  async isEnding({ actorId, id }: WebhookRef): Promise<boolean> {
    return (await this.#deps.table.get(webhookKey(actorId, id), { only: ["ending"] }))?.["ending"] === true;
  }

  /** All webhooks of an actor, in the order of ids. One query for the items, one for the heads. */
  async list(actorId: string): Promise<readonly ReadWebhook[]> {
    const pk = webhookPartition(actorId);
    const { table } = this.#deps;
    const [stated, heads] = await Promise.all([
      queryAll(table, { pk, prefix: WEBHOOK_PREFIX }),
      queryAll(table, { pk, prefix: listenerPrefix("webhook") }),
    ]);
    const headAt = itemIn(heads);
    return stated.flatMap((item) => {
      const head = headAt(listenerKey(listenerOf(webhookOf(item))));
      return storedOf(this.#deps.epoch, item, head) ?? [];
    });
  }

  /**
   * Makes the webhook, or changes it to the stated settings.
   *
   * @throws ServiceError request.precondition_failed, request.precondition_required (see `decidePut`); limit.reached;
   *   resource.position_gone when a new webhook cannot begin at `from`; resource.conflict when the topics cannot change
   *   yet; service.unavailable while a webhook with this id is being deleted
   */
  async put(ref: WebhookRef, request: WebhookRequest, preconditions: Preconditions): Promise<PutResult> {
    const [own, head] = keysOf(ref);
    let result: PutResult | undefined;
    await this.#deps.commits.commit(
      ref.actorId,
      [own, head],
      async ({ head: logHead, item }) => {
        if (item(own)?.["ending"] === true) throw isEnding();
        const stored = storedOf(this.#deps.epoch, item(own), item(head));
        const decided = decidePut(stored?.webhook, request, preconditions, this.#deps.ids);
        const planned =
          stored === undefined
            ? await this.#planNew(ref, decided, request.from, logHead)
            : this.#planChange(stored, decided, logHead);
        const { stored: after, plan, isDue } = planned;
        result = { stored: after, is: decided.is, isDue, ...compact({ minted: decided.minted }) };
        return plan;
      },
      { quiet: true },
    );
    if (result === undefined) throw new TypeError("a PUT of a webhook was neither planned nor refused");
    return result;
  }

  async #planNew(ref: WebhookRef, { stated }: PutDecision, from: string, logHead: LogHead): Promise<Planned> {
    const now = this.#deps.clock.now();
    const registered = registeredAs(stated.settings);
    const registration = registering(listenerOf(ref), { after: registered });
    demandRoom(logHead, registration);
    const { after, kept } = await newBeginning(this.#deps, {
      actorId: ref.actorId,
      from,
      log: logHead,
      most: MOST_WEBHOOKS,
      called: "webhooks",
      others: { pk: webhookPartition(ref.actorId), prefix: WEBHOOK_PREFIX },
    });
    const keeper = newKeeperState(after, { selection: selectionOf(stated.settings), at: now });
    const webhook: Webhook = { ...ref, ...stated, version: 1, createdAt: now, paused: false };
    // There are records after its position, so there may be events to send at once.
    const isBehind = after < printPosition({ epoch: this.#deps.epoch, record: logHead.newest, index: "all" });
    const due = compact({ dueAt: isBehind ? now : undefined });
    const made = makeListenerHead(listenerOf(ref), { [ONE_LANE]: keeper }, due);
    return {
      isDue: isBehind,
      stored: { webhook, keeper },
      plan: { ...planOf(registration, [{ put: webhookItem(webhook), condition: itemMissing }, made]), ...kept },
    };
  }

  #planChange(stored: ReadWebhook, decided: PutDecision, logHead: LogHead): Planned {
    const { webhook, keeper: before, head } = stored;
    if (decided.is === "same") return { stored, plan: undefined, isDue: false };
    const now = this.#deps.clock.now();
    const changed = withStated(webhook, decided);
    const after = { ...changed, version: changed.version + 1 };
    const writes: Write[] = [
      { update: webhookKey(webhook.actorId, webhook.id), change: changeTo(changed), condition: isUnchanged(webhook) },
    ];
    if (!decided.selection && !decided.endpoint) {
      return { stored: { ...stored, webhook: after }, plan: { records: [], writes }, isDue: false };
    }
    // A lone delivery may have sent events up to the newest record, and may die before it stores their numbers.
    const isSent = !webhook.paused && logHead.maintainedUpTo < logHead.newest;
    const sentUpTo = isSent ? positionAfter(this.#deps.epoch, logHead.newest) : "";
    const keeper = changedKeeper(before, decided, { now, sentUpTo });
    const recovers = before.health.openUntil !== undefined && keeper.health.openUntil === undefined;
    const said = recovers && logHead.listeners.sys > 0 ? recoveredOf(webhook) : undefined;
    const change = withKeeper(keeper, decided.endpoint ? now : undefined);
    writes.push(changeListenerHead(head, { ...change, ...compact({ unsaid: said && [...head.unsaid, said] }) }));
    const planned = {
      stored: { ...stored, webhook: after, keeper },
      isDue: decided.endpoint,
    };
    if (!decided.selection) return { ...planned, plan: { records: [], writes } };
    const registration = registering(listenerOf(webhook), {
      before: registeredAs(webhook.settings),
      after: registeredAs(decided.stated.settings),
    });
    demandRoom(logHead, registration);
    return { ...planned, plan: planOf(registration, writes) };
  }
}

interface Planned {
  readonly stored: StoredWebhook;
  readonly isDue: boolean;
  readonly plan: LogPlan | undefined;
}

type Registration = ReturnType<typeof registering>;

const planOf = ({ head, writes }: Registration, more: readonly Write[]): LogPlan => ({
  records: [],
  writes: [...more, ...writes],
  head,
});

/** The webhook as a listener. */
export const listenerOf = ({ actorId, id }: WebhookRef): ListenerRef => ({ actorId, kind: "webhook", id });

/** The events that a webhook hears. */
const selectionOf = ({ topics, types }: WebhookSettings): Selection => compact({ topics, types });

/** What the log needs to know about a webhook. */
export const registeredAs = (settings: WebhookSettings): Registered => ({
  selection: selectionOf(settings),
  reads: true,
});

/** The keys of a webhook's item and of its head. */
export const keysOf = (ref: WebhookRef): readonly [own: Key, head: Key] => [
  webhookKey(ref.actorId, ref.id),
  listenerKey(listenerOf(ref)),
];

function storedOf(epoch: number, own: Item | undefined, head: Item | undefined): ReadWebhook | undefined {
  if (own === undefined || head === undefined || own["ending"] === true) return undefined;
  const read = readListenerHead(epoch, head);
  return compact({ webhook: webhookOf(own), keeper: keeperOf(read), lastAttempt: lastAttemptIn(read), head: read });
}

/** The state of a webhook's order keeper. @throws TypeError for a head without one: a defect */
export function keeperOf({ lanes }: ListenerHead): KeeperState<Selection> {
  const keeper = lanes[ONE_LANE];
  if (keeper === undefined) throw new TypeError("The head of a webhook has no state.");
  return keeper;
}

/** The change of a head to another state of the order keeper, and to another due time (ms since 1970) if one is given. */
export const withKeeper = (keeper: KeeperState<Selection>, dueAt?: number): HeadChange => ({
  lanes: { [ONE_LANE]: keeper },
  ...compact({ dueAt }),
});

/**
 * The webhook with the stated settings. A stated secret replaces the former one at once; only a rotation lets both sign.
 */
function withStated({ previous, ...webhook }: Webhook, { stated }: PutDecision): Webhook {
  return { ...webhook, ...stated, ...(stated.secret === webhook.secret && compact({ previous })) };
}

/**
 * The state after the settings have changed.
 * @throws ServiceError resource.conflict when events need too many earlier selections
 */
function changedKeeper(
  keeper: KeeperState<Selection>,
  { selection, endpoint, stated }: PutDecision,
  { now, sentUpTo }: { readonly now: number; readonly sentUpTo: string },
): KeeperState<Selection> {
  const selected = selection ? withSelection(keeper, selectionOf(stated.settings), sentUpTo) : keeper;
  if (selected === undefined) {
    const message =
      "Events that the webhook heard by earlier topics are blocked; change its topics once these are done.";
    throw new ServiceError("resource.conflict", message, { field: "topics" });
  }
  return endpoint ? renewed(selected, now) : selected;
}

function demandRoom({ listeners }: LogHead, { head }: Registration): void {
  const more = Number(head.add?.["wildcardListeners"] ?? 0);
  if (more > 0 && listeners.wildcard >= MOST_WILDCARD) {
    throw tooMany(
      `An actor has at most ${String(MOST_WILDCARD)} listeners with a pattern that begins with a wildcard; name the first token.`,
    );
  }
}

const tooMany = (message: string): ServiceError => new ServiceError("limit.reached", message);

const isEnding = (): ServiceError =>
  new ServiceError("service.unavailable", "A webhook with this id is being deleted; try again in a moment.");
