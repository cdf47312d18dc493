/**
 * A listener in simulated time: events are made when the scenario says, attempts take as long as the endpoint does, and
 * sessions end whenever nothing is in flight, so that the next one begins from what is stored.
 */
import { newKeeperState, type KeeperState } from "../../../lib/domain/events/keeper-state.ts";
import type { KeeperRules, KeeperSignal, NumberedEvent, Outcome } from "../../../lib/domain/events/keeper-steps.ts";
import { OrderKeeper } from "../../../lib/domain/events/order-keeper.ts";
import { seeded } from "../simulation/scheduler.ts";
import { BEGINNING, selects, WorldLog, type WorldEvent, type WorldSelection } from "./log.ts";
import { EventsViolation } from "./violation.ts";

/** How an endpoint or an event fails, as the sender judges it, and how long that takes. */
export const WAYS: Readonly<Record<string, Outcome & { readonly tookMs: number }>> = {
  "400": { is: "failed", tookMs: 2 },
  "404": { is: "failed", tookMs: 2 },
  "500": { is: "failed", tookMs: 20 },
  "503": { is: "unavailable", tookMs: 2 },
  "a redirect": { is: "failed", tookMs: 2 },
  "a reset after the request": { is: "ambiguous", tookMs: 5 },
  silence: { is: "ambiguous", tookMs: 15_000 },
};

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** The default settings of a webhook, and the default breaker. */
export const DEFAULT_RULES: KeeperRules = {
  order: "key",
  parallel: 4,
  maxAttempts: 10,
  onExhausted: "park",
  retryAmbiguous: true,
  breaker: { threshold: 5, recoveryMs: MINUTE },
  room: 1_000,
  retentionMs: 30 * 24 * HOUR,
};

/** What is made, at which time. */
export interface Made {
  readonly at: number;
  readonly key: string;
}

export interface Scenario {
  readonly seed: number;
  readonly rules?: Partial<KeeperRules>;
  /** In order of time. */
  readonly makes: readonly Made[];
  /** How an attempt that begins at that time fails; undefined: it is taken after 2 ms. */
  readonly fails: (event: WorldEvent, now: number) => (Outcome & { readonly tookMs: number }) | undefined;
}

/** What became of an event. */
export interface Delivered {
  readonly event: WorldEvent;
  readonly madeAt: number;
  readonly takenAt: number;
}

type Numbered = NumberedEvent<WorldEvent>;

export class TimedWorld {
  readonly delivered: Delivered[] = [];
  readonly exhausted: WorldEvent[] = [];
  readonly signals: KeeperSignal[] = [];
  notes = 0;
  reads = 0;
  attempts = 0;
  now = 0;
  readonly #scenario: Scenario;
  readonly #log = new WorldLog();
  readonly #random: () => number;
  readonly #rules: KeeperRules;
  readonly #taken = new Set<number>();
  #stored: KeeperState<WorldSelection>;
  #keeper: OrderKeeper<WorldEvent, WorldSelection> | undefined;
  #inFlight: { readonly numbered: Numbered; readonly endsAt: number; readonly outcome: Outcome }[] = [];
  #made = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = seeded(scenario.seed);
    this.#rules = { ...DEFAULT_RULES, ...scenario.rules };
    this.#stored = newKeeperState<WorldSelection>(BEGINNING, { selection: 1, at: 0 });
  }

  /** Plays until nothing more happens. */
  play(): this {
    for (;;) {
      this.#make();
      const wakeAt = this.#work();
      const next = Math.min(
        wakeAt ?? Infinity,
        this.#scenario.makes[this.#made]?.at ?? Infinity,
        ...this.#inFlight.map(({ endsAt }) => endsAt),
      );
      if (next === Infinity) return this;
      if (next < this.now) throw new EventsViolation("the wake-up is past");
      this.now = next;
      this.#answer();
    }
  }

  #make(): void {
    for (;;) {
      const made = this.#scenario.makes[this.#made];
      if (made === undefined || made.at > this.now) return;
      this.#made += 1;
      this.#log.append({ key: made.key, barrier: false, kind: 0, expiresAt: made.at + this.#rules.retentionMs });
      this.#keeper?.grew();
    }
  }

  /** Everything that can happen now. @returns when time makes more possible */
  #work(): number | undefined {
    for (;;) {
      this.#keeper ??= new OrderKeeper(this.#stored, this.#rules, { selects, random: this.#random });
      const { send, read, store, wakeAt } = this.#keeper.next(this.now);
      const [first] = send;
      if (store) this.#note();
      else if (first !== undefined) this.#begin(first);
      else if (read !== undefined) this.#read(read);
      else {
        if (this.#inFlight.length > 0) return wakeAt;
        this.#note();
        this.#keeper = undefined;
        return wakeAt;
      }
    }
  }

  #read(request: { readonly after: string; readonly upTo?: string }): void {
    const stretch = this.#log.read(request, 500);
    this.reads += 1;
    if (stretch === undefined) this.#keeper?.overtaken();
    else this.#keeper?.read(stretch);
  }

  #begin(numbered: Numbered): void {
    this.#keeper?.begin(numbered, this.now);
    this.attempts += 1;
    const { tookMs, ...outcome } = this.#scenario.fails(numbered.event, this.now) ?? { is: "taken", tookMs: 2 };
    this.#inFlight.push({ numbered, endsAt: this.now + tookMs, outcome });
  }

  #answer(): void {
    const ended = this.#inFlight.filter(({ endsAt }) => endsAt <= this.now);
    this.#inFlight = this.#inFlight.filter(({ endsAt }) => endsAt > this.now);
    for (const { numbered, outcome } of ended) {
      this.#keeper?.report(numbered, outcome, this.now);
      if (outcome.is === "taken") this.#takes(numbered.event);
      else this.#note();
    }
  }

  #takes(event: WorldEvent): void {
    if (this.#taken.has(event.at)) throw new EventsViolation(`event ${String(event.at)} is taken twice`);
    this.#taken.add(event.at);
    const newest = this.#newest.get(event.key) ?? -1;
    if (newest > event.at && this.#rules.order !== "none") throw new EventsViolation(`${event.key} is out of order`);
    this.#newest.set(event.key, event.at);
    this.delivered.push({ event, madeAt: this.#scenario.makes[event.at]?.at ?? 0, takenAt: this.now });
  }

  readonly #newest = new Map<string, number>();

  #note(): void {
    const note = this.#keeper?.note(this.now);
    if (note === undefined) return;
    this.notes += 1;
    this.#stored = note.state;
    this.signals.push(...note.signals);
    this.exhausted.push(...note.exhausted.map(({ event }) => event));
    this.#keeper?.stored(note);
  }

  /** As stored. */
  get state(): KeeperState<WorldSelection> {
    return this.#stored;
  }
}
