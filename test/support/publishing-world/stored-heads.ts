/** The stored heads of inbound subscriptions, and what must hold of each from step to step. */
import { isDelivered, NOTHING_DELIVERED, type DeliveryState } from "../../../lib/domain/log/delivery-state.ts";
import type { SubscriptionState } from "../../../lib/domain/log/subscription-log.ts";
import { inboundHeadKey, logRecordKey } from "../../../lib/dynamodb/keys/publishing.ts";
import type { Item } from "../../../lib/dynamodb/table.ts";
import type { MemoryTable } from "../memory-table.ts";
import type { Ledger, Line } from "./ledger.ts";
import { ACTOR, Violation } from "./violation.ts";

/** The stored head of a subscription. */
export interface StoredHead {
  readonly item: Item;
  readonly state: SubscriptionState;
  readonly delivery: DeliveryState | undefined;
  readonly leaseUntil: number | undefined;
}

/** The head as it is now. */
export function headOf(table: MemoryTable, line: Line): StoredHead | undefined {
  const item = table.itemAt(inboundHeadKey({ ...line.who, actorId: ACTOR }));
  return item === undefined ? undefined : read(item);
}

function read(item: Item): StoredHead {
  const delivery = item["delivery"];
  return {
    item,
    state: JSON.parse(String(item["state"])) as SubscriptionState,
    delivery: typeof delivery === "string" ? (JSON.parse(delivery) as DeliveryState) : undefined,
    leaseUntil: item["leaseToken"] === undefined ? undefined : Number(item["leaseUntil"]),
  };
}

/** True when a record is stored and has not expired. */
export const isThere = (table: MemoryTable, number: number, now: number): boolean =>
  Number(table.itemAt(logRecordKey(ACTOR, number))?.["ttl"] ?? 0) * 1_000 > now;

/** Follows the heads of all subscriptions. */
export class StoredHeads {
  readonly #table: MemoryTable;
  readonly #ledger: Ledger;
  readonly #seen = new Map<string, StoredHead>();
  /** The furthest that a peer has asked to clear, by subscription. */
  readonly #asked = new Map<string, number>();

  /** By subscription: how many of its callbacks were begun when its peer asked for it again. */
  readonly #renewed = new Map<string, number>();
  readonly #begunOf: (key: string) => number;
  readonly #retentionMs: number;

  constructor(
    table: MemoryTable,
    ledger: Ledger,
    { begunOf, retentionMs }: { readonly begunOf: (key: string) => number; readonly retentionMs: number },
  ) {
    this.#table = table;
    this.#ledger = ledger;
    this.#begunOf = begunOf;
    this.#retentionMs = retentionMs;
  }

  /** A peer asks that its numbers up to one go. */
  askedToClear(peerId: string, id: string, upTo: number): void {
    const key = `${peerId} ${id}`;
    this.#asked.set(key, Math.max(upTo, this.#asked.get(key) ?? 0));
  }

  /** After every step. @throws Violation */
  follow(now: number): void {
    for (const [key, line] of this.#ledger.lines) {
      const item = this.#table.itemAt(inboundHeadKey({ ...line.who, actorId: ACTOR }));
      if (item === undefined) throw new Violation(`${line.name}: the log names it, and its head is not there (P1).`);
      const before = this.#seen.get(key);
      if (before?.item === item) continue;
      const head = read(item);
      this.#seen.set(key, head);
      this.#checkRefusal(key, line, before?.item, item, now);
      if (before !== undefined) this.#compare(key, line, before, head);
      const after = before?.state.cursor ?? line.begun;
      line.follow(head.state, after, this.#isLost(after + 1, head.state.cursor, now));
    }
    for (const key of this.#seen.keys()) if (!this.#ledger.lines.has(key)) this.#seen.delete(key);
  }

  /**
   * A subscription that its peer refuses is due, and one that its peer asks for again is not delayed by an earlier
   * answer.
   */
  #checkRefusal(key: string, line: Line, before: Item | undefined, after: Item, now: number): void {
    if ((after["refused"] === undefined) !== (after["dueAt"] === undefined))
      throw new Violation(`${line.name}: refused and due do not go together: ${JSON.stringify(after["refused"])}.`);
    if (after["renewed"] !== before?.["renewed"]) this.#renewed.set(key, this.#begunOf(key));
    const again = JSON.stringify(after["refused"]) !== JSON.stringify(before?.["refused"]);
    const wasAsked = this.#renewed.get(key);
    if (again && Number(after["dueAt"]) > now && wasAsked !== undefined && this.#begunOf(key) === wasAsked)
      throw new Violation(`${line.name}: its peer has asked for it again, and is put off by what it answered before.`);
  }

  #compare(key: string, line: Line, before: StoredHead, after: StoredHead): void {
    const [old, now] = [before.state, after.state];
    if (now.cursor < old.cursor || now.sequence < old.sequence || now.cleared < old.cleared)
      throw new Violation(`${line.name}: went back from ${JSON.stringify(old)} to ${JSON.stringify(now)} (P2).`);
    const [had, has] = [before.delivery ?? NOTHING_DELIVERED, after.delivery ?? NOTHING_DELIVERED];
    if (has.tried < had.tried) throw new Violation(`${line.name}: what was tried is forgotten (P5).`);
    for (let number = now.cleared + 1; number <= old.sequence; number += 1) {
      if (isDelivered(had, number) && !isDelivered(has, number))
        throw new Violation(`${line.name}: it is forgotten that ${String(number)} was delivered (P5).`);
    }
    // A number is removed when it was delivered, when its peer cleared it, or when one resync stands for it.
    if (now.runs[0]?.resync !== undefined && now.sequence > old.sequence) return;
    const asked = this.#asked.get(key) ?? 0;
    for (let number = Math.max(old.cleared, asked) + 1; number <= now.cleared; number += 1) {
      if (!isDelivered(has, number))
        throw new Violation(`${line.name}: ${String(number)} went and was not delivered (P5).`);
    }
  }

  /**
   * True when a record between has expired, whether it is deleted yet or not.
   * @throws Violation for one that was deleted although a stored head had not passed it
   */
  #isLost(first: number, last: number, now: number): boolean {
    for (let number = first; number <= last; number += 1) {
      if (isThere(this.#table, number, now)) continue;
      const at = Date.parse(this.#ledger.records[number - 1]?.at ?? "");
      if (at + this.#retentionMs <= now) return true;
      throw new Violation(`Record ${String(number)} is deleted, and a subscription has not passed it (P5).`);
    }
    return false;
  }
}
