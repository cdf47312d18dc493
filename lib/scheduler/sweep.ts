/** The every-minute sweep over everything that is due: finds it and hands it to the worker. Enough alone, whatever becomes of messages. */
import { readDuePage } from "../dynamodb/keys/due-index.ts";
import { dueShards } from "../dynamodb/keys/due.ts";
import type { Key, Table } from "../dynamodb/table.ts";
import { compact } from "../system/compact.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import {
  MAX_FOUND_ITEMS,
  type Clock,
  type Deadline,
  type DueItem,
  type FoundMessage,
  type Log,
  type QueueDepth,
  type WorkQueue,
} from "../system/ports.ts";
import { within } from "../system/request-context.ts";
import { HandedOver, WorkerPace } from "./hand-over.ts";

/** Keys of one page of a shard. A page of the longest keys stays below 1 MB, so a page with fewer keys is a shard's last. */
const PAGE = 250;
/** Shards that are asked side by side. */
const SHARDS_AT_ONCE = 32;
/** How long one reading of the shards may take, ms, so that a throttled shard does not keep back the work of the others. */
const FIND_MS = 5_000;
/** With less time left than this (ms) the sweep reads no further page. */
const LEAST_MS = 15_000;
/** Seconds over which many messages are spread: they are on their way before the next sweep. */
const SPAN_SECONDS = 55;
const MINUTE_MS = 60_000;

/** The dependencies of the sweep. */
export interface SweepDeps {
  readonly table: Pick<Table, "queryDue">;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Into how many shards this deployment puts items. */
  readonly dueShards: number;
}

export interface SweepReport {
  /** Items handed to the worker, and the messages that they went in. */
  readonly handedOver: number;
  readonly messages: number;
  /** Items found that wait for a later sweep, because the worker is behind or the queue refused their message; there may be more. */
  readonly unsent: number;
  /** Messages that waited for the worker when the sweep began; undefined when the queue did not say. */
  readonly waiting: number | undefined;
  /** For how long the longest due work had been due when the sweep began, ms; 0 when nothing was due. */
  readonly oldestDueMs: number;
  /** Shards that could not be read. */
  readonly unreadShards: number;
}

/** A page of a shard. `after`: its last item, where another page may follow; `shards`: the number of shards, where it says one. */
interface ShardPage {
  readonly shard: string;
  readonly shards: number;
  readonly due: readonly DueItem[];
  readonly after?: DueItem;
  readonly error?: unknown;
}

/**
 * Finds what is due and hands it over. One request a shard when nothing is due.
 *
 * State, kept from run to run of one instance and lost with it at no harm: the largest number of shards seen, what was handed over
 * lately, and the worker's pace. An item that is handed over twice is done once: the worker drops what has moved on,
 * and due work may run any number of times.
 */
export class Sweep {
  readonly #deps: SweepDeps;
  readonly #handedOver = new HandedOver();
  readonly #pace = new WorkerPace();
  #shards: number;

  constructor(deps: SweepDeps) {
    this.#deps = deps;
    this.#shards = deps.dueShards;
  }

