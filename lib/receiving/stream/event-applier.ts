/** What sequencing asks of the part that knows what a number means. */
import type { Attribute, Condition, Item, Key } from "../../dynamodb/table.ts";
import type { Deadline } from "../../system/ports.ts";
import type { Head } from "./head.ts";
import type { HeadFields } from "./stream-changes.ts";

/** What the applier made of one event; becomes part of the head with the same write that moves it. */
export interface Applied {
  readonly fields?: HeadFields;
  /** Runs after the head has moved; its failure is logged only. */
  readonly afterwards?: () => Promise<void>;
}

/** The context of applying one event: the head as leased, how often this was begun, what was read ahead, its time. */
export interface ApplyContext<P> {
  readonly head: Head;
  readonly starts: number;
  readonly prepared: P;
  readonly deadline: Deadline;
  /** Called before the hook begins, so that its start is counted. */
  readonly hookBegins?: () => void;
}

export interface EventApplier<E extends { readonly sequence: number }, P> {
  /**
   * Reads what applying these will need, beside what `known` holds already. Without a head it runs before the lease is
   * granted, from what the events say.
   */
  prepare(stream: Key, events: readonly E[], head?: Head, known?: P): Promise<P>;
  /** Makes one event's effect, exactly once even when it is called again for the same number. */
  apply(event: E, context: ApplyContext<P>): Promise<Applied>;
  /** The attributes that buffer an event until it can be applied. */
  toBuffer(event: E): Readonly<Record<string, Attribute>>;
  /** The event a buffered item holds; undefined when it holds none that can be applied. */
  fromBuffer(item: Item, head: Head): E | undefined;
  /** True when both are known to carry the same content, or one of them does not say it. */
  agrees(one: E, other: E): boolean;
  /** True when a buffered event's content is another than what was applied under its number, as far as the head remembers. */
  contradicts(buffered: E, head: Head): boolean;
  /** What a lease for the event notes of its content; undefined when that is not known, or of no use. */
  begins(event: E): string | undefined;
  /** True when an attempt that was cut off has begun to apply another content under the event's number. */
  begunOtherwise(event: E, head: Head): boolean;
  /** True when `apply` threw because an event's content is unavailable for good. */
  isLost(error: unknown): boolean;
  /** @throws ServiceError when the event contradicts the stream it was sent for. */
  check(event: E, head: Head): void;
  /** The condition on a head under which `check` passes: part of the lease, so that a contradiction changes nothing. */
  demands(event: E): readonly Condition[];
}

/** The ids a log line about a stream names. */
export const idsOf = (head: Head) => ({
  actorId: head.actorId,
  peerId: head.peerId,
  subscriptionId: head.subscriptionId,
});
