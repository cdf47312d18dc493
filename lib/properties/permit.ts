/** The rights of callers on an actor's own properties. */
import { valueAt } from "../domain/json/json-path.ts";
import { printJson } from "../domain/json/json-text.ts";
import type { PropertyPermissions } from "../domain/policy/permissions.ts";
import type { Place } from "../domain/terms/scope.ts";
import { READS_ALL, readsOf, visiblePart, type Reads } from "../domain/policy/visibility.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";

/** The rights of one caller: an owner has all, a peer those of its permissions. */
export class Permit {
  readonly #permissions: PropertyPermissions | undefined;
  readonly #reads: Reads;
  readonly #writes: Reads;
  readonly #deletes: Reads;

  /** Without permissions, the rights of an owner. */
  constructor(permissions?: PropertyPermissions) {
    this.#permissions = permissions;
    const open = (operation: string): Reads =>
      permissions === undefined ? READS_ALL : readsOf(permissions, operation);
    this.#reads = open("read");
    this.#writes = open("write");
    this.#deletes = open("delete");
  }

  /** True when nothing at or below the place can be hidden, whatever the value. */
  seesWhole(place: Place): boolean {
    return this.#reads.whole(place);
  }

  /** The part of the value at this place that the caller sees; undefined when it sees nothing. */
  visible(value: Json, place: Place): Json | undefined {
    return visiblePart(value, place, this.#reads);
  }

  /** @throws ServiceError auth.forbidden when nothing may be created or changed at this place */
  demandWrite(place: Place): void {
    if (!this.#writes.at(place)) throw forbidden();
  }

  /** @throws ServiceError auth.forbidden when the caller may not delete what is at this place */
  demandDelete(place: Place): void {
    if (!this.#deletes.at(place)) throw forbidden();
  }

  /**
   * For requests whose operation depends on what is stored: demands the right to write or to delete.
   * @throws ServiceError auth.forbidden
   */
  demandChange(place: Place): void {
    if (!this.#writes.at(place) && !this.#deletes.at(place)) throw forbidden();
  }

  /**
   * Replacing a value changes everything below its place, so the caller needs the right to write there too.
   * @throws ServiceError auth.forbidden when the old or the new value has a part that the caller may not change
   */
  demandWriteBelow(place: Place, before: Json | undefined, after: Json | undefined): void {
    for (const value of [valueAt(before, place.slice(1)), after]) demandAll(this.#writes, place, value);
  }

  /**
   * The same for a deletion and the right to delete.
   * @throws ServiceError auth.forbidden when the value has a part that the caller may not delete
   */
  demandDeleteBelow(place: Place, before: Json | undefined): void {
    demandAll(this.#deletes, place, valueAt(before, place.slice(1)));
  }

  /** @throws ServiceError auth.forbidden unless the caller may delete, and a pattern covers all properties */
  demandDeleteAll(): void {
    const { patterns, operations } = this.#permissions ?? { patterns: ["*"], operations: ["delete"] };
    if (!operations.includes("delete") || !patterns.includes("*")) throw forbidden();
  }

  /** True when the caller may delete the place with everything below it, whatever the value. */
  deletesWhole(place: Place): boolean {
    return this.#deletes.whole(place);
  }
}

/** @throws ServiceError auth.forbidden when the value at the place has a part that is not open */
function demandAll(open: Reads, place: Place, value: Json | undefined): void {
  if (value === undefined || open.whole(place)) return;
  if (printJson(visiblePart(value, place, open)) !== printJson(value)) throw forbidden();
}

const forbidden = (): ServiceError =>
  new ServiceError("auth.forbidden", "The permissions of this peer do not cover that change.");
