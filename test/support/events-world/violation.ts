/** Something that an order keeper promises does not hold. */
export class EventsViolation extends Error {}
