import { RecordCache } from "../../change-log/record-cache.ts";
import { envelopeOf } from "../../domain/events/envelope.ts";
import { positionAfter } from "../../domain/events/position.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { listenerKey } from "../../dynamodb/keys/listeners.ts";
import { compact } from "../../system/compact.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { Deadline, JsonObject, PeerHttp } from "../../system/ports.ts";
import { ServiceError } from "../../system/errors.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import { FailedWebhookEvents } from "./failed-webhook-events.ts";
import { attemptWire, attemptsOf } from "./attempt-log.ts";
import type { Preconditions } from "../preconditions.ts";
import { endpointOf, lastUrl } from "./endpoint.ts";
import type { EventDataDeps } from "../event-data.ts";
import { sendEvent } from "./sender.ts";
import { readWebhookRequest, type UrlRules } from "./settings.ts";
import { beginRedrive, cancelRedrive, type RedriveScope } from "./redrive.ts";
import { readTask, taskWire, type TaskRef } from "./tasks.ts";
import { endWebhook, type WebhookEndingDeps } from "./webhook-ending.ts";
import {
  WebhookOperations,
  type ResumeRequest,
  type ResumeResult,
  type WebhookOperationsDeps,
} from "./webhook-operations.ts";
import {
  listenerOf,
  WebhookStore,
  type PutResult,
  type ReadWebhook,
  type StoredWebhook,
  type WebhookRef,
  type WebhookStoreDeps,
} from "./webhook-store.ts";
import { noSuchWebhook } from "./webhook-writes.ts";
import { waitingOf } from "./waiting.ts";
import { webhookWire } from "./webhook-view.ts";

/** Webhooks of a listing whose events are counted at the same time. */
const AT_ONCE = 10;
/** Time of the request that a test event leaves for the answer, ms. */
const ANSWER_MS = 1_000;
/** The topic and the type of a test event. */
const TEST = { topic: "$sys.webhook.test", type: "org.actingweb.sys.webhook.test" };

export interface WebhooksDeps
  extends
    Omit<WebhookStoreDeps, "changeLog">,
    Omit<WebhookOperationsDeps, "store">,
    WebhookEndingDeps,
    WakeUpDeps,
    Pick<EventDataDeps, "actors"> {
  readonly http: PeerHttp;
  readonly failedEvents: FailedEventStore<ListenerEvent>;
  readonly urls: UrlRules;
  /** For how long a record can be read, ms. */
  readonly retentionMs: number;
}

