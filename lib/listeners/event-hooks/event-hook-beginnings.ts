/**
 * Begins event hooks in the logs of actors: a new hook begins right before the first change under the release that adds it.
 */
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

/** Stands for a hook's id on the head of the log. It has six characters, because every change writes the head. */
const hookTagOf = (id: string): string => hash("sha256", id, "base64url").slice(0, 6);
/** Stands for hooks that hear the service's own events: such events are written only where a listener hears them. */
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
 * Begins the event hooks of this release. The log's head has the tags of all hooks that ever began in the log. So a change
 * need not read the hooks' item, and two releases that run side by side do not undo each other's beginnings.
 */
export class EventHookBeginnings {
  readonly #deps: BeginningsDeps;
  readonly #tags: readonly string[];

  constructor(deps: BeginningsDeps) {
    this.#deps = deps;
    const { eventHooks } = deps.runner;
    this.#tags = [...eventHooks.map(({ id }) => hookTagOf(id)), ...(eventHooks.some(hearsSys) ? [SYS_TAG] : [])];
  }

  /** True when every hook of this release has begun in a log; for a release without hooks, when the log has no tags. */
  hasBegun({ eventHooks }: Pick<LogHead, "eventHooks">): boolean {
    if (this.#tags.length === 0) return eventHooks.length === 0;
    return this.#tags.every((tag) => eventHooks.includes(tag));
  }

  /**
   * Begins the hooks that have not begun in an actor's log, at its end. A release without hooks removes the tags, so that
   * the log no longer keeps records for hooks. One transaction.
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
