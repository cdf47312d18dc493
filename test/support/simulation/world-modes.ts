/** What a seed decides before its schedule begins: how rough the world is, and in what way its publisher fails. */

/**
 * One failing a world, so that none hides behind another:
 *
 *   sound        it makes no mistake
 *   twins        it gives some numbers to two changes
 *   restored     it is restored from a backup somewhere in the middle, and counts on from there
 *   unreadable   some of its values cannot be read until they are mended
 *   lying        it answers any status to any read
 *   unnumbered   its poll does not say how far it is
 *   reset        it begins to count again, its state stays
 *   cleared      it is sound; the owner of the copy deletes the stream's state
 */
const KINDS = [
  ["sound", 0.2],
  ["twins", 0.2],
  ["restored", 0.12],
  ["unreadable", 0.12],
  ["lying", 0.14],
  ["unnumbered", 0.1],
  ["reset", 0.06],
  ["cleared", 0.06],
] as const;

export type PublisherKind = (typeof KINDS)[number][0];

export interface WorldModes {
  readonly publisher: PublisherKind;
  /** The publisher gives some numbers to two changes, in any mode. */
  readonly twins: boolean;
  /** Its backlog holds one change a number, the one that was made last. */
  readonly overwrites: boolean;
  /** Some changes are never sent, nor sent again. */
  readonly silent: boolean;
  /** Answers say which diff they contain. */
  readonly positioned: boolean;
  /** Small values are read with one call, else each with its own. */
  readonly together: boolean;
  /** Faults happen, instances crash, messages get lost. */
  readonly rough: boolean;
  /** Clocks jump over leases: instances freeze past them. */
  readonly jumpy: boolean;
  /** A state takes several runs. */
  readonly large: boolean;
  readonly maxPending: number;
  /** A gap is recovered after an hour, longer than any lease: what needs no recovery must not wait for it. */
  readonly patient: boolean;
}

export function modesOf(random: () => number): WorldModes {
  const chance = (probability: number): boolean => random() < probability;
  const publisher = kindOf(random());
  const rough = chance(0.65);
  const twins = publisher === "twins" || ((publisher === "unreadable" || publisher === "unnumbered") && chance(0.5));
  const overwrites = chance(0.5);
  // Nothing can show a change that is neither sent nor counted, that only a crashed instance received, or that has left
  // the backlog by the time that its number is applied.
  const mayBeSilent = twins ? !rough && !overwrites : publisher === "restored";
  return {
    publisher,
    twins,
    overwrites,
    silent: publisher !== "unnumbered" && mayBeSilent && chance(0.4),
    // A publisher that numbers without care cannot say positions.
    positioned: !twins && publisher !== "unnumbered" && chance(0.5),
    together: chance(0.5),
    rough,
    jumpy: rough && chance(0.3),
    large: chance(0.3),
    maxPending: chance(0.3) ? 2 : 100,
    patient: chance(0.4),
  };
}

function kindOf(random: number): PublisherKind {
  let below = 0;
  for (const [kind, share] of KINDS) {
    below += share;
    if (random < below) return kind;
  }
  return "sound";
}
