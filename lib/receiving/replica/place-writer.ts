import { parseText, printJson } from "../../domain/json/json-text.ts";
import { mergeDiff } from "../../domain/diff/merge-diff.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { placeKey } from "../../dynamodb/keys/replica.ts";
import {
  all,
  any,
  atMost,
  below,
  ConditionFailed,
  differs,
  itemMissing,
  missing,
  TransactionRefused,
} from "../../dynamodb/table.ts";
import type { Condition, Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Json } from "../../system/ports.ts";
import type { Step } from "./diff-plan.ts";
import { fromItem, toItem } from "./replica-entry.ts";
import type { ReplicaEntry } from "./replica-entry.ts";
import { PageGone } from "../../lists/list-pages.ts";
import { isTooWide, ListStore } from "./list-store.ts";
import type { WholeList } from "./list-store.ts";
import { readPlace } from "./peer-places.ts";
import { partKeys, readBody, writeBody } from "./value-body.ts";
import type { WritePolicy } from "./write-policy.ts";

/** Writes tried on one place before giving up; each failure means that another write got in between. */
const ATTEMPTS = 8;

/** What became of one place. */
export interface Outcome {
  readonly result: "changed" | "skipped" | "reread";
  /** The place must be read from its publisher. */
  readonly reread: boolean;
  /** What the place holds now. */
  readonly entry: ReplicaEntry | undefined;
}

type Merge = Extract<Step, { readonly kind: "merge" }>;
type Operation = Extract<Step, { readonly kind: "operation" }>;
/** Undefined: not read yet. Null: read, nothing there. */
type Known = ReplicaEntry | null | undefined;

/** Writes single places: decides on what is stored, writes on condition that it is unchanged, and decides anew if not. */
export class PlaceWriter {
  readonly #deps: { readonly table: Table; readonly clock: Clock; readonly actorId: string; readonly peerId: string };
  readonly #lists: ListStore;

  constructor(deps: {
    readonly table: Table;
    readonly clock: Clock;
    readonly actorId: string;
    readonly peerId: string;
  }) {
    this.#deps = deps;
    this.#lists = new ListStore(deps);
  }

  /** One step of a diff: one write when nobody interferes. */
  async step(step: Step, policy: WritePolicy, known: Known): Promise<Outcome> {
    switch (step.kind) {
      case "merge":
        return (
          (await this.#blind(step, policy, known)) ??
          this.#writeWithRetry(step.place, policy, known, (stored) => this.#merge(step, policy, stored))
        );
      case "operation":
        return this.#writeWithRetry(step.place, policy, known, (stored) => this.#operate(step, policy, stored));
      case "reread":
        return this.#writeWithRetry(step.place, policy, known, (stored) =>
          this.#mustReread(step.place, policy, stored),
        );
    }
  }

  /** Puts a value in the place of whatever is there. */
  value(place: Place, policy: WritePolicy, known: Known, value: Json): Promise<Outcome> {
    return this.#writeWithRetry(place, policy, known, (stored) => this.#put(place, policy, stored, value, false));
  }

  /** The same of a value that was read, which takes the place of what has the same position too: one write as a rule. */
  async read(place: Place, policy: WritePolicy, value: Json): Promise<Outcome> {
    const blind = await this.#putBlind(place, policy, value, atMost("watermark", policy.stamp(undefined).watermark));
    if (blind === undefined) return this.value(place, policy, undefined, value);
    if ("entry" in blind) return blind;
    return this.value(place, policy, blind.found, value);
  }

