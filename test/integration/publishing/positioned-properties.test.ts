import { describe, expect, it } from "vitest";
import { isArray } from "../../../lib/domain/json/json.ts";
import { parseText } from "../../../lib/domain/json/json-text.ts";
import type { Json, JsonObject } from "../../../lib/system/ports.ts";
import { OwnProperties } from "../../../lib/properties/own-properties.ts";
import { Permit } from "../../../lib/properties/permit.ts";
import { PositionedProperties } from "../../../lib/publishing/snapshots/positioned-properties.ts";
import type { ReadProperty } from "../../../lib/properties/property-reads.ts";
import { Network } from "../../support/in-process.ts";
import { jitteryTable } from "../../support/jittery-table.ts";
import { seeded, type Random } from "../../support/publisher/random.ts";
import { changed, type State } from "../../support/shaped-world.ts";
import { WholeService } from "../../support/whole-service.ts";

const NAMES = ["p0", "p1", "p2", "p3"];
const LISTS = ["l0", "l1"];

interface Seen {
  readonly at: number | undefined;
  /** The names that the read was about. */
  readonly of: readonly string[] | "all";
  readonly values: Readonly<Record<string, Json>>;
}

/** Numbers of which a part would be altered, or change its form, by a text that keeps doubles only. */
const written = (n: number): Json => (n % 3 === 0 ? 2n ** 60n + BigInt(n) : n % 3 === 1 ? n * 1e20 : n);

async function write(own: OwnProperties, random: Random, n: Json): Promise<void> {
  const name = NAMES[random.below(NAMES.length)] ?? "";
  if (random.below(2) === 0) {
    await writeList(own, random, n);
    return;
  }
  const kind = random.below(12);
  if (kind === 0) await own.delete([name]);
  else if (kind === 1 && random.below(4) === 0) await own.deleteAll();
  else if (kind === 2) await own.put([name, `k${random.below(2)}`], undefined);
  else if (kind === 3) await own.putAll(new Map([...NAMES.slice(0, 3)].map((each) => [each, { n }])));
  else if (kind < 7) await own.put([name, `k${random.below(2)}`, "deep"], n);
  else await own.put([name], random.below(3) === 0 ? n : { n, k0: { deep: n } });
}

async function writeList(own: OwnProperties, random: Random, n: Json): Promise<void> {
  const name = LISTS[random.below(LISTS.length)] ?? "";
  const kind = random.below(12);
  const operate = async (request: JsonObject): Promise<void> => {
    await own.operate(name, () => [request]);
  };
  if (kind < 2) await own.putAll(new Map([[name, { _type: "list", description: `at ${String(n)}` }]]));
  else if (kind === 2 && random.below(2) === 0) await operate({ operation: "delete_all" });
  else if (kind === 3) await operate({ operation: "clear" });
  else if (kind === 4) await operate({ operation: "pop" });
  else if (kind === 5) await operate({ operation: "insert", index: 0, item: n });
  else if (kind === 6) await operate({ operation: "delete", index: 0 });
  else if (kind === 7) await operate({ operation: "extend", items: [n, [n], { n }] });
  else await operate({ operation: "append", item: n });
}

async function read(world: WholeService, actorId: string, random: Random): Promise<Seen> {
  const from = await world.service.changeLog.newest(actorId);
  const form = random.below(4);
  const reads = new PositionedProperties({ ...world.service, log: world.service.changeLog }, from, {
    items: form === 0,
  });
  const of = form < 2 ? "all" : [[...NAMES, ...LISTS][random.below(6)] ?? ""];
  const found: ReadProperty[] = [];
  if (of === "all") for await (const property of reads.all(actorId)) found.push(property);
  else {
    const one = await (form === 2 ? reads.get(actorId, of[0] ?? "") : reads.whole(actorId, of[0] ?? ""));
    if (one !== undefined) found.push(one);
  }
  return { at: reads.position, of, values: Object.fromEntries(found.map((each) => [each.name, valueOf(each)])) };
}

/** A list as its items, or where they were not read as how many there are. */
function valueOf({ text, list, items }: ReadProperty): Json {
  if (list === undefined) return parseText(text) as Json;
  return items ?? { count: list.shape.count };
}

/** The state after each record of the log, from the empty one on. */
async function states(world: WholeService, actorId: string): Promise<readonly State[]> {
  const { changeLog } = world.service;
  const { records } = await changeLog.read(actorId, 0, await changeLog.newest(actorId));
  const all: State[] = [new Map()];
  for (const { record } of records) {
    const before = all.at(-1) ?? new Map<string, Json>();
    all.push(record.kind === "change" ? changed(before, record.changes) : before);
  }
  return all;
}

/** The list in the form in which it was read. */
const listLike = (list: Json | undefined, read: Json | undefined): Json =>
  read !== undefined && isArray(list ?? null) && !isArray(read) ? { count: (list as Json[]).length } : (list ?? null);

describe("properties read while eight others write", () => {
  it.each([1, 2, 3, 4, 5, 6])("are exactly those after the record that the read is of (%i)", async (seed) => {
    const random = seeded(seed);
    const world = new WholeService(new Network(), "https://a.example", { table: jitteryTable(random) });
    const { id } = await world.actor();
    const own = new OwnProperties(world.service.properties, id, new Permit());
    const ignored = (error: { code?: string }): void => {
      expect(["resource.not_found", "resource.conflict"]).toContain(error.code);
    };
    let writing = 8;
    const writer = async (lane: number): Promise<void> => {
      for (let n = 0; n < 25; n += 1) await write(own, random, written(lane * 100 + n)).catch(ignored);
      writing -= 1;
    };
    const seen: Seen[] = [];
    const reader = async (): Promise<void> => {
      while (writing > 0) seen.push(await read(world, id, random));
    };
    await Promise.all([...Array.from({ length: 8 }, (_, lane) => writer(lane)), reader(), reader(), reader()]);

    const after = await states(world, id);
    for (const { at, of, values } of seen) {
      const state = after[at ?? -1] ?? new Map<string, Json>();
      const names = of === "all" ? [...state.keys()] : of.filter((name) => state.has(name));
      const expected = names.map((name) => [
        name,
        LISTS.includes(name) ? listLike(state.get(name), values[name]) : state.get(name),
      ]);
      expect(values).toEqual(Object.fromEntries(expected));
    }
    expect(seen.length).toBeGreaterThan(50);
    expect(after.length).toBeGreaterThan(100);
    // Otherwise the reads have not met any writer.
    expect(new Set(seen.map(({ at }) => at)).size).toBeGreaterThan(30);
    expect(seen.filter(({ at }) => at === undefined)).toEqual([]);
  });
});
