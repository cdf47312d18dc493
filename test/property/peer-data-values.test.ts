import fc from "fast-check";
import { expect, test } from "vitest";
import type { Place } from "../../lib/domain/terms/scope.ts";
import type { Json, JsonObject } from "../../lib/system/ports.ts";
import { compact } from "../../lib/system/compact.ts";
import type { IncomingDiff } from "../../lib/receiving/replica/incoming.ts";
import { PeerReader } from "../../lib/receiving/replica/peer-reader.ts";
import { PeerStore } from "../../lib/receiving/replica/peer-store.ts";
import { FaultyTable, type Effect } from "../support/faulty-table.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { entriesToReread } from "../support/entries-to-reread.ts";
import { sized } from "../support/sizes.ts";

const ids = { actorId: "a1", peerId: "p1" };
const clock = { now: () => 1_700_000_000_000 };
const NAMES = ["color", "size", "__proto__"] as const;

/** A publisher written from the protocol alone: it changes its state and sends what it changed. */
type Change =
  | { readonly kind: "put"; readonly path: readonly string[]; readonly value: Json }
  | { readonly kind: "delete"; readonly path: readonly string[] };

const leaf = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom<Json>("x", true, [], [1], {}, { y: 1 }, { v: 1, w: { z: 2 } }),
);
const path = fc
  .tuple(fc.constantFrom(...NAMES), fc.array(fc.constantFrom("v", "w", "y"), { maxLength: 2 }))
  .map(([name, rest]) => [name, ...rest]);
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("put" as const), path, value: leaf }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), path }) },
);

const plain = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function withAt(base: Json | undefined, way: readonly string[], value: Json | undefined): Json | undefined {
  const [key, ...deeper] = way;
  if (key === undefined) return value;
  const replica = plain(base) ? new Map(Object.entries(base)) : new Map<string, Json>();
  const inner = withAt(replica.get(key), deeper, value);
  if (inner === undefined) replica.delete(key);
  else replica.set(key, inner);
  return Object.fromEntries(replica);
}

function valueAt(base: Json | undefined, way: readonly string[]): Json | undefined {
  return way.reduce<Json | undefined>((at, key) => (plain(at) && Object.hasOwn(at, key) ? at[key] : undefined), base);
}

/** The change as the publisher's state allows it: no path through what is no object, no deletion of what is missing. */
function possible(state: Json, { kind, path: way }: Change): boolean {
  const above = way.slice(1, -1).every((_, depth) => {
    const at = valueAt(state, way.slice(0, depth + 1));
    return at === undefined || plain(at);
  });
  const parent =
    way.length === 1 || valueAt(state, way.slice(0, -1)) === undefined || plain(valueAt(state, way.slice(0, -1)));
  return above && parent && (kind === "put" || valueAt(state, way) !== undefined);
}

const nested = (way: readonly string[], value: Json): Json =>
  way.reduceRight<Json>((inner, key) => Object.fromEntries([[key, inner]]), value);

function diffOf(one: Change, says: boolean): Pick<IncomingDiff, "data" | "overwritten"> {
  const data = nested(one.path, one.kind === "put" ? one.value : "");
  if (!says) return { data };
  return { data, overwritten: one.kind === "put" ? [`/${one.path.join("/")}`] : [] };
}

const effects: fc.Arbitrary<Effect[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant<Effect>("ok") },
    { weight: 3, arbitrary: fc.constantFrom<Effect>("throttle", "lost_answer", "repeat", "condition") },
  ),
  { maxLength: 150, size: "max" },
);

async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries > 200) throw error;
    }
  }
}

async function storedIn(table: MemoryTable): Promise<Json> {
  const page = await new PeerReader({ table, ...ids }).page({ limit: 100 });
  return Object.fromEntries(page.properties.map(({ name, value }) => [name, value]));
}

test("whatever a publisher changes, and whatever happens to its diffs, the replica equals its state", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 40, size: "max" }),
      effects,
      fc.boolean(),
      fc.boolean(),
      async (changes, plan, says, prepares) => {
        const table = new MemoryTable();
        let asked = 0;
        const faulty = new FaultyTable(table, () => plan[asked++] ?? "ok");
        let state: Json = {};
        let sequence = 0;
        let stateVersion = 1;
        for (const one of changes.filter((candidate) => candidate.path.length > 0)) {
          if (!possible(state, one)) continue;
          state = withAt(state, one.path, one.kind === "put" ? one.value : undefined) ?? {};
          sequence += 1;
          const diff: IncomingDiff = { scope: [], excludedScopes: [], ...diffOf(one, says), nested: "merge" };
          const number = sequence;
          const { reread } = await retried(async () => {
            // Each retry may be that of another instance, with a higher state version.
            stateVersion += asked % 2;
            const store = new PeerStore({ table: faulty, clock, ...ids });
            const prepared = prepares ? await store.prepare([diff]) : undefined;
            return store.apply(diff, { stateVersion, sequence: number }, prepared);
          });
          if (says) expect(reread).toEqual([]);
          for (const place of reread) {
            const value = valueAt(state, place);
            const part = compact({ place, kind: "value", value });
            const store = new PeerStore({ table: faulty, clock, ...ids });
            await retried(() => store.putRead(part, { stateVersion, sequence: number }));
          }
          expect(await storedIn(table)).toEqual(state);
        }
        expect(entriesToReread(table)).toEqual([]);
      },
    ),
    { numRuns: sized(250, 5_000) },
  );
});

/** Without an empty `color`: when only the owned part was ever in it, no diff of the broader subscription names it. */
function withoutEmptyColor(state: Json): Json {
  const empty = JSON.stringify(valueAt(state, ["color"])) === "{}";
  return empty ? (withAt(state, ["color"], undefined) ?? {}) : state;
}

test("two subscriptions, one owning a part of what the other covers, together have the whole state", async () => {
  const part: Place = ["color", "v"];
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 40, size: "max" }), fc.boolean(), async (changes, narrowFirst) => {
      const table = new MemoryTable();
      const store = new PeerStore({ table, clock, ...ids });
      let state: Json = {};
      const numbers = { broad: 0, narrow: 0 };
      for (const one of changes) {
        if (!possible(state, one)) continue;
        const before = valueAt(state, part);
        state = withAt(state, one.path, one.kind === "put" ? one.value : undefined) ?? {};
        const after = valueAt(state, part);
        const broad = async (): Promise<void> => {
          const diff: IncomingDiff = { scope: [], excludedScopes: [part], ...diffOf(one, true), nested: "merge" };
          await store.apply(diff, { stateVersion: 1, sequence: ++numbers.broad });
        };
        const narrow = async (): Promise<void> => {
          if (JSON.stringify(before) === JSON.stringify(after)) return;
          const content = after === undefined ? { data: "", overwritten: [] } : { data: after, overwritten: [""] };
          await store.apply(
            { scope: part, excludedScopes: [], ...content, nested: "merge" },
            { stateVersion: 1, sequence: ++numbers.narrow },
          );
        };
        for (const apply of narrowFirst ? [narrow, broad] : [broad, narrow]) await apply();
        expect(withoutEmptyColor(await storedIn(table))).toEqual(withoutEmptyColor(state));
      }
    }),
    { numRuns: sized(250, 5_000) },
  );
});
