/**
 * What the sweep and the worker have to do for many idle subscriptions, each of which asks its publisher once an hour: the
 * real sweep, over a table and a worker that are models. Prints the figures that docs/costs.md gives.
 */
import { expect, it } from "vitest";
import { dueShardOf, dueShards } from "../../../lib/dynamodb/keys/due.ts";
import { outboundHeadKey } from "../../../lib/dynamodb/keys/streams.ts";
import { Sweep } from "../../../lib/scheduler/sweep.ts";
import type { DueItem, FoundMessage, FoundWork } from "../../../lib/system/ports.ts";
import { seeded } from "../../support/simulation/scheduler.ts";
import { countFrom } from "../../support/sizes.ts";

const SUBSCRIPTIONS = countFrom("IDLE_SUBSCRIPTIONS", 20_000, 1_000_000);
const SHARDS = 16;
const CONCURRENCY = 10;
const MINUTES = 20;
/** Minutes until a scheduler that has just started has found its pace. */
const SETTLING = 6;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Requests to the table that a poll of an idle stream takes (gap.test.ts), and pieces of work that a message runs at once. */
const [REQUESTS, AT_ONCE] = [4, 10];
/** ms: a request to the table, and a poll of a publisher. */
const [TABLE_MS, POLL_MS] = [5, 100];
/** ms of a whole core for one request of the SDK, or a poll; and the share of a core at 512 MB. */
const [CPU_MS, CORE] = [1.75, 0.29];

/** How long the worker takes for a message: as its processor or the answers allow. */
function messageMs(items: number): number {
  const processor = (items * (REQUESTS + 1) + 1) * (CPU_MS / CORE);
  const answers = TABLE_MS + Math.ceil(items / AT_ONCE) * (REQUESTS * TABLE_MS + POLL_MS);
  return Math.max(processor, answers);
}

/** One shard: items in the order in which they are due, those before `first` all gone. */
interface Shard {
  readonly items: DueItem[];
  first: number;
}

/** The due index of subscriptions whose due times only move on. An item that has moved on is skipped where it stood. */
class IdleTable {
  readonly #shards = new Map(dueShards(SHARDS).map((name): [string, Shard] => [name, { items: [], first: 0 }]));
  readonly #dueAt = new Map<string, number>();
  queries = 0;
  readUnits = 0;

