/** The consumer groups over all actors, as the routes need them. */
import { hash } from "node:crypto";
import { positionGone } from "../../actors/position-gone.ts";
import { FEED_INTERVAL_MS, oldestFeedTime, settledAt } from "../../domain/events/feed-time.ts";
import { isLeased } from "../../domain/events/group-state.ts";
import { resumedGroup, withReplayed, type Acknowledgement } from "../../domain/events/group-verdicts.ts";
import { withMet, type RootLane } from "../../domain/events/root-group.ts";
import { sameJson } from "../../domain/json/canonical-json.ts";
import { sourceOf } from "../../dynamodb/keys/failed-events.ts";
import { laneOfActor } from "../../dynamodb/keys/feed.ts";
import type { FailedEvent } from "../../failed-events/failed-event.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import { compact } from "../../system/compact.ts";
import { isServiceError, ServiceError } from "../../system/errors.ts";
import type { Deadline, Json, JsonObject } from "../../system/ports.ts";
import { WHY } from "../beginning.ts";
import { longPoll, type Finding, type Wait } from "../long-poll.ts";
import type { Preconditions } from "../preconditions.ts";
import { resolveFeedPosition } from "../readers/feed-position.ts";
import type { FetchRequest, FetchResult } from "./group-fetching.ts";
import type { AckResult, FetchAsked } from "./groups.ts";
import { decideGroupPut, MOST_DRAIN_MS, selectionOf, type GroupSettings } from "./group-settings.ts";
import { acknowledgeOfAll } from "./root-acknowledging.ts";
import { fetchOfAll, type RootFetchingDeps } from "./root-fetching.ts";
import type { RootGroup } from "./root-group-item.ts";
import { readRootGroupRequest } from "./root-group-settings.ts";
import { RootGroupStore, type RootStanding } from "./root-group-store.ts";
import { rootGroupWire } from "./root-group-view.ts";
import { readActors } from "./root-members.ts";

/** Most actors that a lane may have work of before no replay is taken. */
const MOST_WAITING = 1_000;

export interface RootGroupsDeps extends Omit<RootFetchingDeps, "store"> {
  readonly sleep: (ms: number) => Promise<void>;
}

export class RootGroups {
  readonly #deps: RootGroupsDeps & { readonly store: RootGroupStore };
  readonly #store: RootGroupStore;

  constructor(deps: RootGroupsDeps) {
    this.#store = new RootGroupStore(deps);
    this.#deps = { ...deps, store: this.#store };
  }

