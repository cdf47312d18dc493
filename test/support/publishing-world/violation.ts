/** What the simulation exists to find. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** The actor that publishes. */
export const ACTOR = "actor";
