/** What a subscriber reads of the state while eight writers change it, in every form, and what its position promises. */
import { describe, expect, it } from "vitest";
import { isArray } from "../../../lib/domain/json/json.ts";
import type { Json, JsonObject } from "../../../lib/system/ports.ts";
import { bearer, Network, type Answer } from "../../support/in-process.ts";
import { jitteryTable } from "../../support/jittery-table.ts";
import { seeded, type Random } from "../../support/publisher/random.ts";
import { PeerCopy } from "../../support/publishing-world/copy.ts";
import { changed, type State } from "../../support/shaped-world.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

const VALUES = ["p0", "p1", "p2"];
const LISTS = ["l0", "l1"];
const ALL = [...VALUES, ...LISTS];
const SECRET = "s".repeat(40);
const PEER = "bob";

interface Diff {
  readonly sequence: number;
  readonly data: JsonObject;
  readonly overwritten: readonly string[];
}

/** One answer: what it says of the state, as far as its form shows. */
interface Seen {
  readonly form: string;
  readonly position: number;
  /** The state at the position in the form of `said`, to be compared with it. */
  readonly valueIn: (state: State) => Json;
  readonly said: Json;
  /** Of forms that give whole values: the properties that a copy can be begun with. */
  readonly copy?: { readonly of: readonly string[]; readonly begun: JsonObject };
}

class Publisher {
  readonly world: WholeService;
  readonly alice: Hosted;
  readonly random: Random;
  subscription = "";

  private constructor(world: WholeService, alice: Hosted, random: Random) {
    this.world = world;
    this.alice = alice;
    this.random = random;
  }

  static async open(seed: number): Promise<Publisher> {
    const random = seeded(seed);
    const world = new WholeService(new Network(), "https://a.example", { table: jitteryTable(random) });
    const alice = await world.actor();
    await world.trusts(alice.id, PEER, "https://b.example/bob", SECRET);
    const publisher = new Publisher(world, alice, random);
    const made = await publisher.peer("POST", `subscriptions/${PEER}`, { target: "properties", granularity: "none" });
    publisher.subscription = made.json.subscriptionid;
    return publisher;
  }

  async owner(method: string, path: string, json?: Json): Promise<number> {
    const sent = json === undefined ? {} : { json };
    return (await this.world.ask(method, `/${this.alice.id}/${path}`, { headers: this.alice.as, ...sent })).status;
  }

  async peer(method: string, path: string, json?: Json): Promise<Answer> {
    const headers = { ...bearer(SECRET), "x-actingweb-subscription": this.subscription };
    const sent = json === undefined ? {} : { json };
    return await this.world.ask(method, `/${this.alice.id}/${path}`, { headers, ...sent });
  }

  /** Every diff above a number. */
  async diffs(): Promise<readonly Diff[]> {
    const diffs: Diff[] = [];
    for (let query: string | undefined = "?limit=50"; query !== undefined;) {
      const { json } = await this.peer("GET", `subscriptions/${PEER}/${this.subscription}${query}`);
      diffs.push(...json.data);
      query = json.next === undefined ? undefined : `?limit=50&after=${json.next}`;
    }
    return diffs;
  }

  /** The state at each number of the subscription, and at its end, by the log alone. */
  async states(): Promise<readonly State[]> {
    const { changeLog, cursors } = this.world.service;
    const advanced = await cursors.toEnd({ actorId: this.alice.id, peerId: PEER, id: this.subscription });
    if (advanced === undefined) throw new Error("The subscription has gone.");
    const { records } = await changeLog.read(this.alice.id, 0, advanced.head.state.cursor);
    const after: State[] = [new Map()];
    for (const { record } of records) {
      const before = after.at(-1) ?? new Map<string, Json>();
      after.push(record.kind === "change" ? changed(before, record.changes) : before);
    }
    const states: State[] = [new Map()];
    for await (const { recordNumber } of cursors.render(advanced.head, 0, Number.MAX_SAFE_INTEGER)) {
      states.push(after[recordNumber] ?? new Map<string, Json>());
    }
    return states;
  }

