/** Watches what is sent to peers: first attempts in order, one probe of a peer that was left alone at a time. */
import { isObject } from "../../../lib/domain/json.ts";
import { trustKey } from "../../../lib/dynamodb/keys-actors.ts";
import type { Item } from "../../../lib/dynamodb/table.ts";
import type { PeerRequest } from "../../../lib/ports.ts";
import type { MemoryTable } from "../memory-table.ts";
import type { ModelPeer } from "./model-peer.ts";
import type { Plan } from "./plan.ts";
import { ACTOR, Violation } from "./violation.ts";

export class Deliveries {
  readonly #plan: Plan;
  /** By peer: its trust as it was after the last step. */
  readonly #trusts = new Map<string, Item>();
  readonly #table: MemoryTable;
  /** By subscription: the numbers that were tried. */
  readonly #tried = new Map<string, { readonly numbers: Set<number>; newest: number }>();

  constructor(table: MemoryTable, plan: Plan) {
    this.#table = table;
    this.#plan = plan;
  }

  /** Something is sent; call what is returned when its answer is there. @throws Violation */
  begin(peer: ModelPeer, request: PeerRequest, _isDead: () => boolean): () => void {
    const sent = callbackOf(request);
    if (sent !== undefined) this.#note(peer, sent.id, sent.sequence);
    peer.inFlight += 1;
    return () => {
      peer.inFlight -= 1;
    };
  }

  /** After every step. @throws Violation when a probe begins before its time, or beside another */
  watch(peer: ModelPeer, now: number): void {
    const trust = this.#table.peek(trustKey(ACTOR, peer.id));
    const before = this.#trusts.get(peer.id);
    if (trust === undefined || trust === before) return;
    this.#trusts.set(peer.id, trust);
    const [probe, was] = [trust["breakerProbe"], before?.["breakerProbe"]];
    if (probe === undefined || probe === was) return;
    const openUntil = before?.["breakerOpenUntil"];
    if (typeof openUntil !== "number")
      throw new Violation(`${peer.id}: a probe of a peer whose breaker is closed (P4).`);
    if (openUntil > now) throw new Violation(`${peer.id}: a probe before its time, or beside another (P4).`);
  }

  #note(peer: ModelPeer, id: string, sequence: number): void {
    const key = `${peer.id} ${id}`;
    const tried = this.#tried.get(key) ?? { numbers: new Set<number>(), newest: 0 };
    this.#tried.set(key, tried);
    const first = !tried.numbers.has(sequence);
    // Who froze past its lease may still send what it had in hand.
    if (first && sequence < tried.newest && !this.#plan.jumpy) {
      throw new Violation(`${key}: ${String(sequence)} is sent for the first time after ${String(tried.newest)}.`);
    }
    if (!first && this.#plan.smooth) throw new Violation(`${key}: ${String(sequence)} is sent twice.`);
    tried.numbers.add(sequence);
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
