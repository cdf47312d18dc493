/** What must hold of a simulated stream: R1 to R5 as checks on its table and on the runs of its hooks. */
import { parseWatermark } from "../../../lib/domain/log/watermark.ts";
import { failedEventPrefix } from "../../../lib/dynamodb/keys/failed-events.ts";
import { outboundHeadKey, bufferedKey } from "../../../lib/dynamodb/keys/streams.ts";
import { CLOCK_SKEW_MS } from "../../../lib/dynamodb/lease.ts";
import { readHead, type Head } from "../../../lib/receiving/stream/head.ts";
import type { HookEvent } from "../../../lib/failed-events/hook-event.ts";
import type { MemoryTable } from "../memory-table.ts";
import type { ModelPublisher } from "./model-publisher.ts";

/** How long an instance works, ms. */
export const DEADLINE_MS = 30_000;
/** What a lease lasts beyond it, with as much again for clocks that differ. */
const LONGEST_LEASE_MS = DEADLINE_MS + 2 * CLOCK_SKEW_MS;

/** What the simulation exists to find. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** The one stream of a simulated world. */
export const KEY = outboundHeadKey({ actorId: "actor", peerId: "peer", subscriptionId: "sub" });

/** The stream's head as it is. @throws Violation when it is gone */
export function headIn(table: MemoryTable): Head {
  const item = table.itemAt(KEY);
  if (item === undefined) throw new Violation("The head is gone.");
  return readHead(item);
}

/** How many hook events wait for another start. */
export function failedEventsIn(table: MemoryTable): number {
  return table.all().filter((each) => each.sk.startsWith(failedEventPrefix())).length;
}

/**
 * After every step: R5 (slots, and none for what is applied), that pending work is due in time (R4), and that each slot has
 * its body (R1). `now` is the latest time that the clock has shown: it may go back.
 */
export function checkHead(table: MemoryTable, maxPending: number, now: number): void {
  const head = headIn(table);
  if (head.buffered.size === 0) return;
  if (head.buffered.size > maxPending) throw new Violation("More pending than allowed (R5).");
  if (head.dueAt === undefined) throw new Violation("Pending, but never due (R4).");
  if (head.dueAt === head.reconcileAt) throw new Violation("Pending, but due only at reconciliation (R4).");
  checkNextIsDue(head, now);
  for (const n of head.buffered) {
    if (n <= head.lastSeq) throw new Violation(`Number ${String(n)} is applied and still has a slot (R5).`);
    if (table.itemAt(bufferedKey(KEY, head.epoch, n)) === undefined) {
      throw new Violation(`Number ${String(n)} has a slot without its body (R1).`);
    }
  }
}

/** What is next is no gap: its stream is due before the longest lease ends that a holder may have who would apply it. */
function checkNextIsDue({ buffered, lastSeq, replacing, dueAt = Infinity }: Head, now: number): void {
  if (replacing || !buffered.has(lastSeq + 1) || dueAt <= now + LONGEST_LEASE_MS) return;
  throw new Violation(`Number ${String(lastSeq + 1)} is next and due only in ${String(dueAt - now)} ms (R4).`);
}

/** R1: what was acknowledged is applied, or in the buffer. */
export function checkAcknowledged(table: MemoryTable, acknowledged: ReadonlySet<number>): void {
  const head = headIn(table);
  for (const n of acknowledged) {
    if (n > head.lastSeq && !head.buffered.has(n)) {
      throw new Violation(`Number ${String(n)} was acknowledged and is nowhere (R1).`);
    }
  }
}

/** After every step: what was held and was never said to be gone is held. */
export function checkKept(table: MemoryTable, everStored: Set<string>, saidGone: ReadonlySet<string>): void {
  for (const item of table.all()) {
    if (item.pk !== "DATA") continue;
    if (item["gone"] !== true) everStored.add(item.sk);
    else if (everStored.has(item.sk) && !saidGone.has(item.sk)) {
      throw new Violation(`${item.sk} was held, was never said to be gone, and is gone (R2).`);
    }
  }
}

/** When nothing failed and everything was taken in: all is applied and each hook ran once, in order (R2, R3). */
export function checkDone(table: MemoryTable, newest: number, ran: readonly HookEvent[]): void {
  const { lastSeq, buffered } = headIn(table);
  if (lastSeq !== newest || buffered.size > 0) {
    throw new Violation(`At ${String(lastSeq)} of ${String(newest)} with ${[...buffered].join()} pending (R3).`);
  }
  const hookRuns = ran.map(({ callbackType, sequence }) => `${callbackType} ${String(sequence)}`).join();
  const expected = Array.from({ length: newest }, (_, index) => `diff ${String(index + 1)}`).join();
  if (hookRuns !== expected) throw new Violation(`Hooks ran for ${hookRuns} (R3).`);
}

/** R2: what is stored is what the publisher has, but for what it has never said. */
export function checkStored(table: MemoryTable, publisher: ModelPublisher): void {
  const unsaid = new Set(publisher.neverSaid.flatMap(({ data }) => Object.keys(data)));
  const isSaid = ([name]: readonly [string, unknown]): boolean => !unsaid.has(name);
  const items = table.all().filter((item) => item.pk === "DATA" && item["gone"] !== true);
  const stored = items.map((item) => [item.sk, item["value"]] as const).filter(isSaid);
  const all: readonly (readonly [string, unknown])[] = [
    ...publisher.scalars,
    ...(publisher.list.length > 0 ? [["l", publisher.list] as const] : []),
  ];
  const [replica, published] = [JSON.stringify(stored.sort()), JSON.stringify(all.filter(isSaid).sort())];
  if (replica !== published) throw new Violation(`Stored ${replica}, published ${published} (R2).`);
}

/** True when parts of the copy contain numbers that the rest of it does not. */
export function isAhead(table: MemoryTable): boolean {
  const { lastSeq } = headIn(table);
  return table.all().some((item) => item.pk === "DATA" && parseWatermark(String(item["watermark"])).sequence > lastSeq);
}

/** R2: hooks ran for each number up to `newest`, or for a resync that covers it. */
export function checkHooksRan(ran: readonly HookEvent[], newest: number): void {
  const of = (type: HookEvent["callbackType"]) =>
    ran.filter(({ callbackType }) => callbackType === type).map(({ sequence }) => sequence);
  const hookRuns = new Set(of("diff"));
  for (let n = Math.max(0, ...of("resync")) + 1; n <= newest; n += 1) {
    if (!hookRuns.has(n)) throw new Violation(`No hook ran for number ${String(n)} (R2).`);
  }
}

/**
 * R2: the first attempts of one life came in order. The hook of a part that is read again runs between them, at no
 * number of its own.
 */
export function checkFirstAttempts(ran: readonly HookEvent[]): void {
  let newest = 0;
  const seen = new Set<string>();
  for (const { id, sequence, subtarget } of ran) {
    if (seen.has(id) || subtarget !== undefined) continue;
    seen.add(id);
    if (sequence < newest) throw new Violation(`Hook of ${String(sequence)} after ${String(newest)} (R2).`);
    newest = sequence;
  }
}
