/** The end of a replacement: hooks run, the head moves, the publisher learns how far we are. */
import { compact } from "../../system/compact.ts";
import { pauseAfter } from "../../domain/policy/backoff.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import { bufferedKey } from "../../dynamodb/keys/streams.ts";
import type { StatePart, Publisher, ReadFailure } from "../../peers/publisher.ts";
import type { Json } from "../../system/ports.ts";
import { contradicts, digestsAt } from "../stream/digests.ts";
import { deleteBodies } from "../stream/buffered-run.ts";
import type { Head } from "../stream/head.ts";
import type { HookEvent } from "../../failed-events/hook-event.ts";
import { hookEventOf } from "../hooks/stream-events.ts";
import type { RecoveryProgress } from "../stream/recovery-progress.ts";
import { acknowledge } from "./acknowledge.ts";
import type { HeadFields } from "../stream/stream-changes.ts";
import { nextReconciliation } from "../stream/stream-lives.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { requestedPause } from "../stream/retry-pause.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { Copies } from "../stream/stream-store.ts";
import { stateJson } from "./state-json.ts";

/** A resync callback: its number, and where its state is. */
export interface ResyncCallback {
  readonly sequence: number;
  readonly url?: string;
  readonly data?: Json;
  /** Normalised time of the callback: its repetition is no sign of a publisher that counts again. */
  readonly timestamp?: string;
}

/** A replacement that is written. */
export interface ReplacementResult {
  readonly progress: RecoveryProgress;
  /** The number that the head moves to. */
  readonly at: number;
  readonly stores: boolean;
  /** What was read; absent where the hooks get it from the store. */
  readonly parts?: readonly StatePart[];
  /** The head as it was when the last run began. */
  readonly begun: Head;
  /** False when the target has no readable state. */
  readonly readable: boolean;
  /** The state was read from the publisher, not taken from a callback's `data`. */
  readonly stateRead: boolean;
  /** Numbers are buffered that the publisher had not made when it was asked. */
  readonly beyond: boolean;
  /** The numbers that were buffered before anything was read: their content is in the state. */
  readonly contained: ReadonlySet<number>;
}

/** The pause before a replacement continues after a failed read, ms. */
const STOP_PAUSES = { base: 5_000, most: 5_000 };
/** Pauses between questions to a publisher that says no number at all, ms: to an hour. */
const UNNUMBERED_PAUSES = { base: 5_000, most: 3_600_000 };

/** Runs the hooks, once, and moves the head; the lease is given back. `busy` when it was lost. */
export async function commitReplacement(
  deps: RecoveryDeps,
  marked: Head,
  publisher: Publisher,
  result: ReplacementResult,
): Promise<
  | { readonly is: "resynced"; readonly head: Head; readonly applied: number }
  | { readonly is: "busy"; readonly head: Head }
> {
  const { streams, hooks, log, wake } = deps;
  const { progress, at, begun, readable, stores } = result;
  const { reset } = progress;
  const event = await resyncEvent(deps, marked, result);
  const { starts, hooksPaused: before } = begun;
  const { hooksPaused } = await hooks.runFirst(event, {
    starts,
    hooksPaused: before,
    stateStored: readable && stores,
  });
  const dropped = new Set<number>([...marked.buffered].filter((n) => reset || n <= at));
  const done = await streams.advance(
    marked,
    compact({
      to: at,
      keepLease: false,
      fields: { ...fieldsOf(deps, marked, result), ...(hooksPaused !== before && { hooksPaused }) },
      restart: reset,
      exact: true,
      stateRead: result.stateRead,
      // The request from before the state was read: the commit does not complete a later one.
      completes: progress.rev,
      contradicts: progress.differs,
    }),
    reset ? undefined : copiesWhileRead(deps, marked, result, dropped),
  );
  if (done === undefined) return { is: "busy", head: begun };
  await deleteBodies(deps, begun, [...dropped]);
  await acknowledge(deps, publisher, begun, at);
  if (done.dueAt !== undefined && (done.recoveryRequested !== undefined || done.buffered.size > 0)) await wake(done);
  log.info("resynced", { ...idsOf(begun), sequence: at, reset, read: progress.read });
  return { is: "resynced", head: done, applied: 0 };
}

