/** The consumer groups of all actors, as the routes need them. */
import { hash } from "node:crypto";
import type { ActorRecord } from "../../actors/actor-record.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { laneOf, numberedTo, resetGroup } from "../../domain/events/group-state.ts";
import { resumedGroup, withReplayed, withTaken } from "../../domain/events/group-changes.ts";
import {
  acknowledged,
  leasedUntil,
  type Acknowledgement,
  type VerdictOutcome,
} from "../../domain/events/group-verdicts.ts";
import { ended, withoutExpired } from "../../domain/events/group-lanes.ts";
import { positionAfter } from "../../domain/events/position.ts";
import { MOST_GIVEN_UP } from "../../domain/events/keeper-state.ts";
import { sourceOf } from "../../dynamodb/keys/failed-events.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import type { FailedEvent } from "../../failed-events/failed-event.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Deadline, JsonObject, Log } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import { beginningAfter } from "../beginning.ts";
import { longPoll, type Finding, type Wait } from "../long-poll.ts";
import { eventAt, type LogEvent } from "../log-events.ts";
import type { Preconditions } from "../preconditions.ts";
import { demandPositions } from "./ack-positions.ts";
import { countBetween } from "./event-numbers.ts";
import { keyIn } from "./given-events.ts";
import { fetchEvents, type FetchRequest, type FetchResult, type GroupFetchingDeps } from "./group-fetching.ts";
import { keeping, NOT_DELETED, resolveTaken, roomFor } from "./group-events.ts";
import { rulesOf, type Group, type GroupRef } from "./group-item.ts";
import { MOST_DRAIN_MS, ofOneActor, readGroupRequest } from "./group-settings.ts";
import { GroupStore, type GroupStoreDeps } from "./group-store.ts";
import { groupWire } from "./group-view.ts";
import { lookForLag } from "./group-lag.ts";
import { waitingOf } from "./group-waiting.ts";

/** How often what is kept of taken failed events is looked at after an acknowledgement. */
const MOST_LOOKS = 4;

export interface GroupsDeps extends Omit<GroupFetchingDeps, "store" | "changeLog">, Omit<GroupStoreDeps, "changeLog"> {
  readonly changeLog: Pick<ChangeLog, "stream" | "oldest" | "head">;
  readonly log: Log;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
}

/** What a consumer asks for. */
export interface FetchAsked extends Omit<FetchRequest, "asked"> {
  /** Names the fetch, so that a repetition gets what it lent. */
  readonly key?: string;
}

/** The result of an acknowledgement. */
export interface AckResult {
  readonly outcomes: readonly { readonly position: string; readonly outcome: VerdictOutcome }[];
  readonly leases: FetchResult["leases"];
}

/** The operations on the groups of single actors; `ref` names the actor and the group. */
export class Groups {
  readonly #deps: GroupsDeps;
  readonly #store: GroupStore;

  constructor(deps: GroupsDeps) {
    this.#deps = deps;
    this.#store = new GroupStore(deps);
  }

  /** Makes or changes a group by what a PUT states. @throws as `readGroupRequest` and `GroupStore.put` */
  async put(ref: GroupRef, body: unknown, preconditions: Preconditions) {
    const { settings, from } = readGroupRequest(body);
    return await this.#store.put(ref, { settings: ofOneActor(settings), from }, preconditions);
  }

  /** @throws ServiceError resource.not_found */
  async demand(ref: GroupRef): Promise<Group> {
    return await this.#store.demand(ref);
  }

  async list(actorId: string): Promise<readonly JsonObject[]> {
    const groups = await this.#store.list(actorId);
    return await Promise.all(groups.map(async (group) => await this.view(group)));
  }

  /** The resource as its owner sees it. */
  async view(group: Group): Promise<JsonObject> {
    const { changeLog, clock, epoch } = this.#deps;
    const { newest } = await changeLog.head(group.actorId);
    const { count, ...oldest } = await waitingOf(group, { changeLog, newest, epoch });
    return groupWire(group, { newest: positionAfter(epoch, newest), waiting: count, now: clock.now(), ...oldest });
  }