  /** @throws Error when no shard can be read */
  async run(deadline: Deadline): Promise<SweepReport> {
    const now = this.#deps.clock.now();
    const [depth, firstPages] = await Promise.all([this.#depth(), this.#firstPages(now, deadline)]);
    this.#handedOver.begin(now, depth);
    const room = this.#pace.room(now, depth) * MAX_FOUND_ITEMS;
    const found = await this.#find(firstPages, { now, room, deadline });
    const messages = this.#messages(found.items.slice(0, room));
    const refused = new Set(await this.#deps.queue.sendFound(messages));
    const sent = messages.filter((message) => !refused.has(message));
    for (const message of sent) this.#handedOver.note(message, now);
    const handedOver = sent.reduce((sum, { work }) => sum + work.items.length, 0);
    const unsent = found.items.length - handedOver;
    this.#pace.note({ at: now, waiting: depth?.waiting ?? 0, sent: sent.length, unsent });
    const { oldestDueMs, unreadShards } = found;
    return { handedOver, messages: sent.length, unsent, waiting: depth?.waiting, oldestDueMs, unreadShards };
  }

  /** The first page of every shard; those above our own number are known from the first shard. */
  async #firstPages(now: number, deadline: Deadline): Promise<readonly ShardPage[]> {
    const asked = this.#shards;
    const pages = await this.#pages(
      dueShards(asked).map((shard) => ({ shard })),
      { now, deadline },
    );
    this.#shards = Math.max(asked, ...pages.map(({ shards }) => shards));
    const more = dueShards(this.#shards)
      .slice(asked)
      .map((shard) => ({ shard }));
    const all = more.length === 0 ? pages : [...pages, ...(await this.#pages(more, { now, deadline }))];
    const failed = all.filter(({ error }) => error !== undefined);
    if (failed.length === all.length) throw failed[0]?.error;
    // Each minute another shard comes first.
    const first = Math.floor(now / MINUTE_MS) % all.length;
    return [...all.slice(first), ...all.slice(0, first)];
  }

  /** Reads on page by page, all shards a page at a time, until there is more than enough: no full shard keeps others waiting. */
  async #find(
    firstPages: readonly ShardPage[],
    { now, room, deadline }: { readonly now: number; readonly room: number; readonly deadline: Deadline },
  ): Promise<{ readonly items: readonly DueItem[]; readonly oldestDueMs: number; readonly unreadShards: number }> {
    const [first, again]: [DueItem[], DueItem[]] = [[], []];
    let [oldestDueMs, unreadShards] = [0, 0];
    let pages = firstPages;
    for (;;) {
      for (const item of dealt(pages.map(({ due }) => roundRobin(due)))) {
        oldestDueMs = Math.max(oldestDueMs, now - item.dueAt);
        const standing = this.#handedOver.standing(item);
        if (standing !== "pending") (standing === "new" ? first : again).push(item);
      }
      unreadShards += pages.filter(({ error }) => error !== undefined).length;
      const open = pages.filter(({ after }) => after !== undefined);
      if (open.length === 0 || first.length > room || deadline.remaining() <= LEAST_MS) break;
      pages = await this.#pages(open, { now, deadline });
    }
    // What was handed over before and is still due comes last, so that work that always fails delays no other.
    return { items: [...first, ...again], oldestDueMs, unreadShards };
  }

  /** The next page of each shard, side by side. A shard that cannot be read has no more pages in this run. */
  async #pages(
    open: readonly { readonly shard: string; readonly after?: DueItem }[],
    { now, deadline }: { readonly now: number; readonly deadline: Deadline },
  ): Promise<readonly ShardPage[]> {
    const end = deadline.remaining() - FIND_MS;
    const reading = { remaining: () => Math.max(0, deadline.remaining() - end) };
    return await mapConcurrent(open, SHARDS_AT_ONCE, async ({ shard, after }) => {
      try {
        const page = await within(reading, async () => await this.#deps.table.queryDue(shard, now, PAGE, after));
        return { shard, ...readDuePage(page), ...compact({ after: page.length === PAGE ? page.at(-1) : undefined }) };
      } catch (error) {
        this.#deps.log.error("a shard of the due index was not read", { shard, error });
        return { shard, shards: 0, due: [], error };
      }
    });
  }

  /** The items in messages, which arrive spread over the minute once there are many. */
  #messages(items: readonly DueItem[]): readonly FoundMessage[] {
    const count = Math.ceil(items.length / MAX_FOUND_ITEMS);
    const span = Math.min(SPAN_SECONDS, count - 1);
    return Array.from({ length: count }, (_, at) => ({
      work: { kind: "found", items: items.slice(at * MAX_FOUND_ITEMS, (at + 1) * MAX_FOUND_ITEMS) },
      delaySeconds: Math.floor(((at + this.#deps.random()) * span) / count),
    }));
  }

  async #depth(): Promise<QueueDepth | undefined> {
    try {
      return await this.#deps.queue.depth();
    } catch (error) {
      this.#deps.log.warn("the queue does not say how many messages wait", { error });
      return undefined;
    }
  }
}

/** Alternates between the kinds of work, within a kind between the actors, and puts an actor's longest due first. */
function roundRobin(items: readonly DueItem[]): readonly DueItem[] {
  const kindOf = ({ pk, sk }: Key): string => `${pk.slice(0, 1)} ${sk.split("#", 1)[0] ?? ""}`;
  const byActor = dealtBy(items, (key) => `${kindOf(key)} ${key.pk.split("#", 2)[1] ?? ""}`);
  return dealtBy(byActor, kindOf);
}

function dealtBy(items: readonly DueItem[], groupOf: (item: DueItem) => string): readonly DueItem[] {
  return dealt([...Map.groupBy(items, groupOf).values()]);
}

/** The first of each group, then the second of each, and so on. */
function dealt(groups: readonly (readonly DueItem[])[]): readonly DueItem[] {
  const rounds: DueItem[][] = [];
  for (const group of groups) for (const [at, item] of group.entries()) (rounds[at] ??= []).push(item);
  return rounds.flat();
}
