import type { Json } from "./json.ts";
import { covers, render, type Scope } from "./scope.ts";
import type { Change } from "./state.ts";

export type Granularity = "high" | "low" | "none";

/** One numbered diff, or a resync that took a number. */
export interface Diff {
  sequence: number;
  /** Milliseconds since 1970 and microseconds within: what the timestamp is written from. */
  at: number;
  data: Json;
  overwritten: string[];
  resync?: boolean;
}

/** A peer's subscription to this actor. */
export interface Subscription extends Scope {
  id: string;
  peerId: string;
  granularity: Granularity;
  /** The newest number ever given. */
  sequence: number;
  /** The diffs that the subscriber has not cleared. */
  backlog: Map<number, Diff>;
  /** Every diff ever made, also after it was cleared: tests send old ones again. */
  made: Map<number, Diff>;
}

export interface SubscriptionRequest {
  target: string;
  subtarget: string | null;
  resource: string | null;
  granularity: Granularity;
}

/** All inbound subscriptions of the actor; numbers are dense per subscription. */
export class SubscriptionBook {
  readonly all = new Map<string, Subscription>();
  readonly #newId: () => string;
  readonly #narrowerTakesOver: boolean;

  /** With `narrowerTakesOver` a change inside a peer's narrower subscription is left out of its broader one. */
  constructor(newId: () => string, narrowerTakesOver: boolean) {
    this.#newId = newId;
    this.#narrowerTakesOver = narrowerTakesOver;
  }

  /** The same scope again keeps its id and takes the new granularity. */
  create(peerId: string, request: SubscriptionRequest): Subscription {
    const same = this.of(peerId).find(
      (one) =>
        one.target === request.target && one.subtarget === request.subtarget && one.resource === request.resource,
    );
    if (same) return Object.assign(same, { granularity: request.granularity });
    const made: Subscription = {
      ...request,
      id: this.#newId(),
      peerId,
      sequence: 0,
      backlog: new Map(),
      made: new Map(),
    };
    this.all.set(made.id, made);
    return made;
  }

  of(peerId: string): Subscription[] {
    return [...this.all.values()].filter((one) => one.peerId === peerId);
  }

  /** The peer's subscription of that id. */
  find(peerId: string, id: string): Subscription | undefined {
    const found = this.all.get(id);
    return found?.peerId === peerId ? found : undefined;
  }

  /** Gives every subscription in scope its next number for these changes; returns the new diffs. */
  record(changes: readonly Change[], at: number, read: (path: string[]) => Json | undefined) {
    const made: { subscription: Subscription; diff: Diff }[] = [];
    for (const subscription of this.all.values()) {
      if (subscription.target !== "properties") continue;
      const visible = changes.filter((change) => !this.#belongsToNarrower(subscription, change));
      const rendered = render(visible, subscription, read);
      if (rendered) made.push({ subscription, diff: this.#number(subscription, { at, ...rendered }) });
    }
    return made;
  }

  /** A diff of an app's own target, whatever its data. */
  recordRaw(subscription: Subscription, at: number, data: Json, overwritten: string[] = []): Diff {
    return this.#number(subscription, { at, data, overwritten });
  }

  /** A resync takes a number too, and makes what came before it needless. */
  recordResync(subscription: Subscription, at: number, data: Json): Diff {
    return this.#number(subscription, { at, data, overwritten: [""], resync: true });
  }

  /** Forgets the diffs up to `sequence`. False when that is beyond the newest. */
  clear(subscription: Subscription, sequence: number): boolean {
    if (sequence > subscription.sequence) return false;
    for (const number of subscription.backlog.keys()) if (number <= sequence) subscription.backlog.delete(number);
    return true;
  }

  /** The publisher lost its numbering: everything starts at 0 again, nothing is waiting. */
  reset(): void {
    for (const subscription of this.all.values()) {
      subscription.sequence = 0;
      subscription.backlog.clear();
      subscription.made.clear();
    }
  }

  #number(subscription: Subscription, diff: Omit<Diff, "sequence">): Diff {
    subscription.sequence += 1;
    const numbered = { sequence: subscription.sequence, ...diff };
    subscription.backlog.set(numbered.sequence, numbered);
    subscription.made.set(numbered.sequence, numbered);
    return numbered;
  }

  #belongsToNarrower(subscription: Subscription, change: Change): boolean {
    if (!this.#narrowerTakesOver || subscription.granularity === "none") return false;
    return this.of(subscription.peerId).some(
      (other) =>
        other !== subscription &&
        other.granularity !== "none" &&
        narrower(other, subscription) &&
        covers(other, change),
    );
  }
}

function narrower(a: Scope, b: Scope): boolean {
  const depth = (scope: Scope) => (scope.subtarget === null ? 0 : scope.resource === null ? 1 : 2);
  return a.target === b.target && depth(a) > depth(b);
}
