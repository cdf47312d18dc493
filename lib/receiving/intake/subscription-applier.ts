/** What a number of an outbound subscription means: its data is stored, then its hooks run. */
import { compact } from "../../system/compact.ts";
import { checkScope, fitsScope } from "../../domain/wire/callback-scope.ts";
import { sameJson } from "../../domain/json/canonical-json.ts";
import type { DiffContent } from "../../domain/diff/diff-content.ts";
import { isObject } from "../../domain/json/json.ts";
import { namedData } from "../../domain/diff/peer-names.ts";
import { placeOf, samePlace, type Place } from "../../domain/terms/scope.ts";
import { ServiceError } from "../../system/errors.ts";
import { reserved } from "../stream/reserved.ts";
import type { Deadline, Json } from "../../system/ports.ts";
import { streamOfKey } from "../../dynamodb/keys/streams.ts";
import type { Attribute, Condition, Item, Key } from "../../dynamodb/table.ts";
import { bufferedEvent, placeSaid, scopeDemands } from "./callback-events.ts";
import { isNewer } from "../stream/contradiction.ts";
import { begunBy, begunOtherwise, contradicts, withDigest } from "../stream/digests.ts";
import type { Head } from "../stream/head.ts";
import type { HookRuns } from "../../failed-events/hook-runs.ts";
import type { HookEvent } from "../../failed-events/hook-event.ts";
import { hookEventOf, partEventOf } from "../hooks/stream-events.ts";
import type { IncomingDiff } from "../replica/incoming.ts";
import { acknowledge } from "../recovery/acknowledge.ts";
import { logLeftOut } from "../recovery/left-out.ts";
import { resyncPart } from "../recovery/part-resync.ts";
import { markStale, rereadPlaces, type PlaceReadsDeps, type ReadAgain } from "../recovery/place-reads.ts";
import type { Publisher } from "../../peers/publisher.ts";
import type { ReceivedData } from "../stream/ports.ts";
import { requestedPause } from "../stream/retry-pause.ts";
import { ContentRefused, type Prepared, type StreamEvent } from "../stream/stream-event.ts";
import { idsOf, type Applied, type EventApplier, type ApplyContext } from "../stream/event-applier.ts";
import { pauseReadsUntil, type HeadFields } from "../stream/stream-changes.ts";
import type { StreamStore } from "../stream/stream-store.ts";

/** After this many processed diffs we acknowledge our position to the publisher. */
export const ACKNOWLEDGE_EVERY = 100;
/** A publisher whose diff could not be fetched may send its callback again after this, ms. */
const FETCH_AGAIN_MS = 5_000;
/** Without a trusted publisher to read a place from, a resync is due after this many ms. */
const REREAD_AGAIN_MS = 30_000;

export interface ApplierDeps extends PlaceReadsDeps {
  readonly streams: StreamStore;
  readonly hooks: HookRuns;
  readonly settings: { readonly autoStorage: boolean; readonly nestedDiffs: "merge" | "replace" };
}

/** What became of one event: its content, the event for the hooks, and the result of reading places again. */
interface AppliedContent {
  /** The digested content; undefined when it is not known. */
  readonly data: Json | undefined;
  readonly hookEvent: HookEvent | undefined;
  /** The event's data is a state that the store holds. */
  readonly stored: boolean;
  readonly again: ReadAgain;
}

const NOTHING_AGAIN: ReadAgain = { unasked: [] };

/** What an event of a subscription means: its data is stored, then its hooks run. */
export class SubscriptionApplier implements EventApplier<StreamEvent, Prepared | undefined> {
  readonly #deps: ApplierDeps;
  /** The diffs of contents as they were prepared, so that what was planned for a diff is found when it is applied. */
  readonly #diffs = new WeakMap<DiffContent, IncomingDiff>();

  constructor(deps: ApplierDeps) {
    this.#deps = deps;
  }

  check(event: StreamEvent, head: Head): void {
    if (event.parsed !== undefined) checkScope(event.parsed, head.scope);
  }

  isLost(error: unknown): boolean {
    return error instanceof ContentRefused;
  }

  demands(event: StreamEvent): readonly Condition[] {
    return event.parsed === undefined ? [] : scopeDemands(event.parsed);
  }

  toBuffer(event: StreamEvent): Readonly<Record<string, Attribute>> {
    if (event.sent === undefined) return {};
    const { body, encoding } = event.sent;
    return compact({ body, encoding });
  }

  fromBuffer(item: Item, head: Head): StreamEvent | undefined {
    return bufferedEvent(item, head);
  }

