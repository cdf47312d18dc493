/**
 * The delivery of one number without a lease, by the only request that has one to send: one update, after the callback,
 * stores cursor and delivery together.
 */
import {
  MAX_RANGES,
  delivered,
  isDelivered,
  tried,
  withoutCleared,
  type DeliveryState,
} from "../../domain/log/delivery-state.ts";
import type { PropertyPermissions } from "../../domain/policy/permissions.ts";
import { recordOf } from "../../domain/log/render-backlog.ts";
import type { Commit } from "../../change-log/log-commits.ts";
import { isAsMade, type Advanced, type RenderedDiff } from "../../domain/log/subscription-log.ts";
import { fits, withoutLeft, type CursorStore } from "../subscribers/cursor-store.ts";
import { changeHead, isSameLife, noteAlone, readInboundHead, type InboundHead } from "../subscribers/inbound-head.ts";
import type { Records } from "../subscribers/rendered-diffs.ts";
import type { Clock } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import { BACKGROUND_MS, type DeliveryBudget } from "../../engine/delivery-budget.ts";
import { untilAnswered, type SessionDeps } from "./delivery-session.ts";
import { afterLostRace, type LostRace } from "./lost-race.ts";
import { NumberSender, type Tried } from "./number-sender.ts";
import { Recipient } from "./recipient.ts";
import { RefusalNotes } from "./refusal-notes.ts";
import type { RoundOutcome } from "./round-outcome.ts";
import { diffsToSend, firstOf } from "./session-backlog.ts";

/** What a delivery may take beside its time-out, ms: until it begins, and for its note. */
const MARGIN_MS = 5_000;
/** Attempts at one note: each that fails lost to another writer's success. */
const MOST_ATTEMPTS = 50;

/** What a commit needs to be delivered without leases. */
export interface Alone {
  /** Its first record. */
  readonly from: number;
  /** A delivery that begins later, ms since 1970, may take longer than the next commit expects of it. */
  readonly until: number;
  /** True once this process has a later commit: that one takes leases, and would send the number again. */
  readonly isMet: () => boolean;
}

/**
 * Set for a commit while no delivery of an earlier record is under way: the record before its own is older than a
 * delivery can take.
 *
 * @param options.timeoutMs the longest that one callback takes
 * @param options.retries how often it may be repeated, as long as there is time
 * @param isMet as in the result
 */
export function aloneOf(
  { head, records }: Commit,
  { clock, timeoutMs, retries }: { readonly clock: Clock; readonly timeoutMs: number; readonly retries: number },
  isMet: Alone["isMet"],
): Alone | undefined {
  const [first] = records;
  const now = clock.now();
  const repeatsMs = retries === 0 ? 0 : BACKGROUND_MS;
  const isQuiet = head.at / 1_000 < now - timeoutMs - MARGIN_MS - repeatsMs;
  return first !== undefined && isQuiet ? { from: first.number, until: now + MARGIN_MS, isMet } : undefined;
}

export interface LoneDeps extends SessionDeps {
  readonly cursors: Pick<CursorStore, "preview" | "makeResync" | "isLeased">;
  readonly incarnation: string;
}

export interface LoneInput {
  /** As it is stored, without a live lease. */
  readonly head: InboundHead;
  /** Where it stands at the log's end, when that is known. */
  readonly ahead?: Advanced | undefined;
  /** Of a commit that is alone. */
  readonly alone?: Alone | undefined;
  readonly trust: TrustRecord;
  readonly time: DeliveryBudget;
  readonly records: Records;
}

/** The one number that a commit made and that no earlier one waits for; undefined when a lease is needed. */
function onlyNumber(head: InboundHead, { state }: Advanced, { from }: Alone): number | undefined {
  const { sequence, granularity, ended, cleared } = state;
  const { tried: newest, ranges } = withoutCleared(head.delivery, cleared);
  if (head.refused !== undefined || ended || granularity === "none" || ranges.length >= MAX_RANGES) return undefined;
  if (sequence !== newest + 1 || (recordOf(state, sequence) ?? 0) < from || !fits(state)) return undefined;
  return sequence;
}

/**
 * Sends the number that the request made, and notes the result: one update when no other writer was there meanwhile, none
 * when nothing may go to the peer. Undefined, with nothing sent, when a lease is needed: the commit is not alone, or the
 * subscription has something else to send, or is refused.
 */
