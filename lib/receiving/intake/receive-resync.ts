/** A resync callback: sequenced like a diff when it names less than its subscription covers, else a recovery. */
import { compact } from "../../system/compact.ts";
import { checkScope } from "../../domain/wire/callback-scope.ts";
import type { ParsedCallback } from "../../domain/wire/callback-body.ts";
import type { Deadline } from "../../system/ports.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { Head } from "../stream/head.ts";
import { recoverStream } from "../recovery/recover-stream.ts";
import { eventOf } from "./callback-events.ts";
import type { SentBody } from "./callback-events.ts";
import type { Sender } from "./callback-access.ts";
import { busy, checkUrl, compareDuplicate, deliverEvent, expecting } from "./deliver-event.ts";
import type { CallbackAnswer } from "./deliver-event.ts";
import type { Receiving } from "./receiving.ts";

type ParsedResync = Extract<ParsedCallback, { kind: "resync" }>;

/** Takes one resync callback in. @throws ServiceError as `receiveCallback` */
export async function receiveResync(
  receiving: Receiving,
  sender: Sender,
  parsed: ParsedResync,
  sent: SentBody,
  deadline: Deadline,
): Promise<CallbackAnswer> {
  const { access, log, streams, clock } = receiving;
  const head = await access.open(sender);
  const scope = checkScope(parsed, head.scope);
  if (parsed.url !== undefined) await checkUrl(receiving, sender, parsed.url, deadline);
  if (scope.narrower) {
    const event = eventOf(parsed, sent, head.scope);
    if (event !== undefined) return await deliverEvent(receiving, sender, event, deadline);
  }
  const { sequence, timestamp, url, data } = parsed;
  if (sequence <= head.lastSeq) return await repeated(receiving, head, parsed);
  if (head.recovery !== undefined || (head.pausedUntil ?? 0) > clock.now())
    return await defer(receiving, head, sequence);
  const source = scope.exact ? compact({ url, data }) : {};
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
async function defer({ streams, wakeUps }: Receiving, head: Head, sequence: number): Promise<CallbackAnswer> {
  // This same callback has begun that read.
  const isIts = head.recovery?.floor === sequence;
  const noted = isIts ? head : ((await streams.markUnavailable(head, sequence)) ?? head);
  await wakeUps.schedule(noted);
  return expecting("pending", noted);
}

/** Requests the resync while another holder works on the stream; it follows when the lease ends. */
async function followLease(
  { streams, wakeUps, clock }: Receiving,
  head: Head,
  sequence: number,
): Promise<CallbackAnswer> {
  const noted = await streams.markUnavailable(head, sequence);
  await wakeUps.schedule({ key: head.key, dueAt: head.lease?.until ?? clock.now() });
  return expecting("pending", noted ?? head);
}