  async prepare(
    stream: Key,
    events: readonly StreamEvent[],
    head?: Head,
    known?: Prepared,
  ): Promise<Prepared | undefined> {
    const ids = streamOfKey(stream);
    const scope = head === undefined ? placeSaid(events[0]) : this.#storedScope(head);
    if (scope === undefined || ids === undefined || !this.#deps.settings.autoStorage) return undefined;
    const diffs = events.flatMap((event) =>
      event.kind === "diff" && event.content !== undefined ? [this.#diff(event.content, scope, [])] : [],
    );
    if (diffs.length === 0) return undefined;
    const key = scope.join("\n");
    return {
      key,
      read: await this.#deps.data(ids.actorId, ids.peerId).prepare(diffs, known?.key === key ? known.read : undefined),
    };
  }

  agrees(one: StreamEvent, other: StreamEvent): boolean {
    // Diffs that are only announced are distinguished by their times.
    if (one.content === undefined || other.content === undefined) return atOneTime(one, other);
    return sameJson(one.content.data, other.content.data);
  }

  contradicts(buffered: StreamEvent, head: Head): boolean {
    if (buffered.content === undefined) return isNewer(head, buffered);
    return contradicts(head, buffered.sequence, buffered.content.data);
  }

  begins(event: StreamEvent): string | undefined {
    return begunBy(event.sequence, event.content?.data);
  }

  begunOtherwise(event: StreamEvent, head: Head): boolean {
    return begunOtherwise(head, event.sequence, event.content?.data);
  }

  async apply(event: StreamEvent, context: ApplyContext<Prepared | undefined>): Promise<Applied> {
    const { head, starts, prepared, deadline } = context;
    const { sequence } = event;
    let applied: AppliedContent;
    if (event.kind === "part") applied = await this.#replacePart(event, context);
    else {
      const content = event.content ?? (await this.#fetch(event, head, deadline));
      const hookEvent = hookEventOf(head, "diff", sequence, content.data, event.timestamp?.text);
      applied = { data: content.data, hookEvent, stored: false, again: NOTHING_AGAIN };
      const scope = this.#storedScope(head);
      if (scope !== undefined) {
        this.#logLeftOutParts(head, event, content);
        const diff = this.#diff(content, scope, head.excludedScopes);
        const at = { stateVersion: head.stateVersion, sequence };
        const usable = prepared !== undefined && prepared.key === scope.join("\n") ? prepared.read : undefined;
        const { reread, stale } = await this.#data(head).apply(diff, at, usable);
        if (reread.length > 0) {
          applied = { ...applied, again: await rereadPlaces(this.#deps, head, reread, sequence, deadline, stale) };
        }
      }
    }
    const { data, hookEvent, stored, again } = applied;
    if (hookEvent !== undefined) context.hookBegins?.();
    const state = { starts, hooksPaused: head.hooksPaused, stateStored: stored };
    const { hooksPaused } = hookEvent === undefined ? head : await this.#deps.hooks.runFirst(hookEvent, state);
    return {
      fields: {
        digests: withDigest(head.digests, data),
        ...newest(head, event),
        ...(hooksPaused !== head.hooksPaused && { hooksPaused }),
        ...compact({ pausedUntil: again.pausedUntil }),
        ...(again.unasked.length > 0 && this.#requestResync(head, again.unasked)),
      },
      ...(this.#toAcknowledge(event, head) && {
        afterwards: async () => await this.#acknowledge(event, head, deadline),
      }),
    };
  }

  async #replacePart(
    event: StreamEvent,
    { head, deadline }: ApplyContext<Prepared | undefined>,
  ): Promise<AppliedContent> {
    const { sequence, place = placeOf(head.scope), url, content } = event;
    const { publishers, openTo, clock } = this.#deps;
    const publisher = await publishers(head.actorId, head.peerId, reserved(deadline));
    const stores = this.#storedScope(head) === undefined ? undefined : this.#data(head);
    const open = stores === undefined ? undefined : async () => await openTo(head.actorId, head.peerId);
    const part = compact({ sequence, place, url, ...content });
    const read = await resyncPart(publisher, stores, head, part, open);
    const data = content?.data;
    if ("reason" in read) {
      const taken = { data, hookEvent: undefined, stored: false };
      if (publisher === undefined || stores === undefined) return { ...taken, again: { unasked: [place] } };
      // The stored value stays; when it is read again the hooks are notified of it.
      await markStale(this.#deps, head, storedPlace(head, place), read, sequence);
      const now = clock.now();
      const pause = requestedPause(read, now);
      return { ...taken, again: compact({ unasked: [], pausedUntil: pause && now + pause }) };
    }
    const hookEvent = partEventOf(head, place, sequence, read.state, event.timestamp?.text);
    const again =
      read.reread.length === 0 ? NOTHING_AGAIN : await rereadPlaces(this.#deps, head, read.reread, sequence, deadline);
    return { data, hookEvent, stored: read.stored, again };
  }

  /** The data of an event that came without. @throws ServiceError when it cannot be had now; ContentRefused */
  async #fetch(event: StreamEvent, head: Head, deadline: Deadline): Promise<DiffContent> {
    if (event.kind !== "low" || event.url === undefined) return { data: null };
    const now = this.#deps.clock.now();
    const rest = (head.pausedUntil ?? 0) - now;
    if (rest > 0) throw fetchFailed(rest);
    const publisher = await this.#publisher(head, deadline);
    const fetched = await publisher.fetchDiff(event.url, event.sequence);
    if (fetched.is === "content" && fitsScope(fetched.content, head.scope)) return fetched.content;
    const pause = fetched.is === "content" ? undefined : requestedPause(fetched.failure, now);
    if (pause !== undefined) await this.#deps.streams.amend(head.key, pauseReadsUntil(now + pause));
    // Content that does not fit would not fit the next time either.
    if (fetched.is !== "failed") throw new ContentRefused();
    throw fetchFailed(pause ?? FETCH_AGAIN_MS);
  }

  #logLeftOutParts(head: Head, event: StreamEvent, { data }: DiffContent): void {
    const leftOut = head.scope.subtarget === undefined && isObject(data) ? namedData(data).leftOut : [];
    if (leftOut.length > 0) logLeftOut(this.#deps.log, { ...idsOf(head), sequence: event.sequence }, leftOut);
  }

  /** The scope whose data is stored; undefined when none is. */
  #storedScope({ scope, granularity }: Head): Place | undefined {
    const isStored = this.#deps.settings.autoStorage && scope.target === "properties" && granularity !== "none";
    return isStored ? placeOf(scope) : undefined;
  }

  #requestResync(head: Head, places: readonly Place[]): HeadFields {
    this.#deps.log.warn("no trusted peer to read again, a resync will follow", {
      ...idsOf(head),
      places: places.length,
    });
    return { recoveryRequested: "resync", dueAt: this.#deps.clock.now() + REREAD_AGAIN_MS };
  }

  #toAcknowledge(event: StreamEvent, head: Head): boolean {
    return event.kind === "low" || (head.granularity !== "none" && event.sequence % ACKNOWLEDGE_EVERY === 0);
  }

  async #acknowledge(event: StreamEvent, head: Head, deadline: Deadline): Promise<void> {
    const publisher = await this.#deps.publishers(head.actorId, head.peerId, reserved(deadline));
    if (publisher !== undefined) await acknowledge(this.#deps, publisher, head, event.sequence);
  }

  async #publisher(head: Head, deadline: Deadline): Promise<Publisher> {
    const publisher = await this.#deps.publishers(head.actorId, head.peerId, reserved(deadline));
    if (publisher === undefined) throw new ServiceError("auth.forbidden", "The trust with this peer is not approved.");
    return publisher;
  }

