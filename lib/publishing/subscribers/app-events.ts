/** App events: changes of targets whose state the application keeps itself, sent to their subscribers as any other change is. */
import { compact } from "../../system/compact.ts";
import { parseJson } from "../../domain/json/json.ts";
import { isOwnName, isTarget, OWN_NAME_RULE } from "../../domain/terms/names.ts";
import { placeOf, type Scope } from "../../domain/terms/scope.ts";
import { ServiceError } from "../../system/errors.ts";
import type { FanOutResult } from "./fan-out-result.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { Json } from "../../system/ports.ts";
import { publishedStateWrites } from "../../change-log/published-states.ts";
import type { Commit, Commits } from "../../change-log/log-commits.ts";

/** Most bytes of JSON of one event, as of a property's value. Over 256 KiB a callback has no data. */
const MAX_EVENT_BYTES = 256 * 1_024;
/** Levels of arrays and objects: a poll around it stays within what peers like us parse (64). */
const MAX_EVENT_DEPTH = 56;

/** What is new, and where: the scope names the whole target, or a part of it. */
export interface AppEvent extends Scope {
  readonly data: Json;
}

/** Sends the callbacks of a commit, and returns what became of them. */
export type NotifySubscribers = (commit: Commit) => Promise<FanOutResult>;

/**
 * Commits an app event to the actor's log, as one change that makes the next number of every subscription in scope. Then
 * `notify` sends them; a peer that it does not reach finds its number in the backlog.
 *
 * @throws ServiceError request.invalid, request.too_large, resource.not_found without actor
 */
export async function publishAppEvent(
  { commits, notify }: { readonly commits: Commits; readonly notify: NotifySubscribers },
  actorId: string,
  appEvent: AppEvent,
): Promise<FanOutResult> {
  const { data, ...scope } = checkedEvent(appEvent);
  const record = { kind: "change", changes: [{ do: "notify", ...scope, data }] } as const;
  const state = { contentType: "application/json", body: Buffer.from(printJson(data)) };
  const path = [scope.target, ...placeOf(scope)];
  const made = await commits.commit(
    actorId,
    [],
    ({ head }) => ({ records: [record], writes: publishedStateWrites(actorId, head, path, state) }),
    { quiet: true },
  );
  if (made === undefined) throw new RangeError("an app event always writes");
  return await notify(made);
}

/** @throws ServiceError request.invalid which names the field, request.too_large */
function checkedEvent(appEvent: AppEvent): AppEvent {
  const { target, subtarget, resource } = appEvent;
  if (!isTarget(target)) throw invalid("target", OWN_NAME_RULE);
  if (subtarget !== undefined && !isOwnName(subtarget)) throw invalid("subtarget", OWN_NAME_RULE);
  if (resource !== undefined && (subtarget === undefined || !resource.split("/").every(isOwnName))) {
    throw invalid("resource", `below a subtarget, names with one slash between two, each ${OWN_NAME_RULE}`);
  }
  // A value that is not JSON has no text.
  const text = printJson(appEvent.data) as string | undefined;
  if (text === undefined) throw invalid("data", "a JSON value");
  if (Buffer.byteLength(text) > MAX_EVENT_BYTES) {
    const message = `The data of an event takes at most ${String(MAX_EVENT_BYTES)} bytes as JSON.`;
    throw new ServiceError("request.too_large", message, { field: "data" });
  }
  return compact({ target, subtarget, resource, data: parseJson(text, { maxDepth: MAX_EVENT_DEPTH, what: "data" }) });
}

const invalid = (field: string, allowed: string): ServiceError =>
  new ServiceError("request.invalid", `The ${field} of an event must be ${allowed}.`, { field });
