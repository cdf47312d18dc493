/** Reads again what could not be read: under the lease on its stream, so that no diff comes in between. */
import { covers, placeOf } from "../../domain/terms/scope.ts";
import { leaseIsLive } from "../../dynamodb/lease.ts";
import { outboundHeadKey } from "../../dynamodb/keys/streams.ts";
import type { Key } from "../../dynamodb/table.ts";
import type { StatePart } from "../../peers/publisher.ts";
import { compact } from "../../system/compact.ts";
import type { Deadline } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";
import { partEventOf } from "../hooks/stream-events.ts";
import { targetOf } from "./place-reads.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { reread, type Reread } from "./reread.ts";
import { reserved } from "../stream/reserved.ts";
import { requestedPause } from "../stream/retry-pause.ts";
import type { StalePart } from "../stream/stale-parts.ts";
import type { HeadFields } from "../stream/stream-changes.ts";

/** The result of one more read of a stale part: `done` also when it was not stale any more. */
export type StaleRead = "done" | "busy" | "retrying" | "parked";

/** Pause before the next read of a part while another works on the stream or a recovery is due, ms. */
const BUSY_PAUSE_MS = 60_000;

/** Reads stale parts again, by the sweep and for a person. */
export class StaleReads {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /** For the sweep, when the key is due. A part that is not due stays. */
  async runDue(key: Key, deadline: Deadline): Promise<void> {
    const { stale, clock } = this.#deps;
    const part = await stale.at(key);
    if (part?.dueAt === undefined || part.dueAt > clock.now()) return;
    // A read that the end of this invocation cuts off would count: the next one has the time.
    if (deadline.remaining() <= this.#deps.reserveMs) return;
    await this.again(part, deadline);
  }

  /** True while the stored value of the part is marked as stale. 1 read. */
  async isStale(part: StalePart): Promise<boolean> {
    const data = this.#deps.data(part.actorId, part.peerId);
    return (await data.staleness(part.place)) !== undefined;
  }

  /** One more read of a part, now. `busy`: another works on its stream; it is due again. */
  async again(part: StalePart, deadline: Deadline, byPerson = false): Promise<StaleRead> {
    const { streams, clock, stale, settings } = this.#deps;
    const key = outboundHeadKey(part);
    const head = await streams.read(key);
    if (head?.live !== true || !(await this.#isOurs(head, part))) {
      await stale.resolve(part);
      return "done";
    }
    const now = clock.now();
    const rest = byPerson ? 0 : (head.pausedUntil ?? 0);
    // A recovery reads the part itself.
    const busy = leaseIsLive(head.lease, now, settings.incarnation) || head.replacing;
    const acquired =
      busy || rest > now ? undefined : await streams.acquireLease(key, { leaseMs: deadline.remaining() });
    if (acquired?.won !== true) {
      if (part.status === "retrying") await stale.putOff(part, Math.max(rest, now + BUSY_PAUSE_MS));
      return "busy";
    }
    try {
      const { result, fields } = await this.#read(acquired.head, part, deadline);
      await this.#giveBack(acquired.head, fields, deadline);
      return result;
    } catch (error) {
      await streams.release(acquired.head);
      throw error;
    }
  }

  async #isOurs(head: Head, part: StalePart): Promise<boolean> {
    const { place } = part;
    const owned = covers(placeOf(head.scope), place) && !head.excludedScopes.some((other) => covers(other, place));
    return owned && (await this.isStale(part));
  }

  async #read(head: Head, part: StalePart, deadline: Deadline): Promise<{ result: StaleRead; fields: HeadFields }> {
    const { publishers, openTo, data, stale, clock } = this.#deps;
    const publisher = await publishers(head.actorId, head.peerId, reserved(deadline));
    const open = async () => await openTo(head.actorId, head.peerId);
    const store = data(head.actorId, head.peerId);
    const read: Reread =
      publisher === undefined
        ? { is: "failed", failure: { reason: "The trust with this peer is not approved." } }
        : await reread(publisher, store, head, part.place, head.lastSeq, { open });
    if (read.is !== "failed") {
      const fields = read.is === "read" ? await this.#notifyHooks(head, part, read.part) : {};
      await stale.resolve(part);
      return { result: "done", fields };
    }
    const { status, again } = await stale.failed(part, read.failure);
    const at = { stateVersion: head.stateVersion, sequence: head.lastSeq };
    await store.markStale(targetOf(head, await open()), part.place, at, { reason: read.failure.reason, again });
    const now = clock.now();
    const pause = requestedPause(read.failure, now);
    return { result: status, fields: compact({ pausedUntil: pause === undefined ? undefined : now + pause }) };
  }

  /** The hooks ran for the state without this part: now they run for the part. */
  async #notifyHooks(head: Head, { place }: StalePart, part: StatePart): Promise<HeadFields> {
    const state = part.kind === "list" ? (part.items ?? []) : (part.value ?? null);
    const event = partEventOf(head, place, head.lastSeq, state);
    const { starts, hooksPaused: before } = head;
    const { hooksPaused } = await this.#deps.hooks.runFirst(event, { starts, hooksPaused: before, stateStored: true });
    return hooksPaused === before ? {} : { hooksPaused };
  }

  async #giveBack(head: Head, fields: HeadFields, deadline: Deadline): Promise<void> {
    const { streams, sequencer } = this.#deps;
    const { activeAt, lastSeq } = head;
    const moved = await streams.advance(head, { to: lastSeq, keepLease: false, fields: { activeAt, ...fields } });
    if (moved !== undefined) await sequencer.drained(moved, deadline);
  }
}
