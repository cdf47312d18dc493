/** Decides what replaces the entry of a place, from that entry. `writePlace` does the writing. */
import { mergeDiff } from "../../domain/diff/merge-diff.ts";
import type { ListOperation } from "../../domain/diff/list-operations.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { Json } from "../../system/ports.ts";
import type { Step } from "./diff-plan.ts";
import type { WholeList } from "./list-store.ts";
import type { ListEntry, ReplicaEntry, Tombstone } from "./replica-entry.ts";
import type { Stamp } from "./write-policy.ts";

/** Why the read of a place said nothing, and before when (ms) the place is not read again. */
export interface FailedRead {
  readonly reason: string;
  readonly again: number;
}

/** What replaces a stored entry. */
export type Next =
  | { readonly is: "value"; readonly value: Json; readonly mustReread?: boolean }
  | { readonly is: "tombstone"; readonly hides: boolean }
  | { readonly is: "list"; readonly whole: WholeList }
  | { readonly is: "operation"; readonly on: ListEntry | Tombstone | undefined; readonly operation: ListOperation }
  /** The entry stays readable, and is not built on until the place has been read from its publisher. */
  | { readonly is: "reread" }
  /** The same after a failed read. */
  | { readonly is: "stale"; readonly failed: FailedRead }
  | { readonly is: "unchanged" };

export interface PlaceChange {
  /**
   * For a change whose result does not depend on what is stored: the value it puts, undefined for a deletion. Such a
   * change may be written without a read.
   */
  readonly unread?: () => Json | undefined;
  /**
   * Decides what replaces `stored`.
   *
   * @param valueOf reads the value of `stored`; undefined when that has been replaced meanwhile
   * @returns undefined when `valueOf` was: the decision is made again from the entry that is stored then
   */
  next(
    stored: ReplicaEntry | undefined,
    stamp: Stamp,
    valueOf: () => Promise<Json | undefined>,
  ): Next | Promise<Next | undefined>;
}

/** Replaces whatever is stored by a value. */
export const newValue = (value: Json): PlaceChange => ({ next: () => ({ is: "value", value }) });

/** Replaces whatever is stored by a whole list. */
export const newList = (whole: WholeList): PlaceChange => ({ next: () => ({ is: "list", whole }) });

/** Replaces whatever is stored by a tombstone. */
export const removal = (hides: boolean): PlaceChange => ({ next: () => ({ is: "tombstone", hides }) });

/** Marks a place whose read failed. An existing mark keeps its `since`. */
export const staleMark = (failed: FailedRead): PlaceChange => ({ next: () => ({ is: "stale", failed }) });

/** Stores what `made` makes of the stored value (undefined where there is none), or deletes when that is undefined. */
export const composed = (made: (value: Json | undefined) => Json | undefined, hides: boolean): PlaceChange => ({
  async next(stored, _stamp, valueOf) {
    const current = stored?.type === "value" ? await valueOf() : undefined;
    if (stored?.type === "value" && current === undefined) return undefined;
    const value = made(current);
    return value === undefined ? { is: "tombstone", hides } : { is: "value", value };
  },
});

/** Alters a stored value: undefined deletes it, an equal one leaves it. Anything but a value is left alone. */
export const altered = (alter: (value: Json) => Json | undefined): PlaceChange => ({
  async next(stored, _stamp, valueOf) {
    if (stored?.type !== "value") return { is: "unchanged" };
    const current = await valueOf();
    if (current === undefined) return undefined;
    const value = alter(current);
    if (value === undefined) return { is: "tombstone", hides: false };
    if (printJson(value) === printJson(current)) return { is: "unchanged" };
    return { is: "value", value, mustReread: stored.mustReread === true };
  },
});

/** One step of a diff. */
export function changeOf(step: Step): PlaceChange {
  switch (step.kind) {
    case "merge": {
      const next: PlaceChange["next"] = (stored, _stamp, valueOf) => merged(step, stored, valueOf);
      return step.exact ? { next, unread: () => mergeDiff(undefined, step.diff, step).value } : { next };
    }
    case "operation":
      return { next: (stored, stamp) => operated(step.operation, stored, stamp) };
    case "reread":
      return { next: () => ({ is: "reread" }) };
  }
}

async function merged(
  step: Extract<Step, { readonly kind: "merge" }>,
  stored: ReplicaEntry | undefined,
  valueOf: () => Promise<Json | undefined>,
): Promise<Next | undefined> {
  const { diff, exact, place } = step;
  const hides = place.length > 1;
  const literal = step.at?.here === true;
  if (!literal && (diff === "" || diff === null)) return { is: "tombstone", hides };
  if (stored?.type === "list" && !literal) return { is: "reread" };
  const isBase = stored?.type === "value" && !exact;
  const current = isBase ? await valueOf() : undefined;
  if (isBase && current === undefined) return undefined;
  const { value, ambiguous } = mergeDiff(current, diff, step);
  if (value === undefined) return { is: "tombstone", hides };
  return { is: "value", value, mustReread: ambiguous || (stored?.mustReread === true && !exact) };
}

function operated(operation: ListOperation, stored: ReplicaEntry | undefined, { sequence }: Stamp): Next {
  if (stored?.type === "value") return { is: "reread" };
  const isDirty = stored?.type === "list" && stored.dirtyUntil !== undefined && sequence <= stored.dirtyUntil;
  // Whatever a list contains, `delete_all` leaves nothing of it.
  const certain = operation.action.kind === "delete_all";
  if ((stored?.mustReread === true || isDirty) && !certain) return { is: "reread" };
  return { is: "operation", on: stored, operation };
}