  /**
   * Makes or changes a group by what a PUT states.
   * @throws ServiceError request.invalid; as `decideGroupPut`; limit.reached; resource.position_gone; resource.conflict
   *   while it is drained
   */
  async put(
    name: string,
    body: unknown,
    preconditions: Preconditions,
  ): Promise<{ readonly is: "created" | "changed" | "same"; readonly settings: GroupSettings }> {
    const { settings, from } = readRootGroupRequest(body);
    for (let tries = 0; tries < 4; tries += 1) {
      const found = await this.#find(name);
      const is = decideGroupPut(found?.group.settings, settings, preconditions);
      if (found === undefined) {
        if ((await this.#store.make(name, settings, this.#timeOf(from, "from"))) !== undefined) return { is, settings };
        continue;
      }
      if (found.group.drainedBy !== undefined) {
        throw new ServiceError("resource.conflict", "This group is being drained; it will be gone.");
      }
      const change = { settings, ...this.#sinceOf(found.group, settings) };
      if (is === "same" || (await this.#store.change(found.group, change))) return { is, settings };
    }
    throw new ServiceError("service.unavailable", "Others keep changing this group; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** Other topics hold from now on, also for an actor that these let through for the first time. */
  #sinceOf({ settings: before }: RootGroup, settings: GroupSettings): { readonly since?: number } {
    const [was, is] = [before, settings].map((each) => selectionOf(each) as unknown as Json);
    return sameJson(was ?? null, is ?? null) ? {} : { since: settledAt(this.#deps.clock.now()) };
  }

  async #find(name: string): Promise<RootStanding | undefined> {
    try {
      return await this.#store.read(name);
    } catch (error) {
      if (isServiceError(error) && error.code === "resource.not_found") return undefined;
      throw error;
    }
  }

  /** Where a group begins, ms since 1970: a position within a span begins with the span. @throws ServiceError resource.position_gone */
  #timeOf(from: string, field: string): number {
    const { clock, epoch, retentionMs } = this.#deps;
    const now = clock.now();
    const ends = { epoch, settled: settledAt(now), oldest: oldestFeedTime(now, retentionMs) };
    const position = resolveFeedPosition(from, ends);
    if (typeof position !== "string") return position.after;
    throw positionGone(undefined, `${WHY[position]}; begin with earliest.`, field);
  }

  /** @throws ServiceError resource.not_found */
  async settings(name: string): Promise<GroupSettings> {
    return (await this.#store.read(name)).group.settings;
  }

  /** The names of all groups. */
  async names(): Promise<readonly string[]> {
    return await this.#store.names();
  }

  /** The resource as its operator sees it. @throws ServiceError resource.not_found */
  async view(name: string): Promise<JsonObject> {
    return await rootGroupWire(this.#deps, await this.#store.readAll(name));
  }

  /** Lends events, or waits for some. @throws as `fetchOfAll` */
  async fetch(name: string, { key, ...fetch }: FetchAsked, wait: Wait): Promise<FetchResult> {
    const { clock } = this.#deps;
    const asked =
      key === undefined ? undefined : { key: hash("sha256", key, "base64url").slice(0, 22), at: clock.now() };
    const request = { ...fetch, ...compact({ asked }) };
    const find = async (isLast: boolean): Promise<Finding<FetchResult | undefined>> => {
      const result = await this.#fetchUnless(name, request, isLast);
      return { is: (result?.events.length ?? 0) > 0 ? "found" : "nothing", result };
    };
    const found = await longPoll(this.#deps, wait, find, FEED_INTERVAL_MS);
    if (found === undefined) throw new TypeError("the last look of a fetch found other consumers and did not say so");
    return found;
  }

  /** Undefined where others have all lanes and there is still time to wait. */
  async #fetchUnless(name: string, request: FetchRequest, isLast: boolean): Promise<FetchResult | undefined> {
    try {
      return await fetchOfAll(this.#deps, name, request);
    } catch (error) {
      if (!isLast && isServiceError(error) && error.code === "group.taken") return undefined;
      throw error;
    }
  }

  /** @throws as `acknowledgeOfAll` */
  async ack(name: string, said: Acknowledgement): Promise<AckResult> {
    return await acknowledgeOfAll(this.#deps, name, said);
  }

  /** Gives no lease until the group is resumed; what is lent may be acknowledged. */
  async pause(name: string): Promise<void> {
    await this.#store.again(name, async (standing) => {
      if (standing.group.paused) return { is: undefined };
      return (await this.#store.changeAll(standing, { paused: true })) ? { is: undefined } : undefined;
    });
  }

  /** A paused or stopped group goes on. @throws ServiceError request.invalid for `skip` without an event that stopped it */
  async resume(name: string, skip: boolean): Promise<void> {
    await this.#store.again(name, async (standing) => {
      const { stopped } = standing.group;
      if (stopped === undefined && skip) {
        throw new ServiceError("request.invalid", "No event has stopped this group.", { field: "skip" });
      }
      // The member first: a group that goes on would be stopped by it again.
      if (stopped !== undefined && !(await this.#resumeMember(standing, stopped.actorId, skip))) return undefined;
      const change = { paused: false, ...(stopped !== undefined && { stopped: null }) };
      return (await this.#store.change(standing.group, change)) ? { is: undefined } : undefined;
    });
  }

  async #resumeMember({ group, lanes }: RootStanding, actorId: string, skip: boolean): Promise<boolean> {
    const { stored } = (await readActors(this.#deps, group, [actorId])).get(actorId) ?? {};
    const lane = lanes[laneOfActor(actorId, lanes.length)];
    if (stored?.state.stopped === undefined || lane === undefined) return true;
    const member = { ...stored, state: resumedGroup(stored.state, skip) };
    return await this.#store.write(group, lane, { members: [member] });
  }

  /**
   * Begins again after a position of the events of all actors. Every consumer is fenced.
   * @throws ServiceError resource.position_gone; resource.conflict while it is drained
   */
  async reset(name: string, { to, lanes }: { readonly to: string; readonly lanes?: number }): Promise<void> {
    await this.#store.again(name, async (standing) => {
      const { drainedBy, settings } = standing.group;
      if (drainedBy !== undefined) {
        throw new ServiceError("resource.conflict", "This group is being drained; it will be gone.");
      }
      const changed = { ...settings, ...compact({ lanes }) };
      return (await this.#store.reset(standing, changed, this.#timeOf(to, "to"))) ? { is: undefined } : undefined;
    });
  }

  /**
   * Ends a group once its last lease has ended, for which it waits `drainMs`; at once without. The sweep finishes the rest,
   * and no lease is extended beyond `MOST_DRAIN_MS`.
   * @returns whether the group is gone
   */
  async end(name: string, drainMs: number | undefined, deadline: Deadline): Promise<boolean> {
    const { clock } = this.#deps;
    await this.#store.again(name, async (standing) => {
      const free = ({ lease: _, ...lane }: RootLane): RootLane => lane;
      const left = drainMs === undefined ? [] : standing.lanes.filter(({ lane }) => isLeased(lane, clock.now()));
      const dueAt = Math.max(clock.now(), ...left.map(({ lane }) => lane.lease?.until ?? 0));
      const drainedBy = standing.group.drainedBy ?? clock.now() + MOST_DRAIN_MS;
      const change = { drainedBy, dueAt };
      const done = await this.#store.changeAll(standing, change, drainMs === undefined ? free : undefined);
      return done ? { is: undefined } : undefined;
    });
    return await longPoll(this.#deps, { waitMs: drainMs ?? 0, deadline }, async () => {
      const result = await this.finish(name, deadline);
      return { is: result ? "found" : "nothing", result };
    });
  }

  /** Ends a group that is drained and has no lease. @returns whether it is gone */
  async finish(name: string, deadline: Deadline): Promise<boolean> {
    return await this.#store.end(name, deadline);
  }

  /** A parked event comes with the next fetch of its actor's lane. @returns `retrying`, which `/parked` shows as `retry` */
  async retry({ event }: Pick<FailedEvent<ListenerEvent>, "event">): Promise<"retrying"> {
    const { actorId, id, position, source } = event;
    const name = sourceOf(source)?.kind === "root-group" ? source.slice(source.indexOf(":") + 1) : "";
    return await this.#store.again(name, async ({ group, lanes }) => {
      const lane = lanes[laneOfActor(actorId, lanes.length)];
      const { stored } = (await readActors(this.#deps, group, [actorId])).get(actorId) ?? {};
      if (lane === undefined || stored === undefined) {
        throw new ServiceError("resource.conflict", "The group of this event is being ended.");
      }
      if (lane.lane.met.length >= MOST_WAITING) {
        throw new ServiceError("resource.conflict", "Too many actors of this group wait; try again later.");
      }
      const member = { ...stored, state: withReplayed(stored.state, 0, { id, position }) };
      // The actor may be lent again in the same write that says so: no fetch can take it for done in between.
      const work = { to: withMet(lane.lane, actorId), members: [member] };
      return (await this.#store.write(group, lane, work)) ? { is: "retrying" as const } : undefined;
    });
  }

  /** Drops a parked event. @returns false while a consumer has it */
  async skip(failed: FailedEvent<ListenerEvent>): Promise<boolean> {
    const { clock, failedEvents } = this.#deps;
    return (await failedEvents.resolve(failed, { now: clock.now(), unlessBusy: true })) !== "busy";
  }

  /** An actor that was deleted leaves all groups. */
  async leave(actorId: string): Promise<void> {
    await this.#store.leave(actorId);
  }
}
