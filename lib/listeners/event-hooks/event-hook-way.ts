/** The way out to event hooks of the application: one call of one hook with one event. */
import { envelopeOf } from "../../domain/events/envelope.ts";
import type { NumberedEvent, Outcome } from "../../domain/events/keeper-steps.ts";
import type { PreparedAttempt, Tried, WayOut } from "../../engine/way-out.ts";
import { attemptHook, type HookFailure } from "../../failed-events/hook-attempt.ts";
import { compact } from "../../system/compact.ts";
import type { After, JsonObject, Log } from "../../system/ports.ts";
import { insideEventHook } from "../../system/request-context.ts";
import type { LogEvent } from "../log-events.ts";
import { MOST_HOPS, type EventHookRunner } from "./definition.ts";

export interface EventHookWayDeps {
  readonly runner: Pick<EventHookRunner, "runEventHook">;
  readonly after: After;
  readonly log: Pick<Log, "warn">;
  /** The root URI of an actor. */
  readonly rootOf: (actorId: string) => string;
}

/** How a call failed. `starts`: how many calls started, if that is not the number of counted attempts. */
export type Failure = HookFailure & { readonly starts?: number };

/** One event hook of one actor during one run. */
export interface HookTarget {
  readonly actorId: string;
  readonly id: string;
  /** An event has stopped the hook, in this run or before, and is not resolved. */
  stopped: boolean;
  /** By the number of an event: how the last call of this run failed. */
  readonly failures: Map<number, Failure>;
}

/** How a call failed; undefined: it succeeded. */
export type HookAnswer = Failure | undefined;

const LOOP: Failure = {
  verdict: "park",
  starts: 0,
  error: `loop: ${String(MOST_HOPS)} hooks led to this event, one after another.`,
};

/** The way out to event hooks. An attempt calls the hook in this process, and never rejects because of the hook. */
export class EventHookWay implements WayOut<HookTarget, NumberedEvent<LogEvent>, HookAnswer> {
  readonly #deps: EventHookWayDeps;

  constructor(deps: EventHookWayDeps) {
    this.#deps = deps;
  }

  render({ actorId, id }: HookTarget, numbered: NumberedEvent<LogEvent>): Promise<PreparedAttempt<HookAnswer>> {
    const { after, log, runner } = this.#deps;
    const { hops, attributes } = numbered.event.event;
    if (hops >= MOST_HOPS) return Promise.resolve(() => Promise.resolve(LOOP));
    const event = this.envelope(actorId, numbered);
    const cause = compact({ hops: hops + 1, traceparent: attributes.traceparent });
    return Promise.resolve(async (timeoutMs) => {
      const failure = await attemptHook({ after, timeoutMs }, async (signal) => {
        const run = { actorId, event, attempt: numbered.attempts + 1 };
        await insideEventHook(cause, async () => await runner.runEventHook(id, run, signal));
      });
      if (failure === undefined) return undefined;
      const { subject: topic, type, position } = event;
      const fields = { actorId, hook: id, eventId: event["id"], topic, type, position };
      log.warn("hook failed", { ...fields, error: failure.error.slice(0, 500) });
      return failure;
    });
  }

  /**
   * The verdicts `park` and `stop` become `ambiguous`: with `retryAmbiguous` false the order keeper then gives the event
   * up.
   */
  classify(answer: HookAnswer): Outcome {
    if (answer === undefined || answer.verdict === "skip") return { is: "taken" };
    return { is: answer.verdict === "retry" ? "failed" : "ambiguous" };
  }

  onFailure(target: HookTarget, { event, answer }: Tried<NumberedEvent<LogEvent>, HookAnswer>): void {
    if (answer === undefined) return;
    target.failures.set(event.number, answer);
    if (answer.verdict === "stop") target.stopped = true;
  }

  ends({ stopped }: HookTarget): string | undefined {
    return stopped ? "An event has stopped the hook, and is not resolved." : undefined;
  }

  /** The envelope for a hook. It always contains the data, because the hook runs in the same process. */
  envelope(actorId: string, { event: { id, position, event }, number }: NumberedEvent<LogEvent>): JsonObject {
    return envelopeOf({
      event,
      id,
      position,
      sequence: number,
      source: this.#deps.rootOf(actorId),
      inlineMaxBytes: Infinity,
      dataref: () => "",
    });
  }
}
