/**
 * The ways out of an actor's change log, as the engine sees them: what is sent, how an answer is judged, when sending ends.
 */
import type { Outcome } from "../domain/events/keeper-steps.ts";

/**
 * An attempt that only has to be called. Resolves to the answer that came within the limit (ms); rejects only for a defect.
 */
export type PreparedAttempt<Answer> = (limitMs: number) => Promise<Answer>;

/** An attempt that has ended, as `onFailure` is given it. */
export interface Tried<Event, Answer, Judgement = Outcome> {
  readonly event: Event;
  readonly answer: Answer;
  readonly outcome: Judgement;
  /** When the attempt began and ended, ms since 1970. */
  readonly beganAt: number;
  readonly endedAt: number;
}

/**
 * One way out. `Target` is the receiver of the events, as it is stored; `Event` is what the receiver gets; `Answer` is what
 * comes back; `Judgement` says what the answer means: an outcome for the order keeper, or one for the numbers of peers. The
 * engine does everything else: order, leases, deadlines, pauses, and handing the rest to the worker.
 */
export interface WayOut<Target, Event, Answer, Judgement = Outcome> {
  /** Prepares an attempt. Every attempt at an event sends the same bytes, except for those that identify the attempt. */
  render(target: Target, event: Event): Promise<PreparedAttempt<Answer>>;
  /** Says whether the attempt failed, and whether the event or the receiver is the reason. */
  classify(answer: Answer, target: Target): Judgement;
  /** Called with each attempt that failed, and with the first that succeeds afterwards. Writes nothing to the table. */
  onFailure(target: Target, tried: Tried<Event, Answer, Judgement>): void;
  /** Why the target gets no more events at `now` (ms since 1970); undefined: it still gets them. */
  ends(target: Target, now: number): string | undefined;
}
