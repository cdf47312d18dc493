/**
 * Watches what is sent to peers: first attempts in order, one probe of a peer that was left alone at a time, nothing to one
 * that has asked for a pause.
 */
import { isObject } from "../../../lib/domain/json/json.ts";
import { trustKey } from "../../../lib/dynamodb/keys/actors.ts";
import type { Item } from "../../../lib/dynamodb/table.ts";
import type { PeerRequest } from "../../../lib/system/ports.ts";
import type { MemoryTable } from "../memory-table.ts";
import type { Ledger } from "./ledger.ts";
import type { ModelPeer } from "./model-peer.ts";
import type { Plan } from "./plan.ts";
import { ACTOR, Violation } from "./violation.ts";

/**
 * The longest that an instance may miss a pause that another stored, ms: its cache is a second old, and its steps wait.
 */
const UNKNOWN_MS = 15_000;

export class Deliveries {
  readonly #plan: Plan;
  /** By peer: its trust as it was after the last step. */
  readonly #trusts = new Map<string, Item>();
  readonly #table: MemoryTable;
  /** By peer: until when it is paused, and since when that is stored. */
  readonly #pauses = new Map<string, { readonly until: number; readonly since: number }>();
  /** How many callbacks of a subscription were begun. */
  readonly #begun = new Map<string, number>();
  /** By subscription: the numbers that were tried, each with the time of its first try. */
  readonly #tried = new Map<string, { readonly numbers: Map<number, number>; newest: number }>();

  /** Says which numbers of requests that take no lease may be sent again, or late, because another meets them. */
  readonly #ledger: Pick<Ledger, "mayComeTwice" | "mayComeLate">;

  constructor(table: MemoryTable, plan: Plan, ledger: Pick<Ledger, "mayComeTwice" | "mayComeLate">) {
    this.#table = table;
    this.#plan = plan;
    this.#ledger = ledger;
  }

  /** Something is sent; call what is returned when its answer is there. @throws Violation */
  begin(peer: ModelPeer, request: PeerRequest, now: number): () => void {
    const sent = callbackOf(request);
    if (sent !== undefined) {
      this.#note(peer, sent, now);
      const key = `${peer.id} ${sent.id}`;
      this.#begun.set(key, this.begunOf(key) + 1);
      const pause = this.#pauses.get(peer.id);
      if (pause !== undefined && pause.until > now && now - pause.since > UNKNOWN_MS && !this.#plan.jumpy)
        throw new Violation(`${key}: ${String(sent.sequence)} is sent although the peer has asked for a pause.`);
    }
    peer.inFlight += 1;
    return () => {
      peer.inFlight -= 1;
    };
  }

  /** How many callbacks of a subscription were begun, by its peer's and its own id. */
  begunOf(key: string): number {
    return this.#begun.get(key) ?? 0;
  }

  /** After every step. @throws Violation when a probe begins before its time, or beside another */
  watch(peer: ModelPeer, now: number): void {
    const trust = this.#table.itemAt(trustKey(ACTOR, peer.id));
    const before = this.#trusts.get(peer.id);
    if (trust === undefined || trust === before) return;
    this.#trusts.set(peer.id, trust);
    this.#watchPause(peer, trust, now);
    if (trust["breakerFailures"] !== undefined && peer.failures === 0)
      throw new Violation(`${peer.id}: a failure is counted, and it never failed (P4).`);
    const [probe, was] = [trust["breakerProbe"], before?.["breakerProbe"]];
    if (probe === undefined || probe === was) return;
    const openUntil = before?.["breakerOpenUntil"];
    if (typeof openUntil !== "number")
      throw new Violation(`${peer.id}: a probe of a peer whose breaker is closed (P4).`);
    if (openUntil > now) throw new Violation(`${peer.id}: a probe before its time, or beside another (P4).`);
  }

  /** A pause only grows, and goes when it is over, unless the owner ends it. */
  #watchPause(peer: ModelPeer, trust: Item, now: number): void {
    const before = this.#pauses.get(peer.id);
    const until = typeof trust["pausedUntil"] === "number" ? trust["pausedUntil"] : undefined;
    if (before !== undefined && before.until > now && (until ?? 0) < before.until && !peer.closedByHand)
      throw new Violation(`${peer.id}: its pause is over before its time.`);
    if (until === undefined) this.#pauses.delete(peer.id);
    else if (until !== before?.until) this.#pauses.set(peer.id, { until, since: now });
  }

  #note(peer: ModelPeer, { id, sequence }: { readonly id: string; readonly sequence: number }, now: number): void {
    const key = `${peer.id} ${id}`;
    const tried = this.#tried.get(key) ?? { numbers: new Map<number, number>(), newest: 0 };
    this.#tried.set(key, tried);
    const first = !tried.numbers.has(sequence);
    const sentAt = tried.numbers.get(sequence) ?? now;
    // An instance that froze past its lease may still send the number it was at.
    const isLate = first && sequence < tried.newest && !this.#plan.jumpy;
    if (isLate && !this.#ledger.mayComeLate(peer.id, id, { sequence, newest: tried.newest, sentAt })) {
      throw new Violation(`${key}: ${String(sequence)} is sent for the first time after ${String(tried.newest)}.`);
    }
    if (!first && this.#plan.smooth && !this.#ledger.mayComeTwice(peer.id, id, { sequence, sentAt }))
      throw new Violation(`${key}: ${String(sequence)} is sent twice.`);
    tried.numbers.set(sequence, sentAt);
    tried.newest = Math.max(tried.newest, sequence);
  }
}

function callbackOf(request: PeerRequest): { readonly id: string; readonly sequence: number } | undefined {
  const [, , kind, what, , id] = new URL(request.url).pathname.split("/");
  const body = request.json;
  if (request.method !== "POST" || kind !== "callbacks" || what !== "subscriptions" || id === undefined)
    return undefined;
  return body !== undefined && isObject(body) ? { id, sequence: Number(body["sequence"]) } : undefined;
}