  constructor(count: number, now: number, random: () => number) {
    for (let at = 0; at < count; at += 1) {
      const id = at.toString(16).padStart(32, "0");
      this.#put({ ...outboundHeadKey({ actorId: id, peerId: id, subscriptionId: id }), dueAt: now + random() * HOUR });
    }
    for (const { items } of this.#shards.values()) items.sort((one, other) => one.dueAt - other.dueAt);
  }

  queryDue(name: string, until: number, limit: number, after?: DueItem): Promise<readonly DueItem[]> {
    const shard = this.#shards.get(name) ?? { items: [], first: 0 };
    const { items } = shard;
    while (shard.first < items.length && !this.#stands(items[shard.first])) shard.first += 1;
    const page: DueItem[] = [];
    for (let at = shard.first; at < items.length && page.length < limit; at += 1) {
      const item = items[at];
      if (item === undefined || item.dueAt > until) break;
      if (this.#stands(item) && (after === undefined || item.dueAt > after.dueAt)) page.push(item);
    }
    this.queries += 1;
    const bytes = page.reduce((sum, { pk, sk }) => sum + pk.length + sk.length + name.length + 40, 0);
    this.readUnits += Math.max(1, Math.ceil(bytes / 4_096)) / 2;
    return Promise.resolve(page);
  }

  /** Polls: the subscription is due an hour later. @returns whether it was due at this time still */
  poll({ pk, sk, dueAt }: DueItem, now: number): boolean {
    if (this.#dueAt.get(pk) !== dueAt) return false;
    this.#put({ pk, sk, dueAt: now + HOUR });
    return true;
  }

  #stands(item: DueItem | undefined): boolean {
    return item !== undefined && this.#dueAt.get(item.pk) === item.dueAt;
  }

  /** Puts an item in its place, which is near the end. */
  #put(item: DueItem): void {
    const items = this.#shards.get(dueShardOf(item, SHARDS))?.items ?? [];
    let at = items.length;
    if (this.#dueAt.has(item.pk)) while (at > 0 && (items[at - 1]?.dueAt ?? 0) > item.dueAt) at -= 1;
    items.splice(at, 0, item);
    this.#dueAt.set(item.pk, item.dueAt);
  }
}

it(`keeps ${String(SUBSCRIPTIONS)} idle subscriptions up to date: each is asked about within two minutes of its time`, async () => {
  const random = seeded(1);
  let now = Date.UTC(2026, 0, 1);
  const table = new IdleTable(SUBSCRIPTIONS, now, random);
  const waiting: { readonly work: FoundWork; readonly arrivesAt: number }[] = [];
  /** When each of the worker's instances is free again. */
  const freeAt = Array.from({ length: CONCURRENCY }, () => now);
  const total = { messages: 0, batches: 0, items: 0, dropped: 0, workerMs: 0, polled: 0, latestMs: 0 };

  /** Lets the worker take messages up to a time, each by the instance that is free first. */
  const workUntil = (until: number): void => {
    waiting.sort((one, other) => one.arrivesAt - other.arrivesAt);
    while (waiting.length > 0) {
      const next = freeAt.indexOf(Math.min(...freeAt));
      const begin = Math.max(freeAt[next] ?? 0, waiting[0]?.arrivesAt ?? 0);
      if (begin > until) return;
      const { work } = waiting.shift() ?? { work: { items: [] as readonly DueItem[] } };
      const polled = work.items.filter((item) => table.poll(item, begin));
      for (const { dueAt } of polled) total.latestMs = Math.max(total.latestMs, begin - dueAt);
      const ms = messageMs(polled.length);
      freeAt[next] = begin + ms;
      total.workerMs += ms;
      total.polled += polled.length;
      total.dropped += work.items.length - polled.length;
    }
  };
  const sweep = new Sweep({
    table,
    queue: {
      send: () => Promise.resolve(),
      sendFound: (messages: readonly FoundMessage[]) => {
        waiting.push(...messages.map(({ work, delaySeconds }) => ({ work, arrivesAt: now + delaySeconds * 1_000 })));
        total.messages += messages.length;
        total.batches += Math.ceil(messages.length / 10);
        return Promise.resolve([]);
      },
      depth: () =>
        Promise.resolve({
          waiting: waiting.filter(({ arrivesAt }) => arrivesAt <= now).length,
          inFlight: freeAt.filter((at) => at > now).length,
        }),
    },
    ...{ clock: { now: () => now }, random, dueShards: SHARDS },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });

  let began = process.cpuUsage();
  const cpu = { sweep: 0 };
  for (let minute = 0; minute < SETTLING + MINUTES; minute += 1) {
    if (minute === SETTLING) {
      [table.queries, table.readUnits, cpu.sweep] = [0, 0, 0];
      for (const figure of Object.keys(total) as (keyof typeof total)[]) total[figure] = 0;
    }
    now += MINUTE;
    began = process.cpuUsage();
    const { unsent } = await sweep.run({ remaining: () => MINUTE });
    const { user, system } = process.cpuUsage(began);
    cpu.sweep += (user + system) / 1_000;
    if (minute >= SETTLING) expect(unsent).toBe(0);
    workUntil(now + MINUTE - 1);
  }

  const perMinute = (figure: number): number => Math.round((10 * figure) / MINUTES) / 10;
  const figures = {
    queries: perMinute(table.queries),
    "read units of the index": perMinute(table.readUnits),
    "ms of processor": perMinute(cpu.sweep),
    messages: perMinute(total.messages),
    "requests that send": perMinute(total.batches),
    polled: perMinute(total.polled),
    dropped: perMinute(total.dropped),
    "worker seconds": perMinute(total.workerMs / 1_000),
    "latest, s": Math.round(total.latestMs / 1_000),
  };
  const lines = Object.entries(figures).map(([name, figure]) => `${name.padEnd(26)}${String(figure)}`);
  process.stdout.write(`\n${String(SUBSCRIPTIONS)} idle subscriptions, a minute:\n${lines.join("\n")}\n`);

  const due = SUBSCRIPTIONS / 60;
  expect(total.polled / MINUTES).toBeGreaterThan(0.95 * due);
  expect(total.latestMs).toBeLessThan(2 * MINUTE);
  // A page and a bit for what is under way, of each shard; whole messages, and hardly one item twice.
  expect(figures.queries).toBeLessThanOrEqual(SHARDS * (2 + (2 * due) / SHARDS / 250));
  expect(figures.messages).toBeLessThanOrEqual(1.1 * (due / 25) + 1);
  expect(total.dropped).toBeLessThan(0.05 * total.polled);
  expect(figures["worker seconds"]).toBeLessThan(CONCURRENCY * 60);
});
