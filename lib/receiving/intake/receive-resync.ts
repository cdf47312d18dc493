/** A resync callback for the whole of its subscription: a recovery, from what the callback brings or names. */
import { compact } from "../../system/compact.ts";
import type { ParsedCallback } from "../../domain/wire/callback-body.ts";
import type { Deadline } from "../../system/ports.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { Head } from "../stream/head.ts";
import { recoverStream } from "../recovery/recover-stream.ts";
import type { Sender } from "./callback-access.ts";
import { busy, compareDuplicate, expecting, type CallbackAnswer } from "./callback-answer.ts";
import type { Receiving } from "./receiving.ts";

type ParsedResync = Extract<ParsedCallback, { kind: "resync" }>;

/** A resync callback, the head that it is about, and whether the scope that it names is the subscription's own. */
interface WholeResync {
  readonly parsed: ParsedResync;
  readonly head: Head;
  /** Otherwise its `url` and `data` are not used. */
  readonly isExact: boolean;
}

/** Takes in a resync of the whole subscription, whose scope and URL are checked. @throws ServiceError as `receiveCallback` */
export async function receiveResync(
  receiving: Receiving,
  sender: Sender,
  { parsed, head, isExact }: WholeResync,
  deadline: Deadline,
): Promise<CallbackAnswer> {
  const { access, log, streams, clock } = receiving;
  const { sequence, timestamp, url, data } = parsed;
  if (sequence <= head.lastSeq) return await repeated(receiving, head, parsed);
  if (head.recovery !== undefined || (head.pausedUntil ?? 0) > clock.now())
    return await defer(receiving, head, sequence);
  const source = isExact ? compact({ url, data }) : {};
  const callback = { ...compact({ sequence, timestamp: timestamp?.sortable }), ...source };
  const recovered = await recoverStream(receiving, head.key, { kind: "resync", callback }, deadline);
  log.info("callback", { ...idsOf(head), sequence, result: recovered.is, type: "resync" });
  switch (recovered.is) {
    case "caught_up":
    case "resynced":
      return { status: 201, body: { result: "processed", sequence: recovered.head.lastSeq } };
    case "busy":
      if (sequence <= recovered.head.lastSeq) return await repeated(receiving, recovered.head, parsed);
      return await followLease(receiving, recovered.head, sequence);
    case "underway":
      return expecting("pending", recovered.head);
    case "failed": {
      const noted = await streams.markUnavailable(recovered.head, sequence);
      return expecting("resync_required", noted ?? recovered.head);
    }
    case "closed":
    case "unknown":
    case "moved":
      await access.explain(sender);
      throw busy();
  }
}

async function repeated(receiving: Receiving, head: Head, parsed: ParsedResync): Promise<CallbackAnswer> {
  await compareDuplicate(receiving, head, parsed);
  return { status: 200, body: { result: "duplicate", sequence: head.lastSeq } };
}

/** Requests the resync, because a state read is under way or may not begin now. */
async function defer({ streams, wake }: Receiving, head: Head, sequence: number): Promise<CallbackAnswer> {
  // This same callback has begun that read.
  const isIts = head.recovery?.floor === sequence;
  const noted = isIts ? head : ((await streams.markUnavailable(head, sequence)) ?? head);
  await wake(noted);
  return expecting("pending", noted);
}

/** Requests the resync while another holder works on the stream; it follows when the lease ends. */
async function followLease({ streams, wake, clock }: Receiving, head: Head, sequence: number): Promise<CallbackAnswer> {
  const noted = await streams.markUnavailable(head, sequence);
  await wake({ key: head.key, dueAt: head.lease?.until ?? clock.now() });
  return expecting("pending", noted ?? head);
}
