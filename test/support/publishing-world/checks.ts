/** What must hold of a simulated publisher: P1, P2, P4, P5 as checks on its table, and on what its peers received. */
import { sameJson } from "../../../lib/domain/json/canonical-json.ts";
import type { LogRecord } from "../../../lib/domain/diff/change-record.ts";
import { NOTHING_DELIVERED, undelivered } from "../../../lib/domain/log/delivery-state.ts";
import { isArray } from "../../../lib/domain/json/json.ts";
import { narrowerPlaces } from "../../../lib/domain/diff/overlap.ts";
import { locate, recordsFor } from "../../../lib/domain/log/render-backlog.ts";
import { placeOf } from "../../../lib/domain/terms/scope.ts";
import { readsOf } from "../../../lib/domain/policy/visibility.ts";
import { trustKey } from "../../../lib/dynamodb/keys/actors.ts";
import {
  PEER_MARKER_PREFIX,
  logHeadKey,
  logRecordKey,
  ownPropertyKey,
  recordPartition,
} from "../../../lib/dynamodb/keys/publishing.ts";
import type { MemoryTable } from "../memory-table.ts";
import { visibleState, withoutShells } from "../shaped-world.ts";
import { headOf, isThere, type StoredHead } from "./stored-heads.ts";
import type { Ledger } from "./ledger.ts";
import type { ModelPeer } from "./model-peer.ts";
import type { Said, Subscription } from "./peer-subscription.ts";
import { ACTOR, Violation } from "./violation.ts";

/** Takes the records that have come into the log, and holds what is stored of the properties against them (P1). */
export function absorbRecords(table: MemoryTable, ledger: Ledger): void {
  const newest = Number(table.itemAt(logHeadKey(ACTOR))?.["newest"] ?? 0);
  if (newest === ledger.newest) return;
  const names = new Set<string>();
  while (ledger.newest < newest) {
    const record = recordIn(table, ledger.newest + 1);
    if (record === undefined) throw new Violation(`Record ${String(ledger.newest + 1)} was never written (P1).`);
    ledger.add(record);
    for (const name of namesIn(record)) names.add(name);
  }
  for (const name of names) checkProperty(table, ledger, name);
}

function recordIn(table: MemoryTable, number: number): LogRecord | undefined {
  const item = table.itemAt(logRecordKey(ACTOR, number));
  if (item === undefined) return undefined;
  const parts = Array.from({ length: Number(item["parts"]) }, (_, part) =>
    table.itemAt(logRecordKey(ACTOR, number, part)),
  );
  return JSON.parse(parts.map((part) => String(part?.["text"])).join("")) as LogRecord;
}

function namesIn(record: LogRecord): readonly string[] {
  if (record.kind !== "change") return [];
  return record.changes.flatMap((change) =>
    change.do === "set" || change.do === "delete" ? change.path.slice(0, 1) : [],
  );
}

function checkProperty(table: MemoryTable, ledger: Ledger, name: string): void {
  const expected = ledger.state.get(name);
  if (expected !== undefined && isArray(expected)) return;
  const item = table.itemAt(ownPropertyKey(ACTOR, name));
  const cleared = Number(table.itemAt(logHeadKey(ACTOR))?.["cleared"] ?? 0);
  const text = item === undefined || Number(item["last"]) <= cleared ? undefined : String(item["text"]);
  const requested = expected === undefined ? undefined : JSON.stringify(expected);
  if (
    text === requested ||
    (text !== undefined && expected !== undefined && sameJson(JSON.parse(text) as never, expected))
  )
    return;
  throw new Violation(`Property ${name} is ${String(text)}, the log says ${String(requested)} (P1).`);
}

