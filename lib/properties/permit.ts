/** What a caller may see and change of an actor's own properties. */
import { valueAt } from "../domain/json-path.ts";
import { printJson } from "../domain/json-text.ts";
import type { PropertyPermissions } from "../domain/permissions.ts";
import type { Place } from "../domain/scope.ts";
import { READS_ALL, readsOf, visiblePart } from "../domain/visibility.ts";
import type { Reads } from "../domain/visibility.ts";
import { ServiceError } from "../errors.ts";
import type { Json } from "../ports.ts";

/** A caller's view. Everything for owners; for a peer what its permissions leave. */
export class Permit {
  readonly #reads: Reads;
  readonly #writes: Reads;

  /** Without permissions: an owner's. */
  constructor(permissions?: PropertyPermissions) {
    this.#reads = permissions === undefined ? READS_ALL : readsOf(permissions);
    this.#writes = permissions === undefined ? READS_ALL : readsOf(writable(permissions));
  }

  /** True when nothing at or below the place can be hidden: the value need not be looked at. */
  seesWhole(place: Place): boolean {
    return this.#reads.whole(place);
  }

  /** What of the value at this place the caller sees; undefined: for the caller there is nothing. */
  seen(value: Json, place: Place): Json | undefined {
    return visiblePart(value, place, this.#reads);
  }

  /** @throws ServiceError auth.forbidden when nothing may be changed at this place */
  demandWrite(place: Place): void {
    const open = place.length === 0 ? this.#writes.whole(place) : this.#writes.at(place);
    if (!open) throw forbidden();
  }

  /**
   * Replacing or deleting a place takes along what is below it: there too the caller must be allowed to.
   * @throws ServiceError auth.forbidden when the old or the new value has a part the caller may not change
   */
  demandWriteBelow(place: Place, before: Json | undefined, after: Json | undefined): void {
    if (this.#writes.whole(place)) return;
    for (const value of [valueAt(before, place.slice(1)), after]) {
      if (value === undefined) continue;
      const open = visiblePart(value, place, this.#writes);
      if (printJson(open) !== printJson(value)) throw forbidden();
    }
  }
}

/** The permissions as if their right to write were one to read: both cover places alike. */
function writable(permissions: PropertyPermissions): PropertyPermissions {
  return { ...permissions, operations: permissions.operations.includes("write") ? ["read"] : [] };
}

const forbidden = (): ServiceError =>
  new ServiceError("auth.forbidden", "The permissions of this peer do not cover that change.");