/** The webhooks of all actors, as the owner's routes use them. The only state is the table. */
export class Webhooks {
  readonly operations: WebhookOperations;
  readonly failed: FailedWebhookEvents;
  readonly #deps: WebhooksDeps;
  readonly #store: WebhookStore;

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
    this.#store = new WebhookStore(deps);
    this.operations = new WebhookOperations({ ...deps, store: this.#store });
    this.failed = new FailedWebhookEvents({ ...deps, store: this.#store });
  }

  /** Makes or changes a webhook as a PUT states. @throws as `readWebhookRequest` and `WebhookStore.put` */
  async put(ref: WebhookRef, body: unknown, preconditions: Preconditions): Promise<PutResult> {
    const put = await this.#store.put(ref, readWebhookRequest(body, this.#deps.urls), preconditions);
    if (put.isDue) await this.#wake(ref);
    return put;
  }

  /** Resumes a webhook at once. @throws as `WebhookOperations.resume` */
  async resume(ref: WebhookRef, request: ResumeRequest): Promise<ResumeResult> {
    const resumed = await this.operations.resume(ref, request);
    await this.#wake(ref);
    return resumed;
  }

  async #wake(ref: WebhookRef): Promise<void> {
    await wakeUp(this.#deps, listenerKey(listenerOf(ref)), this.#deps.clock.now());
  }

  /** The webhook. @throws ServiceError resource.not_found */
  async demand(ref: WebhookRef): Promise<ReadWebhook> {
    const stored = await this.#store.get(ref);
    if (stored === undefined) throw noSuchWebhook();
    return stored;
  }

  /** Begins a redrive. @throws as `beginRedrive` */
  async redrive(ref: WebhookRef, scope: RedriveScope, most: number): Promise<JsonObject> {
    const task = await beginRedrive({ ...this.#deps, store: this.#store }, ref, scope, most);
    await this.#wake(ref);
    return taskWire(task);
  }

  /** The task, with its progress. @throws ServiceError resource.not_found */
  async task(ref: TaskRef): Promise<JsonObject> {
    const task = await readTask(this.#deps.table, ref, this.#deps.clock.now());
    if (task === undefined) throw noSuchTask();
    return taskWire(task);
  }

  /** Cancels a task; one that has ended stays as it is. @throws ServiceError resource.not_found */
  async cancelTask(ref: TaskRef): Promise<void> {
    const task = await cancelRedrive({ ...this.#deps, store: this.#store }, ref);
    if (task === undefined) throw noSuchTask();
  }

  /** Ends a webhook. If there is not enough time, the sweep continues. @throws ServiceError resource.not_found */
  async end(ref: WebhookRef, deadline: Deadline): Promise<void> {
    if ((await endWebhook(this.#deps, ref, deadline)) === "none") throw noSuchWebhook();
  }

  /** Continues an ending whose item is due. */
  async resumeEnding(ref: WebhookRef, deadline: Deadline): Promise<void> {
    if (await this.#store.isEnding(ref)) await endWebhook(this.#deps, ref, deadline);
  }

  /** A webhook as its owner sees it. One more read, and the log after its position if events are left to send. */
  async view(stored: StoredWebhook): Promise<JsonObject> {
    const { actorId } = stored.webhook;
    const { newest } = await this.#deps.changeLog.head(actorId);
    return await this.#viewAt(stored, newest, new RecordCache(this.#deps.changeLog, actorId));
  }

  /** All webhooks of an actor, as their owner sees them. */
  async list(actorId: string): Promise<readonly JsonObject[]> {
    const { changeLog } = this.#deps;
    const [all, { newest }] = [await this.#store.list(actorId), await changeLog.head(actorId)];
    const cache = new RecordCache(changeLog, actorId);
    return await mapConcurrent(all, AT_ONCE, async (stored) => await this.#viewAt(stored, newest, cache));
  }

  async #viewAt(
    { webhook, keeper, lastAttempt }: StoredWebhook,
    newest: number,
    cache: Pick<RecordCache, "stream">,
  ): Promise<JsonObject> {
    const { clock, epoch, retentionMs } = this.#deps;
    const log = { newest, epoch, retentionMs, stream: cache.stream.bind(cache) };
    const waiting = await waitingOf(log, keeper, webhook.settings.order);
    return webhookWire(webhook, { keeper, waiting, now: clock.now(), ...compact({ lastAttempt }) });
  }

  /** The last failed attempts, and the first successful one after each. @throws ServiceError resource.not_found */
  async attempts({ actorId, id }: WebhookRef): Promise<readonly JsonObject[]> {
    const { webhook } = await this.demand({ actorId, id });
    return await attemptsOf(this.#deps.table, webhook);
  }

  /**
   * Sends one test event, signed like any other. The attempt does not change the state of the webhook.
   * @throws ServiceError resource.not_found, limit.rate
   */
  async test(ref: WebhookRef, deadline: Deadline): Promise<JsonObject> {
    const { clock, changeLog, ids, epoch, rootOf } = this.#deps;
    const { webhook, head } = await this.demand(ref);
    await this.operations.countTest(ref);
    const id = ids.id();
    const envelope = envelopeOf({
      event: {
        index: 0,
        last: true,
        key: TEST.topic,
        barrier: false,
        attributes: {},
        hops: 0,
        ...TEST,
        time: new Date(clock.now()).toISOString(),
        data: { webhook: ref.id },
      },
      id,
      source: rootOf(ref.actorId),
      position: positionAfter(epoch, (await changeLog.head(ref.actorId)).newest),
      dataref: () => "",
    });
    const timeoutMs = Math.min(webhook.settings.timeoutSeconds * 1_000, deadline.remaining() - ANSWER_MS);
    const body = Buffer.from(printJson(envelope));
    const endpoint = endpointOf(webhook, clock.now(), lastUrl(head));
    const { attempt } = await sendEvent(this.#deps, { ...endpoint, timeoutMs }, { id, body });
    return attemptWire(attempt);
  }
}

const noSuchTask = (): ServiceError => new ServiceError("resource.not_found", "There is no task of that id.");
