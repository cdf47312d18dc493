import { restarted, withSelection } from "../../domain/events/keeper-changes.ts";
import type { KeeperNote, KeeperRules, NumberedEvent, StretchRequest } from "../../domain/events/keeper-steps.ts";
import { OrderKeeper } from "../../domain/events/order-keeper.ts";
import type { Selection } from "../../domain/events/selection.ts";
import { positionAfter } from "../../domain/events/position.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { PreparedAttempt } from "../../engine/way-out.ts";
import type { EventHookDefinition } from "./definition.ts";
import type { EventHookWay, Failure, HookAnswer, HookTarget } from "./event-hook-way.ts";
import type { HookState } from "./event-hooks-item.ts";
import { hears, readStretch, type LogEvent, type LogReading } from "../log-events.ts";

/** The functions and settings that a cursor needs. */
export interface CursorTools {
  readonly now: () => number;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  readonly maxAttempts: number;
  /** True while another call may start. */
  readonly mayStart: () => boolean;
  /** The log; `newest` is the last record that the cursor should read now. */
  readonly reading: () => LogReading & { readonly newest: number };
  /** The number of the oldest record that can be read. Called when records have expired unread. */
  readonly oldest: () => Promise<number>;
  readonly way: EventHookWay;
  /** Makes an attempt, or returns a failure without making it. */
  readonly make: (
    id: string,
    numbered: NumberedEvent<LogEvent>,
    attempt: PreparedAttempt<HookAnswer>,
  ) => Promise<HookAnswer>;
  /** Called when the events between two positions have expired before the hook was called with them. */
  readonly lost: (id: string, between: { readonly from: string; readonly to: string }) => Promise<void>;
  /** Stores the events that go to a person, before the hook is called again. */
  readonly store: (cursor: HookCursor) => Promise<void>;
}

/** An event that goes to a person. */
export interface GivenUp {
  readonly numbered: NumberedEvent<LogEvent>;
  /** The event stops the hook: it is not called again before the event is resolved. */
  readonly stops: boolean;
  readonly starts: number;
  readonly error: string;
}

/** Most calls of one hook for one actor at the same time: the default of webhooks. */
const PARALLEL = 4;
/** A hook is not an endpoint: the failure of one call does not concern other events, so its breaker never opens. */
const NEVER_MS = 100 * 365 * 86_400_000;
const NO_BREAKER = { threshold: Number.MAX_SAFE_INTEGER, recoveryMs: NEVER_MS };

const EXPIRING: Failure = {
  verdict: "park",
  error: "The record of this event expires, and the hook has not taken the event.",
};

/**
 * Moves one hook along one actor's log, during one run that has the lease.
 *
 *   running   `advance` calls the hook with every event that the order allows, until no call can start
 *   stopped   a verdict of the hook, in this run or an earlier one, has stopped it: `advance` calls it no more
 *
 * Invariant: another run can continue from the state in any note.
 */
export class HookCursor {
  readonly id: string;
  /** More calls are possible now, but there is no time. */
  late = false;
  /** When a failed event may be tried again, ms since 1970; undefined: none waits. */
  wakeAt: number | undefined;
  readonly #tools: CursorTools;
  readonly #rules: KeeperRules;
  #keeper: OrderKeeper<LogEvent, Selection>;
  readonly #target: HookTarget;

