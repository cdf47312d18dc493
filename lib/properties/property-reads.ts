/** How an actor's properties are read: from the store as they are now, or by a reader that brings them to one position. */
import type { Json } from "../system/ports.ts";
import type { Property } from "./property-item.ts";
import type { PropertyStore } from "./property-store.ts";

/** A property that has been read; a list has its items when the caller asked for them. */
export interface ReadProperty extends Property {
  readonly items?: readonly Json[];
}

/** Reads of an actor's properties. */
export type PropertyReads = Pick<PropertyStore, "get" | "all" | "items">;