  #data(head: Head): ReceivedData {
    return this.#deps.data(head.actorId, head.peerId);
  }

  /** As it is stored: without the names that no copied property can have. */
  #diff(content: DiffContent, scope: Place, excludedScopes: readonly Place[]): IncomingDiff {
    const known = this.#diffs.get(content);
    if (known !== undefined && excludedScopes.length === 0 && samePlace(known.scope, scope)) return known;
    const { data } = content;
    const named = scope.length === 0 && isObject(data) ? namedData(data).data : data;
    const diff = { ...content, data: named, scope, excludedScopes, nested: this.#deps.settings.nestedDiffs };
    if (excludedScopes.length === 0) this.#diffs.set(content, diff);
    return diff;
  }
}

function newest(head: Head, event: StreamEvent): { readonly lastTimestamp?: string; readonly timestampOf?: number } {
  const sortable = event.timestamp?.sortable;
  if (sortable === undefined || sortable <= head.lastTimestamp) return {};
  return { lastTimestamp: sortable, timestampOf: event.sequence };
}

/** True unless both have a time and the times differ. */
const atOneTime = ({ timestamp: one }: StreamEvent, { timestamp: other }: StreamEvent): boolean =>
  one === undefined || other === undefined || one.sortable === other.sortable;

/** The place as it is stored: a property whole, unless the subscription is on less. */
const storedPlace = (head: Head, place: Place): Place => {
  const scope = placeOf(head.scope);
  return scope.length === 0 ? place.slice(0, 1) : scope;
};

const fetchFailed = (pauseMs: number): ServiceError =>
  new ServiceError("callback.fetch_failed", "The data of this callback could not be fetched; send it again later.", {
    headers: { "retry-after": String(Math.max(1, Math.ceil(pauseMs / 1_000))) },
  });