/** A peer receives under a number what the log says of it, and nothing hidden (P1, P2). */
export function checkReceived(
  ledger: Ledger,
  peerId: string,
  id: string,
  sequence: number,
  said: Said,
  since: number,
): void {
  const line = ledger.line(peerId, id) ?? ledger.ended.get(`${peerId} ${id}`);
  const name = `${peerId}/${id} ${String(sequence)}`;
  if (line === undefined) throw new Violation(`${name}: a callback of a subscription that never was.`);
  const entry = line.entries[sequence - 1];
  if (entry === undefined) throw new Violation(`${name}: sent before it was made, or made by no change (P1).`);
  if (entry.said === "resync") {
    // For peers without support of resyncs, and in a poll, a resync is the whole state under that number.
    if (said === "resync" || said.overwritten.includes("")) return;
    throw new Violation(`${name}: a resync was sent as ${JSON.stringify(said)}.`);
  }
  if (said === "resync") return;
  const allowed = ledger.contentsOf(line, entry, since);
  if (allowed.some((content) => sameJson(content, said))) return;
  throw new Violation(
    `${name}: sent ${JSON.stringify(said)}, the log says ${JSON.stringify(allowed.at(-1))} (P1, P2).`,
  );
}

/** At the end: the copy of a subscriber is what it may see. */
export function checkCopy(ledger: Ledger, peer: ModelPeer, subscription: Subscription): void {
  const line = ledger.line(peer.id, subscription.id);
  if (line === undefined || subscription.scope.target !== "properties") return;
  const name = `${peer.id}/${subscription.id} on /${[subscription.scope.subtarget, subscription.scope.resource].join("/")}`;
  if (subscription.isStale) throw new Violation(`${name}: its state could not be read with a position (P6).`);
  if (subscription.last !== line.entries.length)
    throw new Violation(`${name}: at ${String(subscription.last)} of ${String(line.entries.length)}.`);
  const all = ledger.scopesOf(peer.id);
  const own = all.find(({ id }) => id === subscription.id);
  if (own === undefined) return;
  const narrower = narrowerPlaces(own, all);
  const reads = readsOf(ledger.permissionsOf(peer.id));
  const replica = withoutShells(subscription.copy.value(narrower), placeOf(own), reads);
  const published = withoutShells(visibleState(ledger.state, own, all, reads), placeOf(own), reads);
  if (!sameJson(replica, published))
    throw new Violation(`${name}: holds ${JSON.stringify(replica)}, published is ${JSON.stringify(published)} (P1).`);
}

/** True when no work is left. */
export function unrest(
  table: MemoryTable,
  ledger: Ledger,
  now: number,
  isStubborn: (peerId: string, id: string) => boolean,
): string | undefined {
  for (const line of ledger.lines.values()) {
    const head = headOf(table, line);
    if (head === undefined) return `${line.name} has no head`;
    const { state, delivery, leaseUntil, item } = head;
    // A subscription that is never taken has its own times, and delays none of the others.
    if (isStubborn(line.who.peerId, line.who.id)) continue;
    if (item["refused"] !== undefined) return `${line.name} is refused`;
    if (leaseUntil !== undefined && leaseUntil > now) return `${line.name} is leased`;
    // Polls move what only polls.
    if (line.state.granularity !== "none" && line.pendingAfter(state.cursor))
      return `${line.name} has not moved to the log's end`;
    const missing = untellable(table, head, now);
    if (missing !== undefined) return `${line.name}: number ${String(missing)} can be rendered nowhere`;
    if (line.state.granularity !== "none" && (delivery?.tried ?? 0) < state.sequence && state.cleared < state.sequence)
      return `${line.name}: ${String(delivery?.tried ?? 0)} of ${String(state.sequence)} were tried`;
  }
  return undefined;
}

/**
 * Without faults and with healthy peers nothing is left for the sweep: every number was sent when its change was answered
 * (P3), once.
 */
