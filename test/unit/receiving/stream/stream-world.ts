/** One stream in a whole service, put into a state of docs/stream-state.md, and the states that its writes lead to. */
import { runDueStream } from "../../../../lib/receiving/recovery/due-streams.ts";
import { leaseIsLive, CLOCK_SKEW_MS } from "../../../../lib/dynamodb/lease.ts";
import { outboundHeadKey } from "../../../../lib/dynamodb/keys/streams.ts";
import { always, type Item, type Table } from "../../../../lib/dynamodb/table.ts";
import { readHead, type Head } from "../../../../lib/receiving/stream/head.ts";
import { markReplacing } from "../../../../lib/receiving/stream/stream-changes.ts";
import { PURGE_DELAY_MS } from "../../../../lib/receiving/stream/stream-lives.ts";
import { ACTOR, PEER, SUB, Subscriber } from "../../../integration/receiving/subscriber.ts";

export const KEY = outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB });
export const STATES = ["absent", "idle", "gap", "leased", "replacing", "interrupted", "ended"] as const;
export type State = (typeof STATES)[number];

const LEASE_MS = 29_000;
const LAPSE_MS = LEASE_MS + CLOCK_SKEW_MS + 1;

/** How a stream gets into its state, where that makes a difference. */
export interface Entry {
  /** Numbers are buffered, in states other than gap too. */
  readonly buffered?: boolean;
  /** In idle and gap: a holder whose lease has run out, while no other has acquired it. */
  readonly lapsed?: boolean;
}

/** A stream with number 1 applied, in one of the seven states. */
export class StreamWorld {
  readonly us: Subscriber;
  /** What a holder of the lease knows; in states without one, a stranger with a wrong token. */
  holder: Head | undefined;
  /** The items that the writes of the record left, since `watch`. */
  written: (Item | undefined)[] = [];
  #last: Item | undefined;

  private constructor() {
    this.us = new Subscriber({
      environment: { RECONCILE_SECONDS: "3600" },
      table: (inner) => watching(inner, () => this.#note()),
    });
  }

  static async in(state: State, entry: Entry = {}): Promise<StreamWorld> {
    const world = new StreamWorld();
    await world.#enter(state, entry);
    if (world.state !== state) throw new Error(`The stream is ${world.state} and should be ${state}.`);
    return world;
  }

  async #enter(state: State, { buffered = state === "gap", lapsed = false }: Entry): Promise<void> {
    const { us } = this;
    await us.subscribed();
    await us.diff(1, { a: 1 });
    const holds = lapsed || state === "leased" || state === "replacing" || state === "interrupted";
    if (holds) await this.#acquire();
    if (buffered) await us.diff(3, { c: 3 });
    if (state === "replacing" || state === "interrupted") {
      this.holder = await this.streams.amend(KEY, this.replacing());
    }
    if (lapsed || state === "interrupted") us.now += LAPSE_MS;
    if (state === "absent") await us.table.delete(KEY, always);
    if (state === "ended") await us.service.heads.end(this.head, false);
    this.holder ??= this.item === undefined ? undefined : { ...this.head, lease: STRANGER };
  }

  async #acquire(): Promise<void> {
    const acquired = await this.streams.acquireLease(KEY, { leaseMs: LEASE_MS });
    if (!acquired.won) throw new Error("No other works on the stream.");
    this.holder = acquired.head;
  }

  /** The write with which the holder begins to write the publisher's state. */
  replacing() {
    const { now } = this.us;
    const recovery = {
      ...{ startedAt: now, read: 0, of: 1, rev: 0, lowest: 1, positioned: true, ownershipRevision: 0, floor: 0 },
      ...{ reset: false, numbered: true, known: "", after: "a" },
    };
    return markReplacing(this.leasedHead, { stateVersion: now + 1, recovery, dueAt: now + LEASE_MS });
  }

  get streams() {
    return this.us.service.receiving.streams;
  }

  get item(): Item | undefined {
    return this.us.table.itemAt(KEY);
  }

  /** As it is stored. @throws when there is none */
  get head(): Head {
    return readHead(this.item!);
  }

  /** As its holder has seen it. */
  get leasedHead(): Head {
    return this.holder ?? { ...HEADLESS, lease: STRANGER };
  }

  get state(): State {
    return this.stateOf(this.item);
  }

  /** The table of states in the document. */
  stateOf(item: Item | undefined): State {
    if (item === undefined) return "absent";
    const { live, buffered, lease, replacing } = readHead(item);
    if (!live) return "ended";
    const leased = leaseIsLive(lease, this.us.now, lease?.incarnation ?? "");
    if (replacing) return leased ? "replacing" : "interrupted";
    if (leased) return "leased";
    return buffered.size > 0 ? "gap" : "idle";
  }

  /** The time has come for what is due. */
  lapse(ms = LAPSE_MS): void {
    this.us.now += ms;
  }

  async due(): Promise<void> {
    if (this.item?.["state"] === "ended") this.lapse(PURGE_DELAY_MS);
    await runDueStream(this.us.service.receiving, KEY, this.us.deadline());
  }

  /** From here on `written` collects what writes leave. */
  watch(): void {
    this.#last = this.item;
    this.written = [];
  }

  #note(): void {
    if (this.item === this.#last) return;
    this.#last = this.item;
    this.written.push(this.item);
  }
}

const STRANGER = { token: "another", until: 0, incarnation: "" };
const HEADLESS = readHead({ ...KEY, state: "live", target: "properties" });

/** The table, with a call after each write. */
function watching(table: Table, look: () => void): Table {
  const then = async <T>(writing: Promise<T>): Promise<T> => {
    const result = await writing;
    look();
    return result;
  };
  return {
    get: (key, options) => table.get(key, options),
    getMany: (keys) => table.getMany(keys),
    query: (range) => table.query(range),
    queryDue: (shard, until, limit) => table.queryDue(shard, until, limit),
    queryFeed: (...asked) => table.queryFeed(...asked),
    put: (item, condition) => then(table.put(item, condition)),
    update: (key, change, condition) => then(table.update(key, change, condition)),
    delete: (key, condition) => then(table.delete(key, condition)),
    transact: (writes) => then(table.transact(writes)),
    deleteMany: (keys) => then(table.deleteMany(keys)),
  };
}
