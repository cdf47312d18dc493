/** The writes by which a failed event pauses the hooks of its stream, and lets them resume. */
import type { FailedEventStoreDeps } from "../../failed-events/failed-event-store.ts";
import type { HookEvent } from "../../failed-events/hook-event.ts";
import { outboundHeadKey } from "../../dynamodb/keys/streams.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import { pauseHooks, resumeHooks, writeOf } from "../stream/stream-changes.ts";

/** An event that stops its stream pauses the hooks; with its end the stream is due, so that waiting events run. */
export function hookPauses(table: Pick<Table, "get">): FailedEventStoreDeps<HookEvent>["source"] {
  /** The head of the event's stream while the stream lives. */
  const liveHead = async (event: HookEvent): Promise<Key | undefined> => {
    const key = outboundHeadKey(event);
    return (await table.get(key, { only: ["state"] }))?.["state"] === "live" ? key : undefined;
  };
  return {
    stopped: async (event) => {
      const head = await liveHead(event);
      return head === undefined ? undefined : { update: head, ...writeOf(head, pauseHooks) };
    },
    resolved: async (event, { stops, now }) => {
      const head = stops ? await liveHead(event) : undefined;
      return head === undefined
        ? undefined
        : { write: { update: head, ...writeOf(head, resumeHooks(now)) }, due: head };
    },
  };
}
