/** The beginning of each event hook in an actor's log: before the first change after the release that has the hook. */
import { hash } from "node:crypto";
import { LISTENER_ATTRIBUTES, type LogHead } from "../../change-log/change-log.ts";
import type { Commits, LogPlan, LogRead } from "../../change-log/log-commits.ts";
import { newKeeperState } from "../../domain/events/keeper-state.ts";
import { SYS } from "../../domain/events/topic.ts";
import { positionAfter } from "../../domain/events/position.ts";
import { all, missing, type Item } from "../../dynamodb/table.ts";
import { registering } from "../../engine/registration.ts";
import type { Clock } from "../../system/ports.ts";
import type { EventHookDefinition, EventHookRunner } from "./definition.ts";
import { eventHooksKey, eventHooksRef, printState, stateIn, stateName } from "./event-hooks-item.ts";

/** Stands for an id on the head of the log, which every change writes: six characters, so that the head stays small. */
const hookTagOf = (id: string): string => hash("sha256", id, "base64url").slice(0, 6);
/** Stands for hooks that hear the service's own events, which are written only where somebody does. */
const SYS_TAG = SYS;

const hearsSys = ({ selection }: EventHookDefinition): boolean =>
  selection.topics.some((pattern) => pattern.split(".", 1)[0] === SYS);

export interface BeginningsDeps {
  readonly runner: Pick<EventHookRunner, "eventHooks">;
  readonly clock: Clock;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
}

/**
 * Lets the hooks of this release begin. The log's head has the tags of all hooks that ever began there, so that a change
 * needs no look at their item, and two releases that run side by side do not take turns at it.
 */
export class EventHookBeginnings {
  readonly #deps: BeginningsDeps;
  readonly #tags: readonly string[];

  constructor(deps: BeginningsDeps) {
    this.#deps = deps;
    const { eventHooks } = deps.runner;
    this.#tags = [...eventHooks.map(({ id }) => hookTagOf(id)), ...(eventHooks.some(hearsSys) ? [SYS_TAG] : [])];
  }

  /** True when every hook of this release has begun in a log, or the log knows of none where there is none. */
  hasBegun({ eventHooks }: Pick<LogHead, "eventHooks">): boolean {
    if (this.#tags.length === 0) return eventHooks.length === 0;
    return this.#tags.every((tag) => eventHooks.includes(tag));
  }

  /**
   * Lets those that have not begun in an actor's log begin at its end. Where the release has no hooks, the log keeps no
   * records for them any more. One transaction.
   */
  async begin(actorId: string, commits: Commits): Promise<void> {
    const key = eventHooksKey(actorId);
    await commits.commit(actorId, [key], ({ head, item }) => this.#plan(actorId, head, item(key)));
  }

  #plan(actorId: string, head: LogRead["head"], item: Item | undefined): LogPlan | undefined {
    if (this.hasBegun(head)) return undefined;
    const { runner, epoch, clock } = this.#deps;
    const ref = eventHooksRef(actorId);
    const knewSys = head.eventHooks.includes(SYS_TAG);
    if (this.#tags.length === 0) {
      const { add } = registering(ref, { before: { reads: true } }).head;
      return {
        records: [],
        writes: [],
        head: { add: { ...add, ...countSys(knewSys ? -1 : 0) }, remove: ["eventHooks"] },
      };
    }
    const after = positionAfter(epoch, head.newest);
    const added = runner.eventHooks.filter((hook) => item === undefined || stateIn(epoch, item, hook) === undefined);
    const states = added.map(({ id, selection }) => {
      return [stateName(id), printState(newKeeperState(after, { selection, at: clock.now() }))] as const;
    });
    const set = { eventHooks: [...new Set([...head.eventHooks, ...this.#tags])].join(",") };
    const { add = {} } = head.eventHooks.length === 0 ? registering(ref, { after: { reads: true } }).head : {};
    const sys = countSys(this.#tags.includes(SYS_TAG) && !knewSys ? 1 : 0);
    const condition = all(...states.map(([name]) => missing(name)));
    const change = { set: Object.fromEntries(states) };
    return {
      records: [],
      writes: states.length === 0 ? [] : [{ update: eventHooksKey(actorId), change, condition }],
      head: { add: { ...add, ...sys }, set },
    };
  }
}

const countSys = (more: number): Readonly<Record<string, number>> =>
  more === 0 ? {} : { [LISTENER_ATTRIBUTES.sys]: more };