  constructor({ order, selection }: EventHookDefinition, target: HookTarget, state: HookState, tools: CursorTools) {
    this.id = target.id;
    this.#target = target;
    this.#tools = tools;
    this.#rules = {
      order,
      parallel: PARALLEL,
      maxAttempts: tools.maxAttempts,
      onExhausted: "park",
      breaker: NO_BREAKER,
      // What a verdict parks is `ambiguous`, see the way's `classify`.
      retryAmbiguous: false,
      room: Number.MAX_SAFE_INTEGER,
      retentionMs: tools.reading().retentionMs,
    };
    this.#keeper = this.#keeperOf(withPresent(state, selection));
  }

  #keeperOf(state: HookState): OrderKeeper<LogEvent, Selection> {
    return new OrderKeeper<LogEvent, Selection>(state, this.#rules, { selects: hears, random: this.#tools.random });
  }

  /** The log has grown since the last `advance`. */
  grew(): void {
    this.#keeper.grew();
  }

  /** Calls the hook as long as calls may start. No call is running any more when this resolves or rejects. */
  async advance(): Promise<void> {
    const inFlight = new Set<Promise<void>>();
    try {
      await this.#advance(inFlight);
    } finally {
      await Promise.allSettled(inFlight);
    }
  }

  async #advance(inFlight: Set<Promise<void>>): Promise<void> {
    const { now, mayStart, store } = this.#tools;
    for (;;) {
      const step = this.#keeper.next(now());
      const [first] = step.send;
      if (step.store) {
        const note = this.#keeper.note(now());
        // Numbers alone are not worth a write: after a crash they follow from the stored state again.
        if (note.exhausted.length + note.signals.length > 0) await store(this);
        else this.#keeper.stored(note);
      } else if (!this.#stops && first !== undefined && mayStart()) {
        this.#keeper.begin(first, now());
        const attempt = this.#attempt(first).finally(() => inFlight.delete(attempt));
        inFlight.add(attempt);
      } else if (!this.#stops && first === undefined && step.read !== undefined && mayStart()) {
        await this.#read(step.read, inFlight);
      } else if (inFlight.size > 0) {
        await Promise.race(inFlight);
      } else {
        this.late = !this.#stops && (first !== undefined || step.read !== undefined);
        this.wakeAt = this.#stops ? undefined : step.wakeAt;
        return;
      }
    }
  }

  /** Reads a part of the log. If records of it have expired, the hook continues with the oldest record that can be read. */
  async #read(request: StretchRequest, inFlight: ReadonlySet<Promise<void>>): Promise<void> {
    const { now, oldest, reading, lost } = this.#tools;
    const log = reading();
    const stretch = await readStretch(log, request, log.newest);
    if (stretch !== "lost") {
      this.#keeper.read(stretch);
      return;
    }
    await Promise.all(inFlight);
    const { state } = this.#keeper.note(now());
    const after = positionAfter(log.epoch, (await oldest()) - 1);
    await lost(this.id, { from: state.floor.after, to: after });
    this.#keeper = this.#keeperOf(restarted(state, { after, events: [], selects: hears, at: now() }));
  }

  /** True when the hook is not called again in this run. */
  get #stops(): boolean {
    return this.#tools.way.ends(this.#target) !== undefined;
  }

  async #attempt(numbered: NumberedEvent<LogEvent>): Promise<void> {
    const { make, now, way } = this.#tools;
    const beganAt = now();
    const answer = await make(this.id, numbered, await way.render(this.#target, numbered));
    const outcome = way.classify(answer);
    const endedAt = now();
    way.onFailure(this.#target, { event: numbered, answer, outcome, beganAt, endedAt });
    this.#keeper.report(numbered, outcome, endedAt);
  }

  /** Stops the hook until an event is resolved. */
  stop(): void {
    this.#target.stopped = true;
  }

  note(): KeeperNote<LogEvent, Selection> {
    return this.#keeper.note(this.#tools.now());
  }

  stored(note: KeeperNote<LogEvent, Selection>): void {
    this.#keeper.stored(note);
  }

  /** The events of a note that go to a person, with the errors of this run. */
  givenUp({ exhausted }: KeeperNote<LogEvent, Selection>): readonly GivenUp[] {
    return exhausted.map((numbered) => {
      const { verdict, error, starts = numbered.attempts } = this.#target.failures.get(numbered.number) ?? EXPIRING;
      return { numbered, stops: verdict === "stop", starts, error };
    });
  }
}

/** The state with the hook's present selection, which applies to every event that has no number yet. */
function withPresent(state: HookState, selection: Selection): HookState {
  const stored = state.selections.at(-1)?.selection;
  if (stored !== undefined && printJson(stored) === printJson(selection)) return state;
  return withSelection(state, selection) ?? state;
}
