/** Catching up from what the publisher still holds and what is buffered: no state is read, nothing is replaced. */
import { compact } from "../../system/compact.ts";
import { fitsScope } from "../../domain/wire/callback-scope.ts";
import type { DiffRecord } from "../../domain/diff/diff-content.ts";
import { bufferedKey } from "../../dynamodb/keys/streams.ts";
import type { Deadline } from "../../system/ports.ts";
import { isRecounted } from "../stream/contradiction.ts";
import { contradicts } from "../stream/digests.ts";
import type { Head } from "../stream/head.ts";
import type { Polled } from "../../peers/publisher.ts";
import { copiesOf, deleteBodies } from "../stream/buffered-run.ts";
import { noteBegun, withFields } from "../stream/stream-changes.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import type { StreamEvent } from "../stream/stream-event.ts";

type Backlog = Extract<Polled, { is: "backlog" }>;

/** What was applied; the lease is not given back. */
export interface Replayed {
  readonly is: "applied";
  readonly head: Head;
  readonly applied: number;
  /** Up to the publisher's newest number; else a number is missing, or time ran out. */
  readonly complete: boolean;
  readonly outOfTime: boolean;
  /** The `recoveryRevision` that it completes, unless an event of this very run requested more. */
  readonly completes?: number;
}

/** The events that follow what was applied, from backlog and buffer. */
interface Following {
  readonly events: readonly StreamEvent[];
  /** Numbers whose content is not taken from the buffer. */
  readonly unseen: ReadonlySet<number>;
  readonly complete: boolean;
  /** The buffer holds another content than the backlog. */
  readonly differ: boolean;
}

/**
 * Applies backlog and buffer from lastSeq + 1 on, hooks included, under the lease, which stays. Undefined, with nothing
 * applied, when a number is missing before the publisher's newest one; with `upToMissing` what comes before it is applied.
 */
export async function replayBacklog(
  deps: RecoveryDeps,
  head: Head,
  polled: Backlog,
  deadline: Deadline,
  { upToMissing }: { readonly upToMissing: boolean },
): Promise<Replayed | { readonly is: "busy"; readonly head: Head } | undefined> {
  const { streams, applier } = deps;
  const { events, unseen, complete, differ } = await followingEvents(deps, head, polled);
  if (!complete && !upToMissing) return undefined;
  let current = head;
  let applied = 0;
  let outOfTime = false;
  // The run does not complete a recovery that one of its own events requests.
  let completes: number | undefined = head.recoveryRevision;
  const begun = beginsOf(applier, events[0]);
  // From here on another content under the first number is noticed, should this run be cut off.
  if (begun !== undefined && head.begun === undefined) await streams.amend(head.key, noteBegun(head, begun));
  // A body goes only after its number is written: until then the next run needs it.
  const passed: number[] = [];
  try {
    for (const event of events) {
      const { sequence } = event;
      const starts = Math.max(1, current.starts);
      const { fields } = await applier.apply(event, { head: current, starts, prepared: undefined, deadline });
      if (fields?.recoveryRequested !== undefined) completes = undefined;
      const isContradicting = (applied === 0 && differ) || applier.begunOtherwise(event, current);
      applied += 1;
      const moved = await streams.advance(
        current,
        compact({
          to: sequence,
          keepLease: true,
          fields: { ...fields, begun: beginsOf(applier, events[applied]) },
          unseen: unseen.has(sequence) ? [sequence] : [],
          contradicts: isContradicting ? true : undefined,
        }),
        copiesOf(deps, withFields(current, { lastSeq: sequence, ...fields }), unseen.has(sequence) ? [sequence] : []),
      );
      if (moved === undefined) return { is: "busy", head: current };
      if (current.buffered.has(sequence)) passed.push(sequence);
      current = moved;
      outOfTime = applied < events.length && deadline.remaining() <= deps.reserveMs;
      if (outOfTime) break;
    }
  } finally {
    await deleteBodies(deps, head, passed);
  }
  return compact({ is: "applied", head: current, applied, complete: complete && !outOfTime, outOfTime, completes });
}

/** The events from lastSeq + 1 to the publisher's newest, from backlog and buffer, up to the first that is missing. */
async function followingEvents(
  { table, applier }: Pick<RecoveryDeps, "table" | "applier">,
  head: Head,
  polled: Backlog,
): Promise<Following> {
  // A diff that does not fit the subscription counts as missing: the state is read instead.
  const fitting = polled.diffs.filter((diff) => fitsScope(diff, head.scope));
  const backlog = new Map(fitting.map((diff) => [diff.sequence, diff]));
  const following: number[] = [];
  let n = head.lastSeq + 1;
  for (; n <= polled.sequence && (backlog.has(n) || head.buffered.has(n)); n += 1) following.push(n);
  let complete = n > polled.sequence;
  const fromBuffer = following.filter((each) => head.buffered.has(each));
  const items = await table.getMany(fromBuffer.map((each) => bufferedKey(head.key, head.epoch, each)));
  const bodies = new Map(items.map((item) => [item.sk, item]));
  const events: StreamEvent[] = [];
  const unseen = new Set<number>();
  let differ = false;
  for (const each of following) {
    const item = bodies.get(bufferedKey(head.key, head.epoch, each).sk);
    const diff = backlog.get(each);
    const buffered = item === undefined ? undefined : applier.fromBuffer(item, head);
    const polledEvent = diff === undefined ? undefined : eventOf(diff);
    // The content that was acknowledged first counts; the backlog is used where the buffer has no content.
    const event = buffered?.content === undefined ? (polledEvent ?? buffered) : buffered;
    if (event === undefined) {
      complete = false;
      break;
    }
    if (event !== buffered) unseen.add(each);
    // The time of a diff is not always that of the callback that announced it.
    const both = buffered?.content !== undefined && polledEvent !== undefined;
    if (both && !applier.agrees(buffered, polledEvent)) differ = true;
    events.push(event);
  }
  return { events, unseen, complete, differ };
}

const beginsOf = (applier: RecoveryDeps["applier"], event: StreamEvent | undefined): string | undefined =>
  event === undefined ? undefined : applier.begins(event);

/** True when the backlog holds something else than was applied under one of its numbers, or two contents under one. */
export const isContradicted = (head: Head, polled: Backlog): boolean =>
  (polled.others ?? []).length > 0 ||
  polled.diffs.some(
    ({ sequence, data, timestamp }) => contradicts(head, sequence, data) || isRecounted(head, sequence, timestamp),
  );

const eventOf = (diff: DiffRecord): StreamEvent => {
  const { sequence, data, overwritten, timestamp } = diff;
  return compact({ sequence, kind: "diff" as const, content: compact({ data, overwritten }), timestamp });
};
