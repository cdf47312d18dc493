/** What an owner sees of attempts: the last ones that were not taken, and the first that was taken after each. */
import { parseText, printJson } from "../../domain/json/json-text.ts";
import { attemptKey, attemptPrefix, webhookPartition } from "../../dynamodb/keys/webhooks.ts";
import { listenerKey } from "../../dynamodb/keys/listeners.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { all, always, equals, itemExists, missing, type Item, type Table } from "../../dynamodb/table.ts";
import type { JsonObject, Log } from "../../system/ports.ts";
import type { ListenerHead } from "../listener-head.ts";
import type { Attempt } from "./sender.ts";
import type { Webhook } from "./webhook-item.ts";

/** Attempts that were not taken, of those that are shown. */
const MOST_NOT_TAKEN = 50;
/** Each may have one that was taken after it. */
const MOST_READ = 2 * MOST_NOT_TAKEN + 1;
const KEPT_SECONDS = 30 * 86_400;
/** The attribute of the head. */
const LAST = "lastAttempt";

/** An attempt at one event. */
export interface LoggedAttempt extends Attempt {
  /** The event's. */
  readonly position: string;
}

/**
 * A line of an attempt for the owner, written at once: a crash before what follows may repeat the attempt, not hide it.
 * Never rejects.
 */
export async function logAttempt(
  { table, log }: { readonly table: Pick<Table, "put">; readonly log: Log },
  { actorId, id }: Pick<Webhook, "actorId" | "id">,
  attempt: LoggedAttempt,
): Promise<void> {
  try {
    // Whatever stands there is the same attempt.
    await table.put(attemptItem(actorId, id, attempt), always);
  } catch (error) {
    log.warn("an attempt of a webhook was not noted", { actorId, webhookId: id, error });
  }
}

/** The item of an attempt. Any that stands under its key is the same attempt, repeated after a lost answer. */
export function attemptItem(actorId: string, webhookId: string, attempt: LoggedAttempt): Item {
  const ttl = Math.ceil(attempt.at / 1_000) + KEPT_SECONDS;
  return { ...attemptKey(actorId, webhookId, attempt), text: printJson(attempt), ttl };
}

/** What the head of a webhook has of its last attempt: without what the receiver answered. */
export const lastAttemptText = ({ answer: _, ...attempt }: LoggedAttempt): string => printJson(attempt);

/**
 * Notes an attempt outside a session as the last one, unless another was noted since the head was read. It meets no
 * delivery: the head's version stays.
 */
export async function noteLastAttempt(
  table: Pick<Table, "update">,
  head: ListenerHead,
  attempt: LoggedAttempt,
): Promise<void> {
  const before = head.own[LAST];
  const isUnchanged = before === undefined ? missing(LAST) : equals(LAST, before);
  await updateIf(table, listenerKey(head), { set: { [LAST]: lastAttemptText(attempt) } }, all(itemExists, isUnchanged));
}

/** Reads it; undefined before the first one. */
export const lastAttemptIn = ({ own }: Pick<ListenerHead, "own">): LoggedAttempt | undefined =>
  own[LAST] === undefined ? undefined : (parseText(String(own[LAST])) as LoggedAttempt);

/**
 * The attempts of a webhook, the newest first. One query. An attempt that was under way when a webhook of the same id was
 * deleted may be noted after that: it is none of this webhook's.
 */
export async function attemptsOf(
  table: Pick<Table, "query">,
  { actorId, id, createdAt }: Pick<Webhook, "actorId" | "id" | "createdAt">,
): Promise<readonly JsonObject[]> {
  const range = { pk: webhookPartition(actorId), prefix: attemptPrefix(id) };
  const { items } = await table.query({ ...range, descending: true, limit: MOST_READ, only: ["text"] });
  const attempts = items
    .map((item) => parseText(String(item["text"])) as LoggedAttempt)
    .filter(({ at }) => at >= createdAt);
  let notTaken = 0;
  const shown = attempts.filter(({ result }) =>
    result === "taken" ? notTaken < MOST_NOT_TAKEN : (notTaken += 1) <= MOST_NOT_TAKEN,
  );
  return shown.map(attemptWire);
}

/** An attempt as its owner sees it. */
export function attemptWire({ at, ...attempt }: Attempt): JsonObject {
  return { time: new Date(at).toISOString(), ...attempt };
}
