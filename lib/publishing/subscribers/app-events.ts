/** App events: changes of targets whose state the application keeps itself, sent to their subscribers as any other change is. */
import { compact } from "../../system/compact.ts";
import type { EventAttributes } from "../../domain/diff/change-record.ts";
import { parseJson } from "../../domain/json/json.ts";
import { isOwnName, isTarget, OWN_NAME_RULE } from "../../domain/terms/names.ts";
import { isOwnPath } from "../../domain/terms/own-paths.ts";
import { PROPERTIES, type Scope } from "../../domain/terms/scope.ts";
import { ServiceError } from "../../system/errors.ts";
import type { FanOutResult } from "../../engine/fan-out-result.ts";
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
  /** What was published with it. */
  readonly attributes?: EventAttributes;
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
  const change = { do: "notify", ...checkedEvent(appEvent) } as const;
  const record = { kind: "change", changes: [change] } as const;
  const made = await commits.commit(
    actorId,
    [],
    ({ head }) => ({ records: [record], writes: publishedStateWrites(actorId, head, [change]) }),
    { quiet: true },
  );
  if (made === undefined) throw new RangeError("an app event always writes");
  return await notify(made);
}

/** The event as it is stored. @throws ServiceError request.invalid which names the field, request.too_large */
export function checkedEvent(appEvent: AppEvent): AppEvent {
  const { target, subtarget, resource, attributes } = appEvent;
  if (!isTarget(target)) throw invalid("target", OWN_NAME_RULE);
  if (isOwnPath(target) && target !== PROPERTIES) throw invalid("target", "no path of the service");
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
  const data = parseJson(text, { maxDepth: MAX_EVENT_DEPTH, what: "data" });
  return compact({ target, subtarget, resource, data, attributes });
}

const invalid = (field: string, allowed: string): ServiceError =>
  new ServiceError("request.invalid", `The ${field} of an event must be ${allowed}.`, { field });