  /** Lends events, or waits for some. @throws as `fetchEvents` */
  async fetch(actor: ActorRecord, ref: GroupRef, { key, ...fetch }: FetchAsked, wait: Wait): Promise<FetchResult> {
    const { clock } = this.#deps;
    const asked =
      key === undefined ? undefined : { key: hash("sha256", key, "base64url").slice(0, 22), at: clock.now() };
    const request = { ...fetch, ...compact({ asked }) };
    const found = await longPoll(this.#deps, wait, async (isLast): Promise<Finding<FetchResult | undefined>> => {
      const result = await this.#fetchUnless(actor, ref, request, isLast);
      return { is: (result?.events.length ?? 0) > 0 ? "found" : "nothing", result };
    });
    if (found === undefined) throw new TypeError("the last look of a fetch has no result");
    return found;
  }

  /** Undefined where others have all lanes and there is still time to wait. */
  async #fetchUnless(
    actor: ActorRecord,
    ref: GroupRef,
    request: FetchRequest,
    isLast: boolean,
  ): Promise<FetchResult | undefined> {
    try {
      return await fetchEvents({ ...this.#deps, store: this.#store }, actor, ref, request);
    } catch (error) {
      if (!isLast && error instanceof ServiceError && error.code === "group.taken") return undefined;
      throw error;
    }
  }

  /**
   * Carries out the verdicts of a consumer. Two requests where no event goes to a person.
   * @throws ServiceError resource.not_found; group.lease_ended when the lease is another's by now: nothing is changed;
   *   resource.position_gone for an `upTo` that the group has not come to, and for a position of another epoch
   */
  async ack(actor: ActorRecord, ref: GroupRef, said: Acknowledgement): Promise<AckResult> {
    const { clock, random } = this.#deps;
    let taken: readonly string[] = [];
    const result = await this.#store.change(ref, async (group) => {
      const now = clock.now();
      const mayGive = said.items.filter(({ verdict }) => verdict === "park" || verdict === "retry").length;
      const { room, miscounted } = await roomFor(this.#deps, group, Math.min(mayGive, MOST_GIVEN_UP));
      const standing = { rules: rulesOf(group.settings), now, random, room, ...compact({ endsBy: group.drainedBy }) };
      const acked = acknowledged(group.state, said, standing);
      if (acked === undefined) {
        throw new ServiceError(
          "group.lease_ended",
          "The lease of this token has ended, so nothing was acknowledged; fetch the events again.",
        );
      }
      demandPositions(this.#deps, group, said);
      const { outcomes, replayed } = acked;
      taken = replayed.flatMap(({ id, isDone }) => (isDone ? [id] : []));
      const state = withTaken(acked.state, taken);
      const given = await Promise.all(
        acked.given.map(async (one) => ({ ...one, event: await this.#eventAt(ref, one.position) })),
      );
      const found = given.flatMap(({ event, ...one }) => (event === undefined ? [] : [{ ...one, event }]));
      const writes = await keeping({ deps: this.#deps, actor, group }, found);
      const leases = state.lanes.flatMap(({ lease }, lane) =>
        lease?.token === said.token ? [{ lane, token: lease.token, until: lease.until }] : [],
      );
      return { result: { outcomes, leases }, writes, change: { state, moreFailed: found.length + miscounted } };
    });
    if (taken.length > 0) await this.#resolveTaken(ref, taken);
    return result;
  }

  /** The verdicts are stored. Where this does not succeed, or others keep changing the group, the next fetch does it. */
  async #resolveTaken(ref: GroupRef, taken: readonly string[]): Promise<void> {
    try {
      await retryOnConflict(undefined, MOST_LOOKS, async () => {
        const group = await this.#store.get(ref);
        const count = group === undefined ? 0 : await resolveTaken(this.#deps, group, taken);
        return count === undefined ? { found: undefined } : { done: count };
      });
    } catch (error) {
      this.#deps.log.warn(NOT_DELETED, { actorId: ref.actorId, group: ref.name, error });
    }
  }

  /** The event at a position; undefined when its record has expired. One query. */
  async #eventAt({ actorId }: GroupRef, position: string): Promise<LogEvent | undefined> {
    const stream = (after: number, upTo: number) => this.#deps.changeLog.stream(actorId, after, upTo);
    return await eventAt({ ...this.#deps, actorId, stream }, position);
  }

  /** Gives no lease until the group is resumed; what is lent may be acknowledged. */
  async pause(ref: GroupRef): Promise<Group> {
    return await this.#store.change(ref, (group) => {
      return { result: { ...group, paused: true }, ...(group.paused ? {} : { change: { paused: true } }) };
    });
  }

  /** Ends a pause or a stop. @throws ServiceError request.invalid for `skip` without an event that stopped the group */
  async resume(ref: GroupRef, skip: boolean): Promise<Group> {
    return await this.#store.change(ref, (group) => {
      if (skip && group.state.stopped?.reason !== "exhausted") {
        throw new ServiceError("request.invalid", "No event has stopped this group.", { field: "skip" });
      }
      const state = resumedGroup(group.state, skip);
      return { result: { ...group, state, paused: false }, change: { state, paused: false } };
    });
  }

  /**
   * Begins again after a position, with the numbers that events have there; those before the group's first position have
   * none. Every consumer is fenced.
   * @throws ServiceError resource.position_gone
   */
  async reset(ref: GroupRef, { to, lanes }: { readonly to: string; readonly lanes?: number }): Promise<Group> {
    return await this.#store.change(ref, async (group) => {
      const after = await beginningAfter(this.#deps, {
        actorId: ref.actorId,
        from: to,
        log: await this.#deps.changeLog.head(ref.actorId),
        field: "to",
      });
      const settings = ofOneActor({ ...group.settings, ...compact({ lanes }) });
      const count = await countBetween(this.#deps, group, [numberedTo(group.state).after, after]);
      const state = resetGroup(group.state, { after, lanes: settings.lanes, count });
      return { result: { ...group, settings, state }, change: { settings, state } };
    });
  }

  /**
   * Deletes a group once its last lease has ended, for which it waits `drainMs`; at once without. The sweep finishes the
   * rest, `MOST_DRAIN_MS` later at the latest.
   * @returns whether the group is gone
   */
  async end(ref: GroupRef, drainMs: number | undefined, deadline: Deadline): Promise<boolean> {
    const { clock } = this.#deps;
    await this.#store.change(ref, (found) => {
      const lanes = drainMs === undefined ? found.state.lanes.map((lane) => ended(lane, 0)) : found.state.lanes;
      const state = { ...withoutExpired(found.state, clock.now()), lanes };
      const dueAt = leasedUntil(state, clock.now()) ?? clock.now();
      const drainedBy = found.drainedBy ?? clock.now() + MOST_DRAIN_MS;
      return { result: undefined, change: { state, drainedBy, dueAt } };
    });
    return await longPoll(this.#deps, { waitMs: drainMs ?? 0, deadline }, async () => {
      const isGone = await this.finish(ref);
      return { is: isGone ? "found" : "nothing", result: isGone };
    });
  }

  /** Does what is due of a group. May be called at any time. */
  async runDue(ref: GroupRef): Promise<void> {
    const group = await this.#store.get(ref);
    if (group === undefined) return;
    await this.#store.say(group);
    if (group.drainedBy !== undefined) await this.finish(ref);
    else if (group.dueAt !== undefined) await lookForLag({ ...this.#deps, store: this.#store }, ref);
  }

  /** Deletes a group that is drained and has no lease. @returns whether it is gone */
  async finish(ref: GroupRef): Promise<boolean> {
    const group = await this.#store.get(ref);
    if (group === undefined) return true;
    if (group.drainedBy === undefined || leasedUntil(group.state, this.#deps.clock.now()) !== undefined) return false;
    return await this.#store.end(group);
  }

  /** A parked event comes with the next fetch of its lane. @returns `retrying`, which `/parked` shows as `retry` */
  async retry(failed: FailedEvent<ListenerEvent>): Promise<"retrying"> {
    const { event } = failed;
    const of = sourceOf(event.source);
    const ref = { actorId: event.actorId, name: of?.kind === "group" ? of.id : "" };
    return await this.#store.change(ref, ({ state, settings: { lanes, order } }) => {
      const lane = laneOf(keyIn(event), { order, lanes });
      const again = withReplayed(state, lane, { id: event.id, position: event.position });
      return { result: "retrying" as const, change: { state: again } };
    });
  }

  /** Drops a parked event. @returns false while a consumer has it */
  async skip(failed: FailedEvent<ListenerEvent>): Promise<boolean> {
    const { clock, failedEvents } = this.#deps;
    return (await failedEvents.resolve(failed, { now: clock.now(), unlessBusy: true })) !== "busy";
  }
}
