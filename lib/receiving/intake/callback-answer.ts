/** Turns what became of a callback into the answer, and does what the answer promises. */
import { compact } from "../../system/compact.ts";
import { checkCallbackUrl } from "../../domain/wire/callback-scope.ts";
import { leaseIsLive } from "../../dynamodb/lease.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Deadline } from "../../system/ports.ts";
import { isNewer, isRecounted, markContradicted } from "../stream/contradiction.ts";
import { contradicts } from "../stream/digests.ts";
import type { Head } from "../stream/head.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { Delivered } from "../stream/sequencer.ts";
import type { StreamEvent } from "../stream/stream-event.ts";
import type { Sender } from "./callback-access.ts";
import type { Receiving } from "./receiving.ts";

/** The answer to a callback; docs/protocol.md has the table. */
export interface CallbackAnswer {
  readonly status: 200 | 201 | 202;
  readonly body: { readonly result: string; readonly sequence?: number; readonly expected?: number };
}

/** The answer to a callback that was sequenced. @throws ServiceError callback.busy, callback.queue_full */
export async function answerOf(
  receiving: Receiving,
  delivered: Exclude<Delivered, { is: "closed" }>,
  event: StreamEvent,
): Promise<CallbackAnswer> {
  if (delivered.is === "unsettled") throw busy();
  const { head } = delivered;
  receiving.log.info("callback", { ...idsOf(head), sequence: event.sequence, result: delivered.is });
  switch (delivered.is) {
    case "processed":
      return { status: 201, body: { result: "processed", sequence: head.lastSeq } };
    case "duplicate":
      await compareDuplicate(receiving, head, event);
      return { status: 200, body: { result: "duplicate", sequence: head.lastSeq } };
    case "pending":
      return expecting("pending", head);
    case "resync_required":
      await startRecovery(receiving, head);
      return expecting("resync_required", head);
    case "full": {
      if (delivered.overdue) await startRecovery(receiving, head);
      const expected = head.lastSeq + 1;
      throw new ServiceError(
        "callback.queue_full",
        `${String(receiving.settings.maxPending)} callbacks are waiting for number ${String(expected)}; send this one again later.`,
        { headers: { "retry-after": "5" }, extra: { expected } },
      );
    }
  }
}

/** Recovery runs on its own, not in the publisher's request: the publisher may be waiting for our answer. */
async function startRecovery({ streams, wake, clock }: Receiving, head: Head): Promise<void> {
  // A failed recovery is retried after its pause, however many callbacks arrive meanwhile.
  const now = clock.now();
  const waits = head.attempts > 0 || head.problem !== undefined || (head.pausedUntil ?? 0) > now;
  if (waits && head.recoveryRequested !== undefined && (head.dueAt ?? 0) > now) return;
  const asked = await streams.requestRecovery(head, "catch_up", now);
  await wake(asked ?? head);
}

/** The content of a number cannot be had: only reading the state helps. */
export async function refuseContent(
  { access, streams, wake }: Receiving,
  sender: Sender,
  sequence: number,
): Promise<CallbackAnswer> {
  const head = await access.open(sender);
  const noted = (await streams.markUnavailable(head, sequence)) ?? head;
  await wake(noted);
  return expecting("resync_required", noted);
}

/**
 * A duplicate that is newer, or other, than what was applied: the publisher has begun to count again, or has given the
 * number twice. Either way the copy is not what the publisher means, and its state is read.
 */
export async function compareDuplicate(
  { streams, wake, clock, settings, log }: Receiving,
  head: Head,
  { sequence, timestamp, content }: Pick<StreamEvent, "sequence" | "timestamp" | "content">,
): Promise<void> {
  // A number that a state read covered was never applied, so its time is compared with that of the read.
  const newer = isNewer(head, { sequence, timestamp });
  if (!newer && !isRecounted(head, sequence, timestamp) && !contradicts(head, sequence, content?.data)) return;
  // The stream is marked already, and no read that may have begun before this callback is under way.
  const isRead = head.replacing || leaseIsLive(head.lease, clock.now(), settings.incarnation);
  if (head.contradicted && !isRead) return;
  log.warn("a duplicate differs from what was applied; the state will be read", { ...idsOf(head), sequence });
  await markContradicted({ streams, wake, clock }, head);
}

/** Checks that a callback's URL lies at its publisher. @throws ServiceError when it does not, or without a trust */
export async function checkUrl(
  { publishers, access }: Receiving,
  sender: Sender,
  url: string,
  deadline: Deadline,
): Promise<void> {
  const publisher = await publishers(sender.actorId, sender.peerId, deadline);
  if (publisher === undefined) await access.trusted(sender);
  else checkCallbackUrl(url, publisher.baseUri);
}

/** Accepted and not applied yet. */
export const expecting = (result: "pending" | "resync_required", head: Head): CallbackAnswer => ({
  status: 202,
  body: { result, expected: head.lastSeq + 1 },
});

export const busy = (cause?: unknown): ServiceError =>
  new ServiceError(
    "callback.busy",
    "This callback could not be processed now, and nothing of it was recorded; send it again.",
    compact({ headers: { "retry-after": "1" }, cause }),
  );
