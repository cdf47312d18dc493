import { compact } from "../system/compact.ts";
import type { Place } from "../domain/terms/scope.ts";
import type { PartAnswer, ReadFailure } from "./publisher.ts";

/** Calls to one peer at a time. */
const AT_ONCE = 4;
/** This many failures of the peer in a row end a read, so that the peer has a pause. */
const UNWELL_IN_A_ROW = 8;

/**
 * Reads places, 4 at a time, and answers in their order. Ends early when our time ends, when the peer asks for a pause, or when
 * the peer fails repeatedly: then the answers end before the first place that was not read.
 *
 * @param patient failures count as answers of their places, because earlier attempts came no further; the peer's request for
 *   a pause still ends the read, after the place that it came with
 */
export async function readInOrder(
  places: readonly Place[],
  read: (place: Place) => Promise<PartAnswer>,
  { patient }: { readonly patient: boolean },
): Promise<{ readonly answers: readonly PartAnswer[]; readonly stopped?: ReadFailure }> {
  const answers: (PartAnswer | undefined)[] = places.map(() => undefined);
  let stopped: ReadFailure | undefined;
  let next = 0;
  let unwell: number[] = [];
  const notePart = (index: number, answer: PartAnswer): void => {
    answers[index] = answer;
    if (answer.is !== "failed") {
      unwell = [];
      return;
    }
    const { failure } = answer;
    if (failure.outOfTime === true || failure.retryAfter !== undefined) stopped ??= failure;
    if (failure.outOfTime === true || (failure.retryAfter !== undefined && !patient)) answers[index] = undefined;
    if (failure.unwell !== true || patient) return;
    unwell.push(index);
    if (unwell.length < UNWELL_IN_A_ROW) return;
    stopped ??= failure;
    for (const failed of unwell) answers[failed] = undefined;
  };
  const work = async (): Promise<void> => {
    while (stopped === undefined) {
      const index = next++;
      const place = places[index];
      if (place === undefined) return;
      notePart(index, await read(place));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const end = answers.indexOf(undefined);
  const known = (end < 0 ? answers : answers.slice(0, end)).filter((answer) => answer !== undefined);
  return compact({ answers: known, stopped });
}
