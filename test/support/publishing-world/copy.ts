/** A subscriber's copy of what one subscription covers, kept as this service's own receiving side keeps it. */
import { isArray, isObject } from "../../../lib/domain/json/json.ts";
import { withValueAt } from "../../../lib/domain/json/json-path.ts";
import { applyToArray } from "../../../lib/domain/diff/list-operations.ts";
import { mergeDiff } from "../../../lib/domain/diff/merge-diff.ts";
import type { Place } from "../../../lib/domain/terms/scope.ts";
import { planDiff } from "../../../lib/receiving/replica/diff-plan.ts";
import type { Json } from "../../../lib/system/ports.ts";

/** The diff means nothing to what is held: then the state must be read. */
export class Inapplicable extends Error {
  override readonly name = "Inapplicable";
}

export class PeerCopy {
  readonly #own: Place;
  /** By the property's name; of a subscription with a subtarget only the empty name. */
  #replica = new Map<string, Json>();

  constructor(own: Place) {
    this.#own = own;
  }

  /** @throws Inapplicable */
  apply(diff: { readonly data: Json; readonly overwritten: readonly string[] }): void {
    const plan = planDiff({ scope: this.#own, excludedScopes: [], ...diff, nested: "merge" });
    if (plan.othersGo) this.#replica.clear();
    for (const step of plan.steps) {
      const key = this.#own.length > 0 ? "" : (step.place[0] ?? "");
      const replica = this.#replica.get(key);
      if (step.kind === "reread") throw new Inapplicable("A diff of ours never needs the state read again.");
      if (step.kind === "merge") {
        const merged = mergeDiff(replica, step.diff, step);
        if (merged.ambiguous) throw new Inapplicable("A diff of ours is never ambiguous.");
        this.#put(key, merged.value);
      } else {
        const applied = applyToArray(isArray(replica) ? replica : [], step.operation);
        if (applied === "inapplicable") throw new Inapplicable("A list operation does not fit the copy.");
        this.#put(key, applied.items);
      }
    }
  }

  /** What was read; undefined: there is nothing. */
  replace(value: Json | undefined): void {
    this.#replica = new Map();
    if (this.#own.length > 0) this.#put("", value);
    else if (isObject(value)) for (const [name, part] of Object.entries(value)) this.#put(name, part);
  }

  #put(key: string, value: Json | undefined): void {
    if (value === undefined) this.#replica.delete(key);
    else this.#replica.set(key, value);
  }

  /** What is held, without the places of others; `nothing` when there is nothing. */
  value(without: readonly Place[]): Json {
    let value: Json | undefined = this.#own.length > 0 ? this.#replica.get("") : Object.fromEntries(this.#replica);
    for (const place of without) {
      const inside = place.slice(this.#own.length);
      if (value !== undefined) value = withValueAt(value, inside, undefined);
    }
    return value ?? "nothing";
  }
}
