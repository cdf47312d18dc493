/**
 * Random logs, read in random pieces: whatever the limits and the positions, the pieces together are the events of the log
 * that the topics let through, once and in order. And what a peer sees of an event, it sees of the diffs of the same change.
 */
import { expect, it } from "vitest";
import { recordDelete, recordDeleteAll, recordSet, type Change } from "../../lib/domain/diff/change-record.ts";
import { shapeDiff } from "../../lib/domain/diff/shape-diff.ts";
import { parsePosition, positionOf } from "../../lib/domain/events/position.ts";
import { eventsOf } from "../../lib/domain/events/record-events.ts";
import { selects, type Selection } from "../../lib/domain/events/selection.ts";
import { visibleEvent } from "../../lib/domain/events/visible-event.ts";
import { readsOf } from "../../lib/domain/policy/visibility.ts";
import { readEvents } from "../../lib/listeners/readers/read-events.ts";
import type { Json } from "../../lib/system/ports.ts";
import { seeded, type Random } from "../support/publisher/random.ts";
import { countFrom } from "../support/sizes.ts";
import { ReaderWorld } from "../integration/readers/reader-world.ts";

const LOGS = countFrom("READER_LOGS", 4, 60);
const SPLITS = countFrom("READER_SPLITS", 10, 100);
const CHANGES = countFrom("READER_CHANGES", 1_000, 100_000);

const one = <T>(random: Random, of: readonly T[]): T => of[random.below(of.length)] as T;

async function randomLog(random: Random): Promise<ReaderWorld> {
  const world = await ReaderWorld.begin();
  const { commits } = world.whole.service;
  for (let records = random.below(30); records > 0; records -= 1) {
    const changes = Array.from({ length: 1 + random.below(6) }, (_, n): Change => {
      const value = { n, text: "x".repeat(random.below(50)) };
      if (random.below(3) > 0) return { do: "set", path: [one(random, ["a", "b", "private"])], value };
      return { do: "notify", target: one(random, ["orders", "status"]), data: value };
    });
    // A record that makes no event lies between others.
    const other = { kind: "suspend", target: `t${String(records)}` } as const;
    const record = random.below(5) === 0 ? other : ({ kind: "change", changes } as const);
    await commits.commit(world.owner.id, [], () => ({ records: [record], writes: [] }));
  }
  return world;
}

it.each(Array.from({ length: LOGS }, (_, at) => at + 1))(
  "log %i is the same in whatever pieces it is read",
  async (seed) => {
    const random = seeded(seed);
    const world = await randomLog(random);
    const { changeLog, config } = world.whole.service;
    const actor = (await world.whole.service.actors.get(world.owner.id))!;
    const { records } = await changeLog.read(actor.id, 0, await changeLog.newest(actor.id));
    const events = records.flatMap(({ number, record }) =>
      eventsOf(record).map((event) => ({ event, position: positionOf(config.logEpoch, number, event) })),
    );
    const deps = { changeLog, clock: { now: () => world.whole.now }, epoch: config.logEpoch };
    for (let split = 0; split < SPLITS; split += 1) {
      const selection: Selection = { topics: one(random, [[">"], ["properties.*"], ["orders"], ["*.a", "status"]]) };
      const selected = events.filter(({ event }) => selects(selection, event)).map(({ position }) => position);
      const begin =
        random.below(2) === 0 ? "earliest" : one(random, ["earliest", ...events.map(({ position }) => position)]);
      const read: unknown[] = [];
      for (let from = begin, upToDate = false; !upToDate;) {
        const mostBytes = one(random, [1, 500, 2_000, 100_000]);
        const page = await readEvents(deps, {
          ...{ actor, root: world.owner.root, from, selection, limit: 1 + random.below(8), mostBytes },
        });
        if (typeof page === "string") throw new Error(page);
        read.push(...page.events.map(({ position }) => position));
        ({ upToDate, next: from } = page);
        expect(parsePosition(from)).toBeDefined();
      }
      expect(read).toEqual(selected.filter((position) => begin === "earliest" || position > begin));
    }
  },
);

it("a peer sees of an event what it sees of the diffs of the same change, and no more", () => {
  const random = seeded(11);
  const NAMES = ["a", "b", "private"];
  const values = (depth: number): Json => {
    if (depth === 0 || random.below(3) === 0) return random.below(3);
    const keys = NAMES.filter(() => random.below(2) === 0);
    return Object.fromEntries(keys.map((key) => [key, values(depth - 1)]));
  };
  const counts = { seen: 0, hidden: 0, cut: 0 };
  for (let n = 0; n < CHANGES; n += 1) {
    const name = one(random, NAMES);
    const before = values(2);
    const path = [name, ...(random.below(2) === 0 ? [] : [one(random, NAMES)])];
    const made =
      random.below(3) > 0
        ? recordSet(before, path, values(2))
        : random.below(4) > 0
          ? recordDelete(before, path)
          : { change: recordDeleteAll(NAMES.filter(() => random.below(2) === 0)) };
    if (typeof made === "string") continue;
    const { change } = made;
    const globs = ["*", "a", "b/*", "private", "a/b", "b/a", "private/a"];
    const reads = readsOf({
      patterns: globs.filter(() => random.below(3) === 0),
      excluded_patterns: globs.slice(1).filter(() => random.below(4) === 0),
      operations: ["read"],
    });
    const [event] = eventsOf({ kind: "change", at: "2026-01-01T00:00:00.000000Z", changes: [change] });
    const seen = visibleEvent(event!, change, reads);
    const diff = shapeDiff([change], { target: "properties" }, { narrower: [], suspended: [], reads });
    if (diff === undefined) expect(seen).toBeUndefined();
    // Without objects on the way, a diff has nothing that the event lacks.
    else if (change.do !== "set" || change.createdFrom === undefined) expect(seen).toBeDefined();
    counts[seen === undefined ? "hidden" : seen.isCut ? "cut" : "seen"] += 1;
    // Each leaf of the data is at a place that the peer may read.
    if (seen === undefined || change.do !== "set" || !seen.event.type.endsWith(".set")) continue;
    const leaves = (value: Json, place: readonly string[]): void => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) expect(reads.at(place)).toBe(true);
      else for (const [key, inner] of Object.entries(value)) leaves(inner, [...place, key]);
    };
    leaves((seen.event.data as { value: Json }).value, change.path);
  }
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(CHANGES / 50);
});
