/** What a peer reads of its subscription to us: the diffs it has not cleared, page by page, and single ones. */
import type { PropertyPermissions } from "../../domain/policy/permissions.ts";
import type { RenderedDiff } from "../../domain/log/subscription-log.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { currentContext } from "../../domain/log/subscription-log.ts";
import { bothReads, readsOf } from "../../domain/policy/visibility.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { jsonBytesInResult } from "../../http/answer-size.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import type { PermissionsOf } from "../subscribers/subscription-context.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import type { Snapshot } from "./state-snapshot.ts";
import { stateUrl } from "../subscribers/state-url.ts";

/** Most bytes of diffs in one page, as they go into a function's result; one diff alone may be larger. */
const MAX_PAGE_BYTES = 1_024 * 1_024;
/** States read again because the permissions they were read with had changed. */
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

/** Which part of a backlog. */
export interface Page {
  /** Diffs above this number. */
  readonly after: number;
  /** At most so many. */
  readonly limit: number;
}

/** One diff as it is answered. */
export interface OneDiff {
  readonly diff: JsonObject;
  /** It is a state that contains what the diffs up to this one say. */
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

  /** One page of the backlog, with the number to go on after when there is more; undefined when there is no such one. */
  async poll(actorId: string, peerId: string, id: string, { after, limit }: Page): Promise<JsonObject | undefined> {
    const advanced = await this.#deps.cursors.toEnd(actorId, peerId, id);
    if (advanced === undefined) return undefined;
    const { head } = advanced;
    const data: JsonObject[] = [];
    let bytes = 0;
    let next: { readonly next?: number } = {};
    let last = after;
    let state: Promise<State> | undefined;
    // One answer tells one state, however often its numbers say to read it.
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
   * One diff; undefined when it is cleared, has expired or was never made. The same answer every time, but for one that
   * says that everything is to be read again: it holds the state of now, and says which diffs that contains.
   */
  async one(actorId: string, peerId: string, id: string, sequence: number): Promise<OneDiff | undefined> {
    const advanced = await this.#deps.cursors.toEnd(actorId, peerId, id);
    if (advanced === undefined) return undefined;
    const rendered = await this.#deps.cursors.renderOne(advanced.head, sequence, await this.#reads(advanced.head));
    if (rendered === undefined) return undefined;
    const entry = await this.#entry(advanced.head, rendered, async () => await this.#state(advanced.head));
    const contains = entry["contains"];
    return {
      diff: { ...wireScope(advanced.head), ...entry },
      ...(typeof contains === "number" ? { contains } : {}),
    };
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
    // Nothing that could be taken for the state: it is where the URL says.
    if (data === null) {
      return { ...resync, data: {}, overwritten: [], url: stateUrl(this.#deps.rootOf(head.actorId), head) };
    }
    return {
      ...resync,
      // Where nothing is any more, it says so as a deletion does.
      ...(data === undefined ? { data: "", overwritten: [] } : { data, overwritten: [""] }),
      // Whoever is behind this number takes the state, and not once more what it contains; whoever has taken an earlier
      // state needs what came after that. So those numbers say what they always said.
      ...(contains === undefined ? {} : { contains: Math.max(contains, sequence) }),
    };
  }

  /**
   * What the log says that the peer may read, as far as it may by this release's rules and by what is set for it now:
   * what has become hidden in a way that the log has not heard of yet is shown no more either.
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
      const advanced = await this.#deps.cursors.toEnd(now.actorId, now.peerId, now.id);
      if (advanced === undefined) return { data };
      if (samePermissions(now, advanced.head)) {
        const contains = await this.#contained(now, advanced.head, record);
        return { data, ...(contains === undefined ? {} : { contains }) };
      }
      // What is of a later record is not to be shown by what was allowed before it.
      now = advanced.head;
    }
    return { data: null };
  }

  /** The newest number that a state of `record` contains; undefined when a number was made that no record makes. */
  async #contained(before: InboundHead, after: InboundHead, record: number): Promise<number | undefined> {
    const { cursors } = this.#deps;
    const { cursor, sequence } = after.state;
    if (record === before.state.cursor) return before.state.sequence;
    if (record < before.state.cursor || cursor < record) return undefined;
    if ((await cursors.sequenceAt(before, cursor)) !== sequence) return undefined;
    return cursor === record ? sequence : await cursors.sequenceAt(before, record);
  }
}

function samePermissions(one: InboundHead, other: InboundHead): boolean {
  const [before, after] = [currentContext(one.state).permissions, currentContext(other.state).permissions];
  return JSON.stringify(before) === JSON.stringify(after);
}

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