  async write(n: number): Promise<number> {
    const { random } = this;
    const value = VALUES[random.below(3)] ?? "";
    const list = LISTS[random.below(2)] ?? "";
    const operate = async (body: JsonObject): Promise<number> =>
      await this.owner("POST", `properties/${list}/items`, body);
    switch (random.below(18)) {
      case 0:
        return await this.owner("DELETE", `properties/${value}`);
      case 1:
        return random.below(3) === 0 ? await this.owner("DELETE", "properties") : 0;
      case 2:
        return await this.owner("POST", "properties", {
          p0: { n },
          p1: n,
          [list]: { _type: "list", description: `${n}` },
        });
      case 3:
        return await this.owner("DELETE", `properties/${value}/k0`);
      case 4:
      case 5:
        return await this.owner("PUT", `properties/${value}`, { n, k0: { deep: n }, k1: {} });
      case 6:
      case 7:
      case 8:
        return await this.owner("PUT", `properties/${value}/k${random.below(2)}/deep`, n);
      case 9:
        return random.below(2) === 0 ? await this.owner("DELETE", `properties/${list}`) : 0;
      case 10:
        return await this.owner("POST", "properties", { [list]: { _type: "list" } });
      case 11:
        return await operate({ operation: "pop" });
      case 12:
        return await operate({ operation: "insert", index: 0, item: { n } });
      case 13:
        return await operate({ operation: "extend", items: [n, [n], `${n}`] });
      case 14:
        return await operate({ operation: "update", index: 0, item: { changed: n } });
      default:
        return await this.owner("POST", `properties/${list}`, { n });
    }
  }

  /** One read in a random form; undefined when it met too many changes to be answered. */
  async read(): Promise<readonly Seen[]> {
    const { random } = this;
    const name = ALL[random.below(ALL.length)] ?? "";
    const list = LISTS[random.below(2)] ?? "";
    switch (random.below(7)) {
      case 0:
        return this.#seen("whole", await this.peer("GET", "properties"), (state) =>
          Object.fromEntries([...state].map(([key, value]) => [key, isArray(value) ? mark(value) : value])),
        );
      case 1: {
        const seen = this.#seen("full", await this.peer("GET", "properties?format=full"), (state) =>
          Object.fromEntries([...state].map(([key, value]) => [key, isArray(value) ? value : value])),
        );
        return seen.map((one) => {
          const begun = withoutWords(one.said as JsonObject);
          return { ...one, said: begun, copy: { of: ALL, begun } };
        });
      }
      case 2:
        return this.#seen("metadata", await this.peer("GET", "properties?metadata=true"), names).map((one) => {
          const { simple, lists } = one.said as { simple: { properties: string[] }; lists: Record<string, JsonObject> };
          const counts = Object.entries(lists).map(([key, about]): [string, Json] => [key, about["count"] ?? null]);
          return { ...one, said: { simple: simple.properties.toSorted(), lists: Object.fromEntries(counts) } };
        });
      case 3:
        return this.#seen("nested", await this.peer("GET", "properties/p2/k0"), (state) => below(state, ["p2", "k0"]));
      case 4:
        return this.#seen("item", await this.peer("GET", `properties/${list}/0`), (state) => {
          const items = state.get(list);
          return isArray(items ?? null) ? ((items as Json[])[0] ?? null) : null;
        });
      case 5:
        return await this.#pages(list);
      default: {
        const seen = this.#seen(
          "one",
          await this.peer("GET", `properties/${name}`),
          (state) => state.get(name) ?? null,
        );
        return seen.map((one) => ({
          ...one,
          copy: { of: [name], begun: one.said === null ? {} : { [name]: one.said } },
        }));
      }
    }
  }

  async #pages(list: string): Promise<readonly Seen[]> {
    const pages: Seen[] = [];
    let query = "?limit=2";
    let start = 0;
    for (;;) {
      const answer = await this.peer("GET", `properties/${list}${query}`);
      if (answer.status === 409) return pages;
      const from = start;
      const seen = this.#seen("page", answer, (state) => {
        const items = state.get(list);
        return isArray(items ?? null) ? (items as Json[]).slice(from, from + 2) : null;
      });
      const [page] = seen.map((one) => ({ ...one, said: answer.status === 404 ? null : answer.json.items }));
      if (page === undefined) return pages;
      pages.push(page);
      if (answer.json?.next === undefined) return pages;
      start += 2;
      query = `?limit=2&after=${answer.json.next}`;
    }
  }

  /** A missing place is null. */
  #seen(form: string, answer: Answer, valueIn: (state: State) => Json): readonly Seen[] {
    if (answer.status === 503) return [];
    expect([200, 404]).toContain(answer.status);
    expect(answer.headers["x-actingweb-sequence"]).toMatch(/^\d+$/);
    const said = answer.status === 404 ? null : answer.json === undefined ? answer.text : answer.json;
    return [{ form, position: Number(answer.headers["x-actingweb-sequence"]), valueIn, said }];
  }
}

