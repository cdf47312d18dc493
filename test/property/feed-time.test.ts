/**
 * The rule by which readers of all actors go on: one actor, writers and readers whose clocks differ, commits that take their
 * time, and two indexes that show an entry late, or in neither place while it moves, each query as it likes.
 */
import { describe, expect, it } from "vitest";
import {
  COMMIT_MS,
  COVERED_FOR_MS,
  INDEX_AND_CLOCKS_MS,
  entriesAfter,
  settledAt,
  type FeedEntries,
} from "../../lib/domain/events/feed-time.ts";
import { seeded } from "../support/publisher/random.ts";
import { sized } from "../support/sizes.ts";

const SCHEDULES = sized(1_500, 300_000);
const CHANGES = 12;
const BEGIN = Date.UTC(2026, 0, 1);

/** What a sabotage can replace, and by how much the world can break what is assumed. */
interface Rules {
  readonly entriesAfter: (entries: FeedEntries, ms: number) => FeedEntries;
  readonly settledAt: (now: number) => number;
  readonly commitMs: number;
  readonly indexAndClocksMs: number;
}

const RULES: Rules = { entriesAfter, settledAt, commitMs: COMMIT_MS, indexAndClocksMs: INDEX_AND_CLOCKS_MS };

interface Committed {
  /** The time of the record. */
  readonly time: number;
  /** When the transaction was there, in real time. */
  readonly at: number;
  readonly entries: FeedEntries;
}

/** What a reader misses, or gets twice or out of order; undefined: nothing. */
function violation(seed: number, rules: Rules): string | undefined {
  const random = seeded(seed);
  // What the index lags, and what is left for the difference of two clocks.
  const lag = random.below(rules.indexAndClocksMs + 1);
  const apart = rules.indexAndClocksMs - lag;
  const clock = (real: number): number =>
    real + (random.below(3) === 0 ? random.below(2) * apart : random.below(apart + 1));
  const some = (most: number): number => [0, most, random.below(most + 1)][random.below(3)] ?? 0;

  const log: Committed[] = [];
  let real = BEGIN;
  for (let change = 0; change < CHANGES; change += 1) {
    real += some([100, COVERED_FOR_MS, 4 * COVERED_FOR_MS][random.below(3)] ?? 0);
    const last = log.at(-1);
    const time = Math.max(clock(real), last?.time ?? 0);
    real += some(rules.commitMs);
    // A writer that dies before this has written nothing: record and entry are one transaction.
    if (random.below(10) > 0) log.push({ time, at: real, entries: rules.entriesAfter(last?.entries ?? [0, 0], time) });
  }

  /** What a query may see of an entry: where it was for certain, where it has moved since, or nothing while it moves. */
  const seen = (index: 0 | 1, now: number): number => {
    let candidates = [0];
    for (const { at, entries } of log) {
      const entry = entries[index];
      if (at > now) break;
      if (at + lag <= now) candidates = [entry];
      else if (candidates.at(-1) !== entry) candidates.push(0, entry);
    }
    return candidates[random.below(candidates.length)] ?? 0;
  };

  const got: number[] = [];
  const end = real + 60_000;
  let after = BEGIN - 60_000;
  for (let now = BEGIN; now < end; now += 1 + some(12_000)) {
    // Any instance can answer, each with its clock.
    const until = rules.settledAt(clock(now));
    if (until <= after) continue;
    const isFound = ([0, 1] as const).some((index) => seen(index, now) > after);
    const [from, to] = [after, until];
    after = until;
    if (!isFound) continue;
    got.push(...log.flatMap(({ time, at }, n) => (at <= now && time > from && time <= to ? [n] : [])));
  }
  const all = log.map((_, n) => n);
  return JSON.stringify(got) === JSON.stringify(all) ? undefined : `got ${String(got)} of ${String(all.length)}`;
}

function firstViolation(rules: Rules, schedules = SCHEDULES): string | undefined {
  for (let seed = 1; seed <= schedules; seed += 1) {
    const found = violation(seed, rules);
    if (found !== undefined) return `schedule ${String(seed)}: ${found}`;
  }
  return undefined;
}

describe("a reader of all actors", () => {
  it("gets each event once and in order, whatever clocks, commits and indexes do within what is assumed", () => {
    expect(firstViolation(RULES)).toBeUndefined();
  });

  const moving =
    (choose: (entries: FeedEntries) => 0 | 1, coveredFor = COVERED_FOR_MS): Rules["entriesAfter"] =>
    (entries, ms) => {
      if (ms <= Math.max(...entries)) return entries;
      return choose(entries) === 0 ? [ms + coveredFor, entries[1]] : [entries[0], ms + coveredFor];
    };
  const older = ([first, second]: FeedEntries): 0 | 1 => (first <= second ? 0 : 1);

  it.each<readonly [string, Partial<Rules>]>([
    ["there is one index", { entriesAfter: moving(() => 0) }],
    ["the entry that ends later moves", { entriesAfter: moving((entries) => (older(entries) === 0 ? 1 : 0)) }],
    ["every change moves an entry", { entriesAfter: moving(older, 0) }],
    ["entries cover too little", { entriesAfter: moving(older, COMMIT_MS) }],
    ["an entry covers what is after it", { entriesAfter: (entries, ms) => (entries[0] > 0 ? entries : [ms, 0]) }],
    ["readers wait for commits alone", { settledAt: (now) => settledAt(now + INDEX_AND_CLOCKS_MS) }],
    ["readers wait for the index alone", { settledAt: (now) => settledAt(now + COMMIT_MS) }],
    ["commits take longer than is assumed", { commitMs: 2 * COMMIT_MS }],
    ["the index lags more than is assumed", { indexAndClocksMs: 2 * INDEX_AND_CLOCKS_MS }],
  ])("misses something when %s", (_, sabotage) => {
    expect(firstViolation({ ...RULES, ...sabotage }, 20_000)).toMatch(/^schedule/);
  });
});