export async function deliverAlone(deps: LoneDeps, input: LoneInput): Promise<RoundOutcome | undefined> {
  const { breakers, wakeHead, ended } = deps;
  const { head, ahead, alone, trust, time, records } = input;
  if (ahead === undefined || alone === undefined || alone.isMet() || deps.clock.now() > alone.until) return undefined;
  const sequence = onlyNumber(head, ahead, alone);
  if (sequence === undefined) return undefined;
  const recipient = new Recipient(deps, trust);
  const at = { ...head, state: ahead.state };
  const { made } = ahead;
  let rendered: RenderedDiff | undefined;
  let by: PropertyPermissions | undefined;
  for (;;) {
    // Again after the number was rendered, because the log may have been read slowly.
    const kept = await recipient.keptFrom();
    if (kept !== undefined) return { kind: kept === "paused" ? "deferred" : "skipped" };
    if (rendered !== undefined && recipient.permissions === by) break;
    by = recipient.permissions;
    // While the peer may read what it might at the record, it gets what the record made.
    const isAsAhead = made !== undefined && isAsMade(at.state, made, by);
    rendered = isAsAhead ? made : await firstOf(diffsToSend(recipient, at, { from: sequence, to: sequence, records }));
    if (rendered?.sequence !== sequence) return undefined;
  }
  if (!time.mayStart()) return { kind: "deferred", unfinished: 0 };
  const refusal = new RefusalNotes(deps, head);
  const sender = new NumberSender(deps, { head, recipient, refusal, time });
  const sent = await sender.send(at, rendered);
  let noted: "written" | LostRace = "done";
  try {
    if (sent.is === "taken") await breakers.answered(recipient.trust, recipient.breaker);
    if (sent.is === "failed") await breakers.failed(recipient.trust);
  } finally {
    // A number that was tried must not be tried again because something else failed.
    if (sent.is !== "polls" && (sent.is !== "later" || refusal.noted !== undefined)) {
      noted = await note(deps, { head, ahead }, { sequence, sent, refusal });
    }
  }
  // When the instance dies here, the head's due time does the same. What is not stored the next delivery learns again.
  if (noted === "written" && sender.hasEnded) await ended(head);
  else if (noted === "written" && refusal.retryAt !== undefined) await wakeHead(head, refusal.retryAt);
  const [failure] = sender.failures;
  if (failure !== undefined) return { kind: "failed", failure };
  if (sent.is !== "taken") return { kind: "skipped" };
  return { kind: noted === "leave" ? "deferred" : "delivered" };
}

/** Stores what became of a number. */
async function note(
  deps: LoneDeps,
  { head, ahead }: { readonly head: InboundHead; readonly ahead: Advanced },
  { sequence, sent, refusal }: { sequence: number; sent: Tried; refusal: RefusalNotes },
): Promise<"written" | LostRace> {
  const { table, clock, cursors, incarnation } = deps;
  const record = recordOf(ahead.state, sequence);
  const noted = (delivery: DeliveryState): DeliveryState => {
    if (sent.is === "taken") return delivered(delivery, sequence, sent.leavesAt);
    return sent.is === "later" ? delivery : tried(delivery, sequence);
  };
  const isSettled = ({ state, delivery }: InboundHead): boolean => {
    if (sequence <= state.cleared || isDelivered(delivery, sequence)) return true;
    return sent.is !== "taken" && sequence <= delivery.tried;
  };
  type Seen = Pick<InboundHead, "state"> & { readonly image: InboundHead };
  const attempt = async ({ image, state }: Seen): Promise<{ done: "written" | LostRace } | { found: Seen }> => {
    const now = clock.now();
    const left = withoutLeft(image, state, now);
    const delivery = noted(withoutCleared(image.delivery, left.cleared));
    const change = noteAlone(image, { state: left, delivery }, { noted: refusal.noted, now, incarnation });
    const { written, item } = await untilAnswered(async () => await changeHead(table, image, change));
    const found = item === undefined ? undefined : readInboundHead(item);
    // The answer of the write may have been lost.
    const isOurs =
      found?.version === image.version + 1 &&
      found.createdAt === head.createdAt &&
      found.refused?.nextAt === refusal.noted?.refused?.nextAt &&
      JSON.stringify(found.delivery) === JSON.stringify(delivery);
    if (written || isOurs) return { done: "written" };
    const [next] = found === undefined ? [] : await cursors.preview([found], ahead.state.cursor);
    const outcome = afterLostRace({
      isThere: item !== undefined,
      isSameLife: item !== undefined && isSameLife(item, head),
      isSettled: found !== undefined && isSettled(found),
      isLeased: found !== undefined && cursors.isLeased(found),
      // A refusal is not added to what another has learned meanwhile.
      isSameRecord: next !== undefined && recordOf(next.state, sequence) === record && refusal.noted === undefined,
    });
    if (outcome !== "merge" || found === undefined || next === undefined) return { done: outcome };
    return { found: { image: found, state: next.state } };
  };
  return (await retryOnConflict({ image: head, state: ahead.state }, MOST_ATTEMPTS, attempt)) ?? "leave";
}
