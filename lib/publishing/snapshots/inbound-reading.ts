/** What a peer reads of its subscription to us: the diffs it has not cleared, page by page, and single ones. */
import type { InboundRef } from "../../domain/terms/refs.ts";
import { compact } from "../../system/compact.ts";
import type { PropertyPermissions } from "../../domain/policy/permissions.ts";
import { currentContext, samePermissions, type RenderedDiff } from "../../domain/log/subscription-log.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { bothReads, readsOf, type Reads } from "../../domain/policy/visibility.ts";
import { jsonBytesInResult } from "../../http/answer-size.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import type { PermissionsOf } from "../subscribers/subscription-context.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import { numberAt } from "./number-at.ts";
import type { Snapshot } from "./state-snapshot.ts";
import { stateUrl } from "../subscribers/state-url.ts";

/** Most bytes of diffs in one page, as they go into a function's result; one diff alone may be larger. */
const MAX_PAGE_BYTES = 1_024 * 1_024;
/** Reads of a state, each begun because the permissions changed during the one before. */
const TRIES = 3;

const NOTHING: PropertyPermissions = { patterns: [], excluded_patterns: [], operations: [] };

export interface InboundReadingDeps {
  readonly cursors: CursorStore;
  readonly permissions: PermissionsOf;
  /** What the subscription covers, as its peer sees it. */
  readonly snapshot: (actorId: string, of: Scope & { readonly peerId: string }, reads: Reads) => Promise<Snapshot>;
  /** An actor's root URL. */
  readonly rootOf: (actorId: string) => string;
}

/** A part of a backlog. */
export interface Page {
  /** Diffs above this number. */
  readonly after: number;
  /** At most this many diffs. */
  readonly limit: number;
}

/** One diff as the peer reads it. */
export interface OneDiff {
  readonly diff: JsonObject;
  /** The diff is a state, which contains the diffs up to this number. */
  readonly contains?: number;
}

interface State {
  /** As a snapshot's. */
  readonly data: Json | undefined;
  readonly contains?: number;
}

/** Reads inbound subscriptions. Reading never clears. */
export class InboundReading {
  readonly #deps: InboundReadingDeps;

  constructor(deps: InboundReadingDeps) {
    this.#deps = deps;
  }

  /**
   * One page of the backlog, with the number to continue after when there is more; undefined without such a
   * subscription.
   */
  async poll(ref: InboundRef, { after, limit }: Page): Promise<JsonObject | undefined> {
    const advanced = await this.#deps.cursors.toEnd(ref);
    if (advanced === undefined) return undefined;
    const { head } = advanced;
    const data: JsonObject[] = [];
    let bytes = 0;
    let next: { readonly next?: number } = {};
    let last = after;
    let state: Promise<State> | undefined;
    // The state is read once for an answer, however many of its numbers are resyncs.
    const stateOnce = async (): Promise<State> => await (state ??= this.#state(head));
    const reads = await this.#reads(head);
    for await (const rendered of this.#deps.cursors.render(head, after, Number.MAX_SAFE_INTEGER, reads)) {
      const entry = await this.#entry(head, rendered, stateOnce);
      const more = jsonBytesInResult(entry) + 1;
      if (data.length >= limit || (data.length > 0 && bytes + more > MAX_PAGE_BYTES)) {
        next = { next: last };
        break;
      }
      data.push(entry);
      bytes += more;
      last = rendered.sequence;
    }
    return { ...wireScope(head), sequence: head.state.sequence, data, ...next };
  }

  /**
   * One diff; undefined when it is cleared, has expired or was never made. The answer is the same every time, except for a
   * resync, which has the present state and says which diffs that contains.
   */
  async one(ref: InboundRef, sequence: number): Promise<OneDiff | undefined> {
    const advanced = await this.#deps.cursors.toEnd(ref);
    if (advanced === undefined) return undefined;
    const rendered = await this.#deps.cursors.renderOne(advanced.head, sequence, await this.#reads(advanced.head));
    if (rendered === undefined) return undefined;
    const entry = await this.#entry(advanced.head, rendered, async () => await this.#state(advanced.head));
    const diff = { ...wireScope(advanced.head), ...entry };
    return typeof entry["contains"] === "number" ? { diff, contains: entry["contains"] } : { diff };
  }

  async #entry(
    head: InboundHead,
    { sequence, at, content }: RenderedDiff,
    stateNow: () => Promise<State>,
  ): Promise<JsonObject> {
    if (content !== "resync") {
      return { sequence, timestamp: at, data: content.data, overwritten: content.overwritten };
    }
    const { data, contains } = await stateNow();
    const resync = { sequence, timestamp: at, type: "resync" };
    // Without the state: the URL says where it is.
    if (data === null) {
      return { ...resync, data: {}, overwritten: [], url: stateUrl(this.#deps.rootOf(head.actorId), head) };
    }
    return {
      ...resync,
      // A place where nothing is left reads as a deletion does.
      ...(data === undefined ? { data: "", overwritten: [] } : { data, overwritten: [""] }),
      // A peer behind this number takes the state, and not once more the diffs that it contains; a peer that has taken an
      // earlier state needs the diffs after that one. So those numbers keep their content.
      ...compact({ contains: contains === undefined ? undefined : Math.max(contains, sequence) }),
    };
  }

  /**
   * The places open to the peer by the log and by its present permissions, which may hide places before the log has a
   * record of it.
   */
  async #reads({ actorId, peerId, state }: InboundHead): Promise<Reads> {
    const allowed = await this.#deps.permissions(actorId, peerId);
    return bothReads(readsOf(currentContext(state).permissions), readsOf(allowed ?? NOTHING));
  }

  async #state(head: InboundHead): Promise<State> {
    let now = head;
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const { data, record } = await this.#deps.snapshot(now.actorId, now, await this.#reads(now));
      if (data === null || record === undefined) return { data };
      const advanced = await this.#deps.cursors.toEnd(now);
      if (advanced === undefined) return { data };
      if (samePermissions(permissionsOf(now), permissionsOf(advanced.head))) {
        const contains = await numberAt(this.#deps.cursors, now, advanced.head, record);
        return { data, ...compact({ contains }) };
      }
      // The state of a later record must not be shown by the permissions from before it.
      now = advanced.head;
    }
    return { data: null };
  }
}

const permissionsOf = ({ state }: InboundHead): PropertyPermissions => currentContext(state).permissions;

function wireScope({ actorId, peerId, id, target, subtarget, resource }: InboundHead): JsonObject {
  return {
    id: actorId,
    peerid: peerId,
    subscriptionid: id,
    target,
    subtarget: subtarget ?? "",
    resource: resource ?? "",
  };
}
