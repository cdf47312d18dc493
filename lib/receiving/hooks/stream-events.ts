/** The hook events that the numbers of a stream make. */
import { compact } from "../../system/compact.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { idOf, type CallbackType, type HookEvent } from "../../failed-events/hook-event.ts";
import type { Json } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";

/** The event of a resync of one place inside a stream's scope. Its id differs from that of the whole scope's event. */
export function partEventOf(head: Head, place: Place, sequence: number, data: Json, timestamp?: string): HookEvent {
  const whole = hookEventOf(head, "resync", sequence, data, timestamp);
  const [subtarget = "", ...path] = place;
  return {
    ...whole,
    id: idOf([whole.id, ...place]),
    subtarget,
    ...compact({ resource: path.length === 0 ? undefined : path.join("/") }),
  };
}

/** The event of one number of a stream. Its id is a digest of what identifies the event. */
export function hookEventOf(
  head: Head,
  callbackType: CallbackType,
  sequence: number,
  data: Json,
  timestamp?: string,
): HookEvent {
  const { actorId, peerId, subscriptionId, epoch, stateVersion } = head;
  const life = callbackType === "resync" ? `${String(epoch)}.${String(stateVersion)}` : String(epoch);
  const { target, subtarget, resource } = head.scope;
  return compact({
    id: idOf([actorId, peerId, subscriptionId, life, callbackType, String(sequence)]),
    actorId,
    peerId,
    subscriptionId,
    target,
    subtarget,
    resource,
    epoch,
    sequence,
    callbackType,
    data,
    timestamp: timestamp === "" ? undefined : timestamp,
  });
}
