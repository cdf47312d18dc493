/** What a delivery without a lease does when its head is not as it was read any more. */

/** What a head was found to be after a number of it was sent. */
export interface FoundHead {
  /** There is a head of that name. */
  readonly isThere: boolean;
  /** It is the subscription to which the number was sent, not a later one of the same name. */
  readonly isSameLife: boolean;
  /** The number is cleared, or what became of it is noted. */
  readonly isSettled: boolean;
  /** A live lease: its holder finds the number untried, and sends it again, or maintenance does. */
  readonly isLeased: boolean;
  /** The number is of the record that was sent. */
  readonly isSameRecord: boolean;
}

/** `done`: nothing is left to note; `merge`: added to what is found; `leave`: not noted, so that maintenance sends it. */
export type LostRace = "done" | "merge" | "leave";

/** What becomes of the note of a number. */
export function afterLostRace({ isThere, isSameLife, isSettled, isLeased, isSameRecord }: FoundHead): LostRace {
  if (!isThere || !isSameLife || isSettled || isLeased) return "done";
  return isSameRecord ? "merge" : "leave";
}