/** The event of the whole state for the hooks; where no memory has the state, it is read from the store for a hook. */
async function resyncEvent(
  { hooks, state }: RecoveryDeps,
  marked: Head,
  { progress, at, stores, parts, begun, readable }: ReplacementResult,
): Promise<HookEvent> {
  const life = { ...begun, epoch: epochOf(begun, progress), stateVersion: marked.replacedFrom ?? begun.stateVersion };
  const data = readable && parts !== undefined ? stateJson(placeOf(begun.scope), parts) : null;
  const event = hookEventOf(life, "resync", at, data);
  const isInStore = readable && stores && parts === undefined && hooks.handles(event);
  return isInStore ? { ...event, data: await state(event) } : event;
}

function fieldsOf(deps: RecoveryDeps, marked: Head, result: ReplacementResult): HeadFields {
  const { clock, settings } = deps;
  const { progress, at, begun, stateRead } = result;
  const { reset, known, positioned, timestamp } = progress;
  const now = clock.now();
  const before = reset ? {} : { before: begun };
  const isNewer = timestamp !== undefined && timestamp > begun.lastTimestamp;
  const contradicted = begun.contradicted || progress.differs === true;
  return {
    replacing: false,
    replacedFrom: undefined,
    recovery: undefined,
    problem: undefined,
    epoch: epochOf(begun, progress),
    digests: digestsAt(at, { known, ...before, positioned: positioned || !stateRead }),
    // Numbers that the publisher has never made: its next answer decides whether it counts again.
    attempts: result.beyond ? begun.attempts + 1 : 0,
    ...compact({ reconcileAt: nextReconciliation(now, settings.reconcileMs) }),
    ...(stateRead && { coveredTo: at, coveredAt: progress.startedAt }),
    ...(stateRead && contradicted && { contradictionReadAt: progress.startedAt }),
    ...(reset
      ? { lastTimestamp: "", timestampOf: 0 }
      : isNewer && { lastTimestamp: timestamp, timestampOf: progress.floor }),
    ...askAgain(deps, marked, result, now),
  };
}

/** Requests another catch-up where the answers left something open. */
function askAgain(
  { settings, random }: RecoveryDeps,
  marked: Head,
  { progress, at, begun }: ReplacementResult,
  now: number,
): HeadFields {
  // Buffered numbers may belong to either life and are dropped; the publisher may still have those of the new one.
  if (progress.reset && marked.buffered.size > 0) {
    return { recoveryRequested: "catch_up", dueAt: now + settings.gapTimeoutMs };
  }
  if (progress.numbered || progress.positioned || at > 0) return {};
  // No answer gave the newest number: only another poll can show it.
  const attempts = begun.attempts + 1;
  return { recoveryRequested: "catch_up", attempts, dueAt: now + pauseAfter(attempts, UNNUMBERED_PAUSES, random()) };
}

/** Numbers buffered while the state was read may not be in it. */
function copiesWhileRead(
  { table, applier }: RecoveryDeps,
  marked: Head,
  { at, begun, progress, stateRead, contained }: ReplacementResult,
  dropped: Set<number>,
): Copies {
  const { known, positioned } = progress;
  const after: Head = {
    ...marked,
    lastSeq: at,
    digests: digestsAt(at, { known, before: begun, positioned: positioned || !stateRead }),
  };
  return {
    among: (seen: Head): readonly number[] => {
      const copies = [...seen.buffered].filter((n) => n <= at);
      for (const n of copies) dropped.add(n);
      return copies.filter((n) => !contained.has(n));
    },
    differ: async (numbers: readonly number[]): Promise<boolean> => {
      const items = await table.getMany(numbers.map((n) => bufferedKey(marked.key, marked.epoch, n)));
      return items.some((item) => {
        const buffered = applier.fromBuffer(item, marked);
        return buffered !== undefined && contradicts(after, buffered.sequence, buffered.content?.data);
      });
    },
  };
}

const epochOf = (head: Head, { reset }: RecoveryProgress): number => (reset ? Math.max(head.epoch + 1, 1) : head.epoch);

/** How long a replacement that stopped waits before it continues, ms, and whether the publisher asked for it. */
export function pauseAfterStop(
  failure: ReadFailure | undefined,
  now: number,
  random: number,
): { readonly ms: number; readonly asked: boolean } {
  if (failure === undefined || failure.outOfTime === true) return { ms: 0, asked: false };
  const asked = requestedPause(failure, now);
  return asked === undefined ? { ms: pauseAfter(1, STOP_PAUSES, random), asked: false } : { ms: asked, asked: true };
}
