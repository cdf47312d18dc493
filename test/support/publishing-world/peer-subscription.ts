/** One subscription as its subscriber keeps it: numbers taken in order, those too early kept until they fit. */
import type { Granularity } from "../../../lib/domain/diff/change-record.ts";
import { placeOf, type Scope } from "../../../lib/domain/terms/scope.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { Inapplicable, PeerCopy } from "./copy.ts";
import { Violation } from "./violation.ts";

/** What one number says. */
export type Said = { readonly data: Json; readonly overwritten: readonly string[] } | "resync";

export class Subscription {
  readonly id: string;
  readonly scope: Scope;
  granularity: Granularity = "high";
  readonly copy: PeerCopy;
  /** Everything up to this number is in the copy. */
  last = 0;
  /** The newest number when it was polled last. */
  polled = 0;
  readonly pending = new Map<number, Said>();
  /** Counts what makes the copy useless until the state is read. At first there is none. */
  stale = 1;
  /** That count when the state was read last. */
  read = 0;
  /** Its backlog or its state is being read. */
  busy = false;
  readonly #name: string;
  /** It may have had callbacks, by a request whose answer was lost or is on its way, since its copy covered all places. */
  #mayBeNarrow = true;

  constructor(name: string, id: string, scope: Scope) {
    this.#name = name;
    this.id = id;
    this.scope = scope;
    this.copy = new PeerCopy(placeOf(scope));
  }

  get isStale(): boolean {
    return this.stale > this.read;
  }

  /** It may have callbacks from now on: then its copy leaves out the places of narrower subscriptions. */
  narrow(granularity: Exclude<Granularity, "none">): void {
    this.#mayBeNarrow = true;
    this.granularity = granularity;
  }

  /** The publisher says how it is sent. */
  changeTo(granularity: Granularity): void {
    if (granularity !== "none") {
      this.narrow(granularity);
      return;
    }
    // From then on it covers what narrower ones had, too: its copy does not hold that yet, and no number says so.
    if (this.#mayBeNarrow) this.stale += 1;
    this.#mayBeNarrow = false;
    this.granularity = granularity;
  }

  /** Keeps a number until it fits; the first content counts. */
  keep(sequence: number, said: Said): void {
    if (sequence > this.last && !this.pending.has(sequence)) this.pending.set(sequence, said);
  }

  /** Takes what follows without a gap. @throws Violation when it does not fit what is held */
  drain(): void {
    for (const sequence of this.pending.keys()) if (sequence <= this.last) this.pending.delete(sequence);
    for (;;) {
      const said = this.pending.get(this.last + 1);
      if (said === undefined) return;
      this.last += 1;
      this.pending.delete(this.last);
      this.#apply(said);
    }
  }

  #apply(said: Said): void {
    if (said === "resync") this.stale += 1;
    if (said === "resync" || this.isStale || this.scope.target !== "properties") return;
    try {
      this.copy.apply(said);
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      throw new Violation(
        `${this.#name}: number ${String(this.last)} does not fit the copy: ${error.message} ${JSON.stringify(said)}`,
      );
    }
  }
}
