/** The ways out of an actor's change log, as the engine sees them: what is said, how a failure is judged, when it ends. */
import type { Outcome } from "../domain/events/keeper-steps.ts";

/** One attempt, ready to go. Resolves to what came back within the limit (ms); rejects only for a defect. */
export type Attempt<Answer> = (limitMs: number) => Promise<Answer>;

/** What came of one attempt, for the way out that made it. */
export interface Tried<Event, Answer, Verdict = Outcome> {
  readonly event: Event;
  readonly answer: Answer;
  readonly outcome: Verdict;
  /** When it began and ended, ms since 1970. */
  readonly beganAt: number;
  readonly endedAt: number;
}

/**
 * One way out. `Target` is who is given the events, as stored; `Event` what is given; `Answer` what comes back; `Verdict`
 * how that is judged: the order keeper's outcome, or that of the numbers of peers. Everything else, order, leases,
 * deadlines, pauses, the rest for the worker, is the engine's.
 */
export interface WayOut<Target, Event, Answer, Verdict = Outcome> {
  /** What is sent: the same bytes for every attempt at an event, but for what names the attempt. */
  render(target: Target, event: Event): Promise<Attempt<Answer>>;
  /** Whose failure it is, if it is one. */
  classify(answer: Answer, target: Target): Verdict;
  /** Takes note of an attempt that was not taken, and of the first that was taken after one. Writes nothing itself. */
  onFailure(target: Target, tried: Tried<Event, Answer, Verdict>): void;
  /** Why the target is given nothing any more at `now` (ms since 1970); undefined: it is. */
  ends(target: Target, now: number): string | undefined;
}
