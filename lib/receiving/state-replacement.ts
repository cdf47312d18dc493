/** Replacing what a subscription owns by the publisher's state, so that a crash at any point leaves it to the next recovery. */
import { createHash } from "node:crypto";
import { isObject } from "../domain/json.ts";
import { placeOf } from "../domain/scope.ts";
import type { Place } from "../domain/scope.ts";
import { outboundPrefix, pendingKey } from "../dynamodb/keys.ts";
import type { Attribute } from "../dynamodb/table.ts";
import type { StatePart } from "../peer-data/incoming.ts";
import type { Json } from "../ports.ts";
import { defined, dueAttributes, headIs } from "./head.ts";
import type { Head } from "./head.ts";
import { hookEventOf } from "./hook-event.ts";
import { partOf } from "./part-resync.ts";
import type { Polled, Publisher, StateAnswer } from "./ports.ts";
import { reconciled } from "./recovery-settings.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { idsOf } from "./sink.ts";
import { stateJson } from "./state-json.ts";

/** A resync callback: its number, and where its state is. */
export interface ResyncCallback {
  readonly sequence: number;
  readonly url?: string;
  readonly data?: Json;
  /** Normalised time of the callback: its repetition is no sign of a publisher that counts anew. */
  readonly timestamp?: string;
}

/** A state as it was read. Without parts there is none to read: the store stays as it is. */
export interface ReadState {
  readonly parts?: readonly StatePart[];
  /** The number that it contains. */
  readonly at: number;
  /** The publisher counts anew. */
  readonly reset: boolean;
  /** Places too large to read: left as they are. */
  readonly diverged?: readonly Place[];
  /** List operations up to this number must read their list again. */
  readonly dirtyListsUntil?: number;
  /** As the callback's, that led to it. */
  readonly timestamp?: string;
}

export type Replaced =
  | { readonly is: "resynced"; readonly head: Head; readonly applied: number }
  | { readonly is: "busy"; readonly head: Head }
  | { readonly is: "failed"; readonly reason: string };

/** State reads tried until the newest number is the same before and after. */
const STATE_TRIES = 3;

/** Reads a publisher's state and puts it in the place of what a subscription owns. */
export class StateReplacement {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /**
   * Reads the state with its position and writes it. Without positions in the answers the newest number is asked again
   * until it is the same before and after a read.
   *
   * @param newest the publisher's newest number, as far as it said one
   * @param reset the publisher counts anew
   */
  async run(
    head: Head,
    publisher: Publisher,
    newest: number | undefined,
    reset: boolean,
    callback?: ResyncCallback,
  ): Promise<Replaced> {
    const floor = callback?.sequence ?? 0;
    const seen = defined("timestamp", callback?.timestamp);
    let before = newest;
    for (let attempt = 1; ; attempt += 1) {
      const state = await this.#readState(head, publisher, callback?.url);
      if (state.is === "failed") return { is: "failed", reason: state.reason };
      if (state.is === "absent") {
        return await this.write(head, publisher, { at: Math.max(before ?? head.lastSeq, floor), reset, ...seen });
      }
      if (state.sequence !== undefined) {
        return await this.write(head, publisher, {
          parts: state.parts,
          at: Math.max(state.sequence, floor),
          reset,
          ...seen,
          diverged: state.diverged,
        });
      }
      const polled = await publisher.poll(head.subscriptionId);
      const after = newestOf(polled);
      if (after === undefined && polled.is === "failed") return { is: "failed", reason: polled.reason };
      if (after === before || attempt === STATE_TRIES) {
        return await this.write(head, publisher, {
          parts: state.parts,
          at: Math.max(before ?? 0, floor),
          reset,
          ...seen,
          diverged: state.diverged,
          ...(after === before || after === undefined ? {} : { dirtyListsUntil: after }),
        });
      }
      before = after;
    }
  }