export function checkSent(table: MemoryTable, ledger: Ledger): void {
  for (const line of ledger.lines.values()) {
    const head = headOf(table, line);
    // A peer that left without fetching the diff of a low callback gets nothing for a while.
    if (head === undefined || line.state.granularity === "none" || isLeftAlone(table, line.who.peerId)) continue;
    // Nor does one whose trust is ending: a request that met other writers for too long leaves its subscriptions to the sweep.
    if (table.itemAt(trustKey(ACTOR, line.who.peerId))?.["ending"] === true) continue;
    const tried = Math.max(head.delivery?.tried ?? 0, head.state.cleared);
    if (line.pendingAfter(head.state.cursor) || tried < head.state.sequence)
      throw new Violation(
        `${line.name}: ${String(tried)} of ${String(head.state.sequence)} were sent, and no delivery is under way.`,
      );
  }
}

/** True for a peer whose breaker is open, or that is yet to be sent what it missed. */
export function isLeftAlone(table: MemoryTable, peerId: string): boolean {
  const trust = table.itemAt(trustKey(ACTOR, peerId));
  return trust?.["breakerOpenUntil"] !== undefined || trust?.["breakerReplay"] !== undefined;
}

/** A peer that was left alone for a while has all that it missed, or a resync for it (P4). */
export function checkReplayed(table: MemoryTable, ledger: Ledger, peerId: string): void {
  const missed = missedBy(table, ledger, peerId);
  if (missed !== undefined) throw new Violation(`${missed} was not sent again (P4).`);
}

/** The numbers that a peer has neither taken nor acknowledged. */
export function missedBy(table: MemoryTable, ledger: Ledger, peerId: string): string | undefined {
  for (const line of ledger.lines.values()) {
    const head = line.who.peerId === peerId ? headOf(table, line) : undefined;
    if (head === undefined || line.state.granularity === "none") continue;
    const open = undelivered(head.delivery ?? NOTHING_DELIVERED, head.state.sequence);
    const [missed] = open.filter(([, to]) => to > head.state.cleared);
    if (missed !== undefined) return `${line.name}: ${String(missed)}`;
  }
  return undefined;
}

/** A number that the peer has not taken and that nothing renders any more. */
function untellable(table: MemoryTable, { state, delivery }: StoredHead, now: number): number | undefined {
  for (const [from, to] of undelivered(delivery ?? NOTHING_DELIVERED, state.sequence)) {
    for (let number = Math.max(from, state.cleared + 1); number <= to; number += 1) {
      const slice = locate(state, number);
      if (slice === undefined) return number;
      const range = recordsFor(slice);
      if (range !== undefined && !isThere(table, range.last, now)) return number;
    }
  }
  return undefined;
}

/** At the very end, with everything delivered and cleared: no superfluous record is kept (P5). */
export function checkDeleted(table: MemoryTable, ledger: Ledger, now: number): void {
  const heads = [...ledger.lines.values()].map((line) => headOf(table, line)?.state);
  const needed = Math.min(
    ...heads.map((state) => Math.min((state?.cursor ?? 0) + 1, state?.runs[0]?.first ?? Infinity)),
  );
  const stored = table.all().filter(({ pk }) => pk === recordPartition(ACTOR));
  const kept = stored.filter(({ sk }) => Number(sk.slice(0, 16)) < needed).length;
  if (kept > 0) throw new Violation(`${String(kept)} records before ${String(needed)} are kept needlessly (P5).`);
  for (const line of ledger.lines.values()) {
    const { runs, sequence } = headOf(table, line)?.state ?? { runs: [], sequence: 0 };
    if (runs.length > 0)
      throw new Violation(`${line.name}: numbers up to ${String(sequence)} are kept, and were cleared (P5).`);
    // An expired lease excludes no holder.
    if ((headOf(table, line)?.leaseUntil ?? 0) > now) throw new Violation(`${line.name}: a lease is left.`);
  }
  const inbound = table.all().filter(({ sk }) => sk.startsWith("IN#")).length;
  const markers = table.all().filter(({ pk, sk }) => pk.startsWith("S#") && !sk.startsWith(PEER_MARKER_PREFIX)).length;
  if (inbound !== ledger.lines.size || markers !== ledger.lines.size)
    throw new Violation(
      `${String(ledger.lines.size)} subscriptions have ${String(inbound)} heads and ${String(markers)} markers.`,
    );
}