const mark = (items: readonly Json[]): Json => ({ _list: true, count: items.length });

/** Lists with their items only. */
const withoutWords = (full: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(full).map(([key, value]): [string, Json] => [
      key,
      LISTS.includes(key) ? ((value as JsonObject)["items"] ?? null) : value,
    ]),
  );

function names(state: State): Json {
  const lists = [...state].filter(([, value]) => isArray(value));
  return {
    simple: [...state.keys()].filter((key) => !isArray(state.get(key) ?? null)).toSorted(),
    lists: Object.fromEntries(lists.map(([key, value]) => [key, (value as Json[]).length])),
  };
}

function below(state: State, [name = "", key = ""]: readonly string[]): Json {
  const value = state.get(name);
  return typeof value === "object" && value !== null ? ((value as JsonObject)[key] ?? null) : null;
}

/** The part of a diff that is about some properties only. */
function about(of: readonly string[], { data, overwritten }: Diff) {
  return {
    data: Object.fromEntries(Object.entries(data).filter(([name]) => of.includes(name))),
    overwritten: overwritten.filter((pointer) => pointer === "" || of.includes(pointer.split("/")[1] ?? "")),
  };
}

describe("a read with a position while eight others write", () => {
  it.each([11, 12, 13, 14])("contains exactly the diffs up to it, in every form (%i)", async (seed) => {
    const publisher = await Publisher.open(seed);
    for (const list of LISTS) await publisher.owner("POST", "properties", { [list]: { _type: "list" } });
    let writing = 8;
    const statuses = new Set<number>();
    const writer = async (lane: number): Promise<void> => {
      for (let n = 0; n < 25; n += 1) statuses.add(await publisher.write(lane * 100 + n));
      writing -= 1;
    };
    const seen: Seen[] = [];
    const reader = async (): Promise<void> => {
      while (writing > 0) seen.push(...(await publisher.read()));
    };
    await Promise.all([...Array.from({ length: 8 }, (_, lane) => writer(lane)), reader(), reader(), reader()]);
    expect([...statuses].filter((status) => status >= 500)).toEqual([]);

    const states = await publisher.states();
    const diffs = await publisher.diffs();
    expect(diffs.map(({ sequence }) => sequence)).toEqual(states.slice(1).map((_, index) => index + 1));
    expect(diffs.length).toBeGreaterThan(80);
    for (const { form, position, valueIn, said } of seen) {
      expect([form, position, said]).toEqual([form, position, valueIn(states[position] ?? new Map<string, Json>())]);
    }
    const final = states.at(-1) ?? new Map<string, Json>();
    for (const { position, copy } of seen) {
      if (copy === undefined) continue;
      const replica = new PeerCopy([]);
      replica.replace(copy.begun);
      for (const diff of diffs.slice(position)) replica.apply(about(copy.of, diff));
      const kept = copy.of.filter((name) => final.has(name)).map((name) => [name, final.get(name)]);
      expect(replica.value([])).toEqual(Object.fromEntries(kept));
    }
    expect(new Set(seen.map(({ form }) => form)).size).toBe(7);
    // Otherwise hardly a read has met a writer.
    expect(new Set(seen.map(({ position }) => position)).size).toBeGreaterThan(20);
  });
});
