import { restarted, withSelection } from "../../domain/events/keeper-changes.ts";
import type {
  KeeperNote,
  KeeperRules,
  NumberedEvent,
  Outcome,
  StretchRequest,
} from "../../domain/events/keeper-steps.ts";
import { OrderKeeper } from "../../domain/events/order-keeper.ts";
import { selects, type Selection } from "../../domain/events/selection.ts";
import { positionAfter } from "../../domain/events/position.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { HookFailure } from "../../failed-events/hook-attempt.ts";
import { MOST_HOPS, type EventHookDefinition } from "./definition.ts";
import type { HookState } from "./event-hooks-item.ts";
import { readStretch, type LogEvent, type LogReading } from "./log-events.ts";

/** What a cursor takes from outside. */
export interface CursorTools {
  readonly now: () => number;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  readonly maxAttempts: number;
  /** True while another attempt may begin. */
  readonly mayStart: () => boolean;
  /** The log, as far as it is to be heard now. */
  readonly reading: () => LogReading;
  /** The number of the oldest record that can be read; asked for where events were lost. */
  readonly oldest: () => Promise<number>;
  /** One attempt at an event; undefined: it succeeded. */
  readonly attempt: (id: string, numbered: NumberedEvent<LogEvent>) => Promise<Failure | undefined>;
  /** Events between two positions have expired before the hook was given them. */
  readonly lost: (id: string, between: { readonly from: string; readonly to: string }) => void;
  /** Stores events that go to a person, before the hook is given anything else. */
  readonly store: (cursor: HookCursor) => Promise<void>;
}

/** `starts`: how often the hook was begun, where that is not the number of counted attempts. */
export type Failure = HookFailure & { readonly starts?: number };

/** An event that goes to a person. */
export interface GivenUp {
  readonly numbered: NumberedEvent<LogEvent>;
  /** The hook is given nothing more before the event is resolved. */
  readonly stops: boolean;
  readonly starts: number;
  readonly error: string;
}

/** Most events of one hook and one actor that run at the same time, as for webhooks. */
const PARALLEL = 4;
/** A hook is no endpoint: its failures say nothing of other events, so no breaker opens within this time, ms. */
const NEVER_MS = 100 * 365 * 86_400_000;
const NO_BREAKER = { threshold: Number.MAX_SAFE_INTEGER, recoveryMs: NEVER_MS };

const LOOP: Failure = {
  ...{ verdict: "park", starts: 0 },
  error: `loop: ${String(MOST_HOPS)} hooks led to this event, one after another.`,
};
const EXPIRING: Failure = {
  verdict: "park",
  error: "The record of this event expires, and it could not be given to the hook.",
};

/**
 * One hook's way along one actor's log, during one run that holds the lease.
 *
 *   running   `advance` gives the hook every event that the order allows; it ends when nothing can begin
 *   stopped   a verdict of the hook, or one that is stored, stopped it: `advance` gives it nothing
 *
 * Invariant: what `note` gives is a state from which another run can continue, with all that has happened so far.
 */
export class HookCursor {
  readonly id: string;
  /** There is more to do now, but no time. */
  late = false;
  /** When a failed event is tried again, ms since 1970. */
  wakeAt: number | undefined;
  /** A verdict has stopped the hook in this run. */
  stops = false;
  readonly #tools: CursorTools;
  readonly #rules: KeeperRules;
  #keeper: OrderKeeper<LogEvent, Selection>;
  /** By number: why an attempt of this run was not taken. */
  readonly #failures = new Map<number, Failure>();

  constructor({ id, order, selection }: EventHookDefinition, state: HookState, tools: CursorTools) {
    this.id = id;
    this.#tools = tools;
    this.#rules = {
      ...{ order, parallel: PARALLEL, maxAttempts: tools.maxAttempts, onExhausted: "park", breaker: NO_BREAKER },
      // An attempt that a verdict parks is reported as ambiguous: then the keeper gives the event up at once.
      retryAmbiguous: false,
      room: Number.MAX_SAFE_INTEGER,
      retentionMs: tools.reading().retentionMs,
    };
    this.#keeper = this.#keeperOf(withPresent(state, selection));
  }

  #keeperOf(state: HookState): OrderKeeper<LogEvent, Selection> {
    return new OrderKeeper<LogEvent, Selection>(state, this.#rules, { selects, random: this.#tools.random });
  }

  /** The log has grown since the last `advance`. */
  grew(): void {
    this.#keeper.grew();
  }

  /** Runs the hook for all that may begin, and awaits its attempts. */
  async advance(): Promise<void> {
    const { now, mayStart, store } = this.#tools;
    const inFlight = new Set<Promise<void>>();
    for (;;) {
      const step = this.#keeper.next(now());
      const [first] = step.send;
      if (step.store) {
        const note = this.#keeper.note(now());
        // Numbers alone need no write: after a crash they follow from the stored state again.
        if (note.exhausted.length > 0) await store(this);
        else this.#keeper.stored(note);
      } else if (!this.stops && first !== undefined && mayStart()) {
        this.#keeper.begin(first, now());
        const attempt = this.#attempt(first).finally(() => inFlight.delete(attempt));
        inFlight.add(attempt);
      } else if (!this.stops && first === undefined && step.read !== undefined && mayStart()) {
        await this.#read(step.read, inFlight);
      } else if (inFlight.size > 0) {
        await Promise.race(inFlight);
      } else {
        this.late = !this.stops && (first !== undefined || step.read !== undefined);
        this.wakeAt = this.stops ? undefined : step.wakeAt;
        return;
      }
    }
  }

  /** Where a part has expired the hook begins again with the oldest event that can be read: retention wins over it. */
  async #read(request: StretchRequest, inFlight: ReadonlySet<Promise<void>>): Promise<void> {
    const { now, oldest, reading, lost } = this.#tools;
    const stretch = await readStretch(reading(), request);
    if (stretch !== undefined) {
      this.#keeper.read(stretch);
      return;
    }
    await Promise.all(inFlight);
    const { state } = this.#keeper.note(now());
    const after = positionAfter(reading().epoch, (await oldest()) - 1);
    lost(this.id, { from: state.floor.after, to: after });
    this.#keeper = this.#keeperOf(restarted(state, { after, events: [], selects, at: now() }));
  }

  async #attempt(numbered: NumberedEvent<LogEvent>): Promise<void> {
    const { attempt, now } = this.#tools;
    const failure = numbered.event.hops >= MOST_HOPS ? LOOP : await attempt(this.id, numbered);
    this.#keeper.report(numbered, this.#outcomeOf(numbered, failure), now());
  }

  #outcomeOf({ number }: NumberedEvent<LogEvent>, failure: Failure | undefined): Outcome {
    this.#failures.delete(number);
    if (failure === undefined || failure.verdict === "skip") return { is: "taken" };
    this.#failures.set(number, failure);
    if (failure.verdict === "retry") return { is: "failed" };
    if (failure.verdict === "stop") this.stops = true;
    return { is: "ambiguous" };
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
      const { verdict, error, starts = numbered.attempts } = this.#failures.get(numbered.number) ?? EXPIRING;
      return { numbered, stops: verdict === "stop", starts, error };
    });
  }
}

/** A changed pattern, or changed types, hold for every event that has no number yet. */
function withPresent(state: HookState, selection: Selection): HookState {
  const stored = state.selections.at(-1)?.selection;
  if (stored !== undefined && printJson(stored) === printJson(selection)) return state;
  return withSelection(state, selection) ?? state;
}