  async #readState(head: Head, publisher: Publisher, url: string | undefined): Promise<StateAnswer> {
    return await publisher.readState({
      scope: head.scope,
      place: placeOf(head.scope),
      subscriptionId: head.subscriptionId,
      carved: head.carved,
      ...(url === undefined ? {} : { url }),
    });
  }

  /** Writes what was read, tells the hooks, moves the head. Without parts the store stays as it is. */
  async write(head: Head, publisher: Publisher, read: ReadState): Promise<Replaced> {
    const { turns, clock, settings, log, timers } = this.#deps;
    const fence = await this.#nextFence(head);
    const epoch = read.reset ? Math.max(head.epoch + 1, 1) : head.epoch;
    const at = read.reset ? read.at : Math.max(read.at, head.lastSeq);
    const marked = await turns.amend(
      head.key,
      {
        set: { replacing: true, wanted: "resync", fence, ...dueAttributes(head.key, head.claim?.until ?? clock.now()) },
        setIfMissing: { replacedFrom: head.fence },
        add: { version: 1 },
      },
      headIs.claimedBy(head.claim?.token ?? ""),
    );
    if (marked === undefined) return { is: "busy", head };
    const scope = placeOf(head.scope);
    if (read.parts !== undefined && this.#stores(head)) {
      await this.#deps.data(head.actorId, head.peerId).replace({
        scope,
        // Neither what the state was read without, nor what is not owned any more.
        carved: [...head.carved, ...marked.carved, ...(read.diverged ?? [])],
        parts: read.parts,
        fence,
        sequence: at,
        ...(read.dirtyListsUntil === undefined ? {} : { dirtyListsUntil: read.dirtyListsUntil }),
      });
    }
    await this.#setAside(head, read.diverged ?? []);
    const state = read.parts === undefined ? null : stateJson(scope, read.parts);
    const { held } = await this.#deps.hooks.first(
      hookEventOf({ ...head, epoch, fence: marked.replacedFrom ?? head.fence }, "resync", at, state),
      head.starts,
      head.held,
      read.parts !== undefined && this.#stores(head),
    );
    const lost = read.reset ? [...marked.pending] : [...marked.pending].filter((n) => n <= at);
    const set: Record<string, Attribute> = {
      epoch,
      digests: "",
      attempts: 0,
      // Only what this event changed: a retried one may have stopped the stream meanwhile.
      ...(held === head.held ? {} : { held }),
      ...reconciled(clock.now(), settings),
    };
    if (read.reset) set["lastTimestamp"] = "";
    else if (read.timestamp !== undefined && read.timestamp > head.lastTimestamp) set["lastTimestamp"] = read.timestamp;
    const done = await turns.advance(marked, {
      to: at,
      keepClaim: false,
      set: { ...set, ...(read.reset ? this.#askOnceMore(marked) : {}) },
      remove: ["replacing", "replacedFrom"],
      // As it was before the state was read: what was asked for since then is not in it.
      settles: head.wantedRev,
      restart: read.reset,
    });
    if (done === undefined) return { is: "busy", head };
    await this.#deps.table
      .deleteMany(lost.map((n) => pendingKey(head.key, head.epoch, n)))
      .catch((error: unknown) => log.warn("kept bodies were not deleted", { ...idsOf(head), error: String(error) }));
    await publisher.acknowledge(head.subscriptionId, at);
    if (done.dueAt !== undefined && (done.wanted !== undefined || done.pending.size > 0)) await timers.wake(done);
    log.info("resynced", { ...idsOf(head), sequence: at, reset: read.reset });
    return { is: "resynced", head: done, applied: 0 };
  }

  /**
   * What is too large to be read stays as it is and is parked, once, for a person: reading it again would give the same.
   * A later resync reads it when it has become smaller.
   */
  async #setAside(head: Head, places: readonly Place[]): Promise<void> {
    for (const place of places) {
      const name = place.join("/");
      const id = createHash("sha256").update([head.key.pk, head.key.sk, "diverged", name].join("\n")).digest("hex");
      const event = { ...hookEventOf(head, "resync", 0, null), id: id.slice(0, 32), epoch: 0 };
      await this.#deps.hooks.setAside(
        event,
        `${name || "The state"} is larger than can be read (6 MiB); it was left as it was.`,
      );
      this.#deps.log.error("a part of a peer's state is too large to be read", { ...idsOf(head), place: name });
    }
  }

  /**
   * A publisher that counts anew: what is in the slots may be of either life, so it goes, and the publisher is asked once
   * more for what it may have held of the new one.
   */
  #askOnceMore(head: Head): Readonly<Record<string, Attribute>> {
    if (head.pending.size === 0) return {};
    const { clock, settings } = this.#deps;
    return { wanted: "catch_up", ...dueAttributes(head.key, clock.now() + settings.gapTimeoutMs) };
  }

  #stores(head: Head): boolean {
    return this.#deps.settings.autoStorage && head.scope.target === "properties" && head.granularity !== "none";
  }

  /** Higher than every fence this peer's streams have written under. 1 query. */
  async #nextFence(head: Head): Promise<number> {
    const page = await this.#deps.table.query({
      pk: head.key.pk,
      prefix: outboundPrefix(head.peerId),
      only: ["fence"],
    });
    const fences = page.items.map((item) => (item["fence"] as number | undefined) ?? 0);
    return Math.max(this.#deps.clock.now(), head.fence + 1, ...fences.map((fence) => fence + 1));
  }
}

/** The publisher's newest number, when its answer says it. */
export const newestOf = (polled: Polled): number | undefined =>
  polled.is === "backlog" || polled.is === "too_large" ? polled.sequence : undefined;

/** The parts that the data of a resync callback stands for. */
export function partsOfData(scope: Place, data: Json): readonly StatePart[] {
  if (scope.length > 0 || !isObject(data)) return [partOf(scope, data)];
  return Object.entries(data).map(([name, value]) => partOf([name], value));
}
