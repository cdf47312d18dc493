/** A publisher as the simulation sees it: numbered changes, their backlog, and a state to read over HTTP. */
import type { PeerAnswer, PeerHttp, PeerRequest } from "../../../lib/system/ports.ts";
import type { Answered } from "./publisher-faults.ts";

/** A value that its JSON text cannot be read with: Python writes it as NaN. */
export const UNREADABLE = "@NaN@";

export type Value = number | typeof UNREADABLE;

export interface Change {
  readonly sequence: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly timestamp: string;
}

export interface ModelOptions {
  /** Polls say how far it is. */
  readonly numbered: boolean;
  /** The backlog holds one change a number, the one that was made last. */
  readonly overwrites: boolean;
  /** Answers say which diff they contain. */
  readonly positioned: boolean;
  /** Small values are read with one call, else each with its own. */
  readonly together: boolean;
  readonly step: () => Promise<void>;
  /** What is answered instead of the truth, if anything. */
  readonly fault: (request: PeerRequest) => Answered | undefined;
}

/** How the next change is made. */
export interface ChangeOptions {
  readonly lists: boolean;
  /** The change gets the number of the one before: a publisher that numbers concurrent changes without care. */
  readonly twin?: boolean;
  /** Its value is unreadable. */
  readonly unreadable?: boolean;
}

interface Memory {
  readonly changes: readonly Change[];
  readonly backlog: readonly Change[];
  readonly newest: number;
  readonly scalars: ReadonlyMap<string, Value>;
  readonly list: readonly number[];
}

export const ROOT = "https://peer.example/actor";

export class ModelPublisher {
  /** All that was made in this life. */
  changes: Change[] = [];
  backlog: Change[] = [];
  newest = 0;
  scalars = new Map<string, Value>();
  list: number[] = [];
  /** Names that were said to be gone, in whatever way. */
  readonly saidGone = new Set<string>();
  readonly #said = new Set<Change>();
  readonly #silent = new Set<Change>();
  #made = 0;
  /** When it began to make changes, ms. */
  #since = Date.UTC(2026, 0, 1);

  /** Makes one change: sets or deletes a scalar, or appends to the list. `kept` is never deleted. */
  change(random: () => number, { lists, twin = false, unreadable = false }: ChangeOptions): Change {
    if (!twin || this.newest === 0) this.newest += 1;
    this.#made += 1;
    const kind = random();
    const name = random() < 0.4 ? "a" : random() < 0.6 ? "b" : "kept";
    if (lists && kind < 0.45) {
      this.list.push(this.#made);
      return this.#numbered({ l: { list: "l", operation: "append", item: this.#made } });
    }
    if (kind < 0.85 || name === "kept") return this.#set(name, unreadable ? UNREADABLE : this.#made);
    this.scalars.delete(name);
    this.saidGone.add(name);
    return this.#numbered({ [name]: "" });
  }

  /** Unreadable values are replaced by readable ones. */
  mend(): readonly Change[] {
    const bad = [...this.scalars].filter(([, value]) => value === UNREADABLE);
    return bad.map(([name]) => {
      this.newest += 1;
      this.#made += 1;
      return this.#set(name, this.#made);
    });
  }

  /** The publisher was reset: it counts from 1, its state stays. */
  reset(): void {
    this.changes = [];
    this.backlog = [];
    this.newest = 0;
  }

  /** All that it would be restored from. */
  backup(): Memory {
    const { changes, backlog, newest, scalars, list } = this;
    return { changes: [...changes], backlog: [...backlog], newest, scalars: new Map(scalars), list: [...list] };
  }

  /** The publisher is as it was then; its changes since then are lost. */
  restore({ changes, backlog, newest, scalars, list }: Memory, now: number): void {
    this.#since = now;
    for (const name of this.scalars.keys()) if (!scalars.has(name)) this.saidGone.add(name);
    if (list.length === 0) this.saidGone.add("l");
    Object.assign(this, { changes: [...changes], backlog: [...backlog], newest });
    Object.assign(this, { scalars: new Map(scalars), list: [...list] });
  }

  /** No callback is sent for this change. */
  silence(change: Change): void {
    this.#silent.add(change);
  }

  isSilent(change: Change): boolean {
    return this.#silent.has(change);
  }

  /** Numbers that left the backlog before any callback or poll carried them. */
  get neverSaid(): readonly Change[] {
    return [...this.#silent].filter((change) => !this.#said.has(change));
  }

  /** The HTTP client that reaches it. */
  http(options: ModelOptions): PeerHttp {
    return {
      send: async (request) => {
        await options.step();
        const answer = options.fault(request) ?? this.#answer(request, options);
        await options.step();
        return peerAnswer(answer);
      },
    };
  }

  #set(name: string, value: Value): Change {
    this.scalars.set(name, value);
    return this.#numbered({ [name]: value });
  }

  #numbered(data: Change["data"]): Change {
    const change = { sequence: this.newest, data, timestamp: new Date(this.#since + this.#made * 1_000).toISOString() };
    this.changes.push(change);
    this.backlog.push(change);
    return change;
  }

  #answer({ method, url, json }: PeerRequest, options: ModelOptions): Answered {
    const path = url.slice(ROOT.length + 1);
    if (path === "subscriptions/actor/sub" && method === "GET") {
      if (!options.numbered) return { status: 200, json: {} };
      const data = options.overwrites
        ? [...new Map(this.backlog.map((each) => [each.sequence, each])).values()]
        : this.backlog;
      // An unreadable answer carries no number.
      if (!textOf(data).includes("NaN")) for (const change of data) this.#said.add(change);
      return { status: 200, json: { sequence: this.newest, data } };
    }
    if (path === "subscriptions/actor/sub") {
      const { sequence } = json as { sequence: number };
      if (sequence > this.newest) return { status: 400 };
      this.backlog = this.backlog.filter((change) => change.sequence > sequence);
      return { status: 204 };
    }
    if (path === "subscriptions/actor") {
      if (!options.numbered) return { status: 404 };
      return { status: 200, json: { data: [{ subscriptionid: "sub", sequence: this.newest }] } };
    }
    const headers = options.positioned ? { "x-actingweb-sequence": String(this.newest) } : {};
    const value = this.#read(path, options);
    return value === undefined ? { status: 404, headers } : { status: 200, json: value, headers };
  }

  #read(path: string, { together }: ModelOptions): unknown {
    const scalars = Object.fromEntries(this.scalars);
    const lists = this.list.length === 0 ? {} : { l: { count: this.list.length, total_bytes: 9 } };
    if (path === "properties?metadata=true") {
      return { simple: { properties: Object.keys(scalars), total_bytes: together ? 9 : 9_999_999 }, lists };
    }
    if (path === "properties") {
      return { ...scalars, ...(this.list.length === 0 ? {} : { l: { _list: true, count: this.list.length } }) };
    }
    const name = path.slice("properties/".length);
    if (name === "l") return this.list.length === 0 ? undefined : [...this.list];
    return this.scalars.get(name);
  }
}

/** The text of what the publisher says, unreadable values and all. */
export const textOf = (json: unknown): string => JSON.stringify(json).replaceAll(`"${UNREADABLE}"`, "NaN");

function peerAnswer({ status, json, text, headers }: Answered): PeerAnswer {
  const body = Buffer.from(json === undefined ? (text ?? "") : textOf(json));
  return { status, headers: { "content-type": "application/json", ...headers }, body };
}
