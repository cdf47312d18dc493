/** How an actor's properties are read: from the store as they are now, or at one position of the change log. */
import type { Json } from "../system/ports.ts";
import type { OwnList } from "./own-list.ts";
import type { Property } from "./property-item.ts";

/** A property that has been read; a list has its items when the caller asked for them. */
export interface ReadProperty extends Property {
  readonly items?: readonly Json[];
}

/** Reads of actors' properties. */
export interface PropertyReads {
  /** One property; undefined when there is none. */
  get(actorId: string, name: string): Promise<Property | undefined>;
  /** All properties, in the order of their names. */
  all(actorId: string): AsyncGenerator<ReadProperty>;
  /** At most `limit` items from `start` on; undefined when the list has changed since it was read. */
  items(actorId: string, list: OwnList, start: number, limit: number): Promise<readonly Json[] | undefined>;
}
