/** The attempts that an owner can see: the last ones that failed, and the first that succeeded after each. */
import { parseText, printJson } from "../../domain/json/json-text.ts";
import { attemptKey, attemptPrefix, webhookPartition } from "../../dynamodb/keys/webhooks.ts";
import { listenerKey } from "../../dynamodb/keys/listeners.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { all, always, equals, itemExists, missing, type Item, type Table } from "../../dynamodb/table.ts";
import type { JsonObject, Log } from "../../system/ports.ts";
import type { ListenerHead } from "../listener-head.ts";
import type { Attempt } from "./sender.ts";
import type { Webhook } from "./webhook-item.ts";

/** Most failed attempts that are shown. */
const MOST_NOT_TAKEN = 50;
/** Each failed attempt may be followed by one that succeeded. */
const MOST_READ = 2 * MOST_NOT_TAKEN + 1;
const KEPT_SECONDS = 30 * 86_400;
/** The attribute of the head. */
const LAST = "lastAttempt";

/** An attempt at one event. */
export interface LoggedAttempt extends Attempt {
  /** The position of the event. */
  readonly position: string;
}

/**
 * Stores an attempt for the owner. It is written before the attempt's outcome is: a crash in between may repeat the
 * attempt, but does not hide it. Never rejects.
 */
export async function logAttempt(
  { table, log }: { readonly table: Pick<Table, "put">; readonly log: Log },
  { actorId, id }: Pick<Webhook, "actorId" | "id">,
  attempt: LoggedAttempt,
): Promise<void> {
  try {
    // An item at this key is the same attempt, written before its answer was lost.
    await table.put(attemptItem(actorId, id, attempt), always);
  } catch (error) {
    log.warn("an attempt of a webhook was not noted", { actorId, webhookId: id, error });
  }
}

/** The item of an attempt. */
export function attemptItem(actorId: string, webhookId: string, attempt: LoggedAttempt): Item {
  const ttl = Math.ceil(attempt.at / 1_000) + KEPT_SECONDS;
  return { ...attemptKey(actorId, webhookId, attempt), text: printJson(attempt), ttl };
}

/** The last attempt as the head of a webhook has it: without the receiver's answer. */
export const lastAttemptText = ({ answer: _, ...attempt }: LoggedAttempt): string => printJson(attempt);

/**
 * Notes an attempt outside a session as the last one, unless another was noted after the head was read. The head's version
 * stays, so the write does not conflict with a delivery.
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

/** The last attempt in a head; undefined before the first one. */
export const lastAttemptIn = ({ own }: Pick<ListenerHead, "own">): LoggedAttempt | undefined =>
  own[LAST] === undefined ? undefined : (parseText(String(own[LAST])) as LoggedAttempt);

/**
 * The attempts of a webhook, the newest first. One query. Attempts from before its creation are left out: they belong to an
 * earlier webhook of the same id, and were stored after that was deleted.
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