  /** Puts what `made` makes of the value that is there, undefined where there is none; undefined takes it away. */
  compose(
    place: Place,
    policy: WritePolicy,
    known: Known,
    made: (entry: Json | undefined) => Json | undefined,
    { hides }: { readonly hides: boolean },
  ): Promise<Outcome> {
    return this.#writeWithRetry(place, policy, known, async (stored) => {
      const text = stored?.type === "value" ? await readBody(this.#deps, stored) : undefined;
      if (stored?.type === "value" && text === undefined) return undefined;
      const value = made(text === undefined ? undefined : (parseText(text) as Json));
      if (value === undefined) return this.#putTombstone(place, policy, stored, hides);
      return this.#put(place, policy, stored, value, false);
    });
  }

  /**
   * Marks a place whose read said nothing: what is held stays readable, and nothing but a new value or a read may build on
   * it. Since when it is stale stays as it was.
   */
  stale(
    place: Place,
    policy: WritePolicy,
    known: Known,
    failed: { readonly reason: string; readonly again: number },
  ): Promise<Outcome> {
    return this.#writeWithRetry(place, policy, known, async (stored) => {
      const now = this.#deps.clock.now();
      const base: ReplicaEntry = stored ?? { type: "tombstone", place, watermark: "", sequence: 0, updatedAt: now };
      const stale = { ...failed, since: stored?.stale?.since ?? now };
      const next: ReplicaEntry = { ...base, watermark: policy.stamp(stored).watermark, mustReread: true, stale };
      await this.#lists.put(stored, next);
      return { result: "reread", reread: true, entry: next };
    });
  }

  /**
   * Makes something else of the value that is there: undefined takes it away, the same leaves it. What is no value is
   * left alone.
   */
  alter(place: Place, policy: WritePolicy, known: Known, altered: (value: Json) => Json | undefined): Promise<Outcome> {
    return this.#writeWithRetry(place, policy, known, async (stored) => {
      if (stored?.type !== "value") return { result: "skipped", reread: false, entry: stored };
      const text = await readBody(this.#deps, stored);
      if (text === undefined) return undefined;
      const value = altered(parseText(text) as Json);
      if (value === undefined) return this.#putTombstone(place, policy, stored, false);
      if (printJson(value) === text) return { result: "skipped", reread: false, entry: stored };
      return this.#put(place, policy, stored, value, stored.mustReread === true);
    });
  }

  /** Puts a whole list in the place of whatever is there. */
  list(place: Place, policy: WritePolicy, known: Known, whole: WholeList): Promise<Outcome> {
    return this.#writeWithRetry(place, policy, known, async (stored) =>
      changed(await this.#lists.build(place, stored, whole, policy.stamp(stored), policy.seed)),
    );
  }

  /** Puts a tombstone in the place of whatever is there. */
  remove(place: Place, policy: WritePolicy, known: Known, { hides }: { readonly hides: boolean }): Promise<Outcome> {
    return this.#writeWithRetry(place, policy, known, (stored) => this.#putTombstone(place, policy, stored, hides));
  }

  /**
   * Writes a value that does not depend on what is held without having read it. Undefined: what is there needs care (a
   * list, a value in parts, a newer position), or the value is too big for its item.
   */
  async #blind(step: Merge, policy: WritePolicy, known: Known): Promise<Outcome | undefined> {
    if (!step.exact || known !== undefined) return undefined;
    const { value } = mergeDiff(undefined, step.diff, step);
    const blind = await this.#putBlind(
      step.place,
      policy,
      value,
      below("watermark", policy.stamp(undefined).watermark),
    );
    if (blind === undefined || "entry" in blind) return blind;
    return this.#writeWithRetry(step.place, policy, blind.found, (found) => this.#merge(step, policy, found));
  }

  /**
   * One write in the place of what is not there, or is neither a list nor in parts and `older`. Undefined for a value too
   * big for its item; `found` is what is there instead.
   */
  async #putBlind(
    place: Place,
    policy: WritePolicy,
    value: Json | undefined,
    older: Condition,
  ): Promise<Outcome | { readonly found: ReplicaEntry | null } | undefined> {
    const base = { place, ...policy.stamp(undefined), updatedAt: this.#deps.clock.now() };
    let entry: ReplicaEntry = { ...base, type: "tombstone", hides: place.length > 1 };
    if (value !== undefined) {
      const text = printJson(value);
      if (text.length > 100_000) return undefined;
      entry = { ...base, type: "value", bytes: Buffer.byteLength(text), body: { text } };
    }
    const plain = all(older, differs("type", "list"), missing("parts"));
    try {
      await this.#deps.table.put(toItem(this.#key(place), entry), any(itemMissing, plain));
      return changed(entry);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      return { found: error.item === undefined ? null : fromItem(error.item) };
    }
  }

  async #writeWithRetry(
    place: Place,
    policy: WritePolicy,
    known: Known,
    write: (stored: ReplicaEntry | undefined) => Promise<Outcome | undefined>,
  ): Promise<Outcome> {
    let stored = known === undefined ? await readPlace(this.#deps, place) : (known ?? undefined);
    let mustReread = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const verdict = policy.verdict(stored);
      if (verdict === "skip") {
        const same = stored?.mustReread === true && stored.sequence === policy.stamp(stored).sequence;
        return { result: "skipped", reread: same, entry: stored };
      }
      try {
        const outcome =
          verdict === "diverged" || mustReread ? await this.#mustReread(place, policy, stored) : await write(stored);
        if (outcome !== undefined) return outcome;
        // What was read is no longer so: once more from what is there now.
        stored = await readPlace(this.#deps, place);
      } catch (error) {
        if (error instanceof ConditionFailed) {
          stored = error.item === undefined ? undefined : fromItem(error.item);
        } else if (error instanceof TransactionRefused) {
          stored = await readPlace(this.#deps, place);
        } else if (error instanceof PageGone) {
          const now = await readPlace(this.#deps, place);
          // The head stands still and yet its pages are not there: only the publisher can mend that.
          mustReread = sameState(now, stored);
          stored = now;
        } else if (isTooWide(error)) {
          mustReread = true;
        } else {
          throw error;
        }
      }
    }
    throw new ServiceError("service.unavailable", "What is held of a peer is being changed by others; try again.");
  }

  async #merge(step: Merge, policy: WritePolicy, stored: ReplicaEntry | undefined): Promise<Outcome | undefined> {
    const literal = step.at?.here === true;
    const deletes = !literal && (step.diff === "" || step.diff === null);
    if (deletes) return this.#putTombstone(step.place, policy, stored, step.place.length > 1);
    if (stored?.type === "list" && !literal) return this.#mustReread(step.place, policy, stored);
    let current: Json | undefined;
    if (stored?.type === "value" && !step.exact) {
      const text = await readBody(this.#deps, stored);
      if (text === undefined) return undefined;
      current = parseText(text) as Json;
    }
    const merged = mergeDiff(current, step.diff, step);
    const mustReread = merged.ambiguous || (stored?.mustReread === true && !step.exact);
    if (merged.value === undefined) return this.#putTombstone(step.place, policy, stored, step.place.length > 1);
    return this.#put(step.place, policy, stored, merged.value, mustReread);
  }

  async #operate(step: Operation, policy: WritePolicy, stored: ReplicaEntry | undefined): Promise<Outcome> {
    const stamp = policy.stamp(stored);
    const untrusted =
      stored?.type === "value" ||
      stored?.mustReread === true ||
      (stored?.type === "list" && stored.dirtyUntil !== undefined && stamp.sequence <= stored.dirtyUntil);
    // Whatever a list holds, after this it is gone.
    const certain = step.operation.action.kind === "delete_all";
    if (stored?.type === "value" || (untrusted && !certain)) return this.#mustReread(step.place, policy, stored);
    const { mustReread: _mustReread, ...trusted } = stored ?? { mustReread: undefined };
    const next = await this.#lists.operate(
      step.place,
      certain && stored !== undefined ? (trusted as Exclude<ReplicaEntry, { type: "value" }>) : stored,
      step.operation,
      stamp,
      policy.seed,
    );
    return next === undefined ? this.#mustReread(step.place, policy, stored) : changed(next);
  }

  async #put(
    place: Place,
    policy: WritePolicy,
    stored: ReplicaEntry | undefined,
    value: Json,
    mustReread: boolean,
  ): Promise<Outcome> {
    const stamp = policy.stamp(stored);
    const body = await writeBody(this.#deps, place, stamp, value);
    const next: ReplicaEntry = {
      type: "value",
      place,
      ...stamp,
      updatedAt: this.#deps.clock.now(),
      ...(mustReread ? { mustReread: true } : {}),
      ...body,
    };
    await this.#lists.put(stored, next);
    await this.#forget(stored, next);
    return { result: "changed", reread: mustReread, entry: next };
  }

  async #putTombstone(
    place: Place,
    policy: WritePolicy,
    stored: ReplicaEntry | undefined,
    hides: boolean,
  ): Promise<Outcome> {
    const next: ReplicaEntry = {
      type: "tombstone",
      place,
      ...policy.stamp(stored),
      updatedAt: this.#deps.clock.now(),
      hides,
    };
    await this.#lists.put(stored, next);
    await this.#forget(stored, next);
    return changed(next);
  }

  /** Marks what is held as not to be trusted; it stays readable until it has been read again. */
  async #mustReread(place: Place, policy: WritePolicy, stored: ReplicaEntry | undefined): Promise<Outcome> {
    const base: ReplicaEntry = stored ?? { type: "tombstone", place, watermark: "", sequence: 0, updatedAt: 0 };
    const next: ReplicaEntry = {
      ...base,
      ...policy.stamp(stored),
      updatedAt: this.#deps.clock.now(),
      mustReread: true,
    };
    await this.#lists.put(stored, next);
    return { result: "reread", reread: true, entry: next };
  }

  /** The parts of a value that was replaced; failing to delete them leaves them until the peer's data goes. */
  async #forget(before: ReplicaEntry | undefined, after: ReplicaEntry): Promise<void> {
    const kept = new Set(partKeys(this.#deps, after).map((key) => key.sk));
    const left = partKeys(this.#deps, before).filter((key) => !kept.has(key.sk));
    if (left.length > 0) await this.#deps.table.deleteMany(left).catch(() => undefined);
  }

  #key(place: Place): ReturnType<typeof placeKey> {
    return placeKey(this.#deps.actorId, this.#deps.peerId, place);
  }
}

const changed = (entry: ReplicaEntry): Outcome => ({ result: "changed", reread: false, entry });

function sameState(one: ReplicaEntry | undefined, other: ReplicaEntry | undefined): boolean {
  return (
    one?.watermark === other?.watermark &&
    one?.touched === other?.touched &&
    (one?.type === "list" ? one.generation : "") === (other?.type === "list" ? other.generation : "")
  );
}
