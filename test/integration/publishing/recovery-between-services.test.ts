/** Two services in this process: one publishes, the other one recovers by reading its state with positions. */
import { describe, expect, it } from "vitest";
import {
  PeerFailure,
  type Json,
  type JsonObject,
  type PeerAnswer,
  type PeerRequest,
} from "../../../lib/system/ports.ts";
import { Network } from "../../support/in-process.ts";
import { jitteryTable } from "../../support/jittery-table.ts";
import { seeded, type Random } from "../../support/publisher/random.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

const SECRET = "s".repeat(40);
const VALUES = ["p0", "p1", "p2"];
const LISTS = ["l0", "l1"];

/** Loses every second callback. Keeps the position of each read of the state. */
class Lossy extends Network {
  readonly positions: (string | undefined)[] = [];
  readonly polls: string[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    super();
    this.#random = random;
  }

  override async send(request: PeerRequest): Promise<PeerAnswer> {
    const { pathname } = new URL(request.url);
    if (pathname.includes("/callbacks/") && this.#random.below(2) === 0) throw new PeerFailure("timeout", "Lost.");
    const answer = await super.send(request);
    if (request.method === "GET" && pathname.includes("/properties")) {
      this.positions.push(answer.headers["x-actingweb-sequence"]);
    }
    return answer;
  }
}

class Pair {
  readonly network: Lossy;
  readonly publisher: WholeService;
  readonly subscriber: WholeService;
  readonly alice: Hosted;
  readonly bob: Hosted;
  readonly random: Random;
  subscription = "";

  private constructor(
    random: Random,
    network: Lossy,
    sides: readonly [WholeService, WholeService],
    hosted: readonly [Hosted, Hosted],
  ) {
    this.random = random;
    this.network = network;
    [this.publisher, this.subscriber] = sides;
    [this.alice, this.bob] = hosted;
  }

  /** Bob has subscribed to a part of what alice has. */
  static async open(seed: number, scope: JsonObject): Promise<Pair> {
    const random = seeded(seed);
    const network = new Lossy(random);
    const a = new WholeService(network, "https://a.example", { table: jitteryTable(random) });
    const b = new WholeService(network, "https://b.example", { table: jitteryTable(random) });
    const [alice, bob] = [await a.actor(), await b.actor("bob")];
    await a.trusts(alice.id, bob.id, bob.root, SECRET);
    await b.trusts(bob.id, alice.id, alice.root, SECRET);
    const pair = new Pair(random, network, [a, b], [alice, bob]);
    for (const list of LISTS) await pair.owner("POST", "properties", { [list]: { _type: "list" } });
    for (const name of VALUES) await pair.owner("PUT", `properties/${name}`, { k0: { begun: true } });
    pair.subscription = await pair.subscribe(scope);
    return pair;
  }

  /** Bob's new subscription. */
  async subscribe(scope: JsonObject): Promise<string> {
    const json = { peerid: this.alice.id, target: "properties", granularity: "high", ...scope };
    const made = await this.subscriber.ask("POST", `/${this.bob.id}/subscriptions`, { headers: this.bob.as, json });
    expect(made.status).toBe(204);
    return made.headers["location"]?.split("/").at(-1) ?? "";
  }

  async owner(method: string, path: string, json?: Json): Promise<number> {
    const sent = json === undefined ? {} : { json };
    const { status } = await this.publisher.ask(method, `/${this.alice.id}/${path}`, {
      headers: this.alice.as,
      ...sent,
    });
    return status;
  }

  async write(n: number): Promise<void> {
    const value = VALUES[this.random.below(3)] ?? "";
    const list = LISTS[this.random.below(2)] ?? "";
    const kind = this.random.below(8);
    if (kind === 0) await this.owner("DELETE", `properties/${value}`);
    else if (kind === 1) await this.owner("PUT", `properties/${value}`, { n, k0: { deep: n } });
    else if (kind < 4) await this.owner("PUT", `properties/${value}/k0/deep`, n);
    else if (kind === 4) await this.owner("POST", `properties/${list}/items`, { operation: "delete", index: 0 });
    else await this.owner("POST", `properties/${list}`, { n });
  }

  /** Bob brings his copy up to date, as far as `query` says; what became of it. */
  async resync(subscription = this.subscription, query = ""): Promise<string> {
    const path = `/${this.bob.id}/subscriptions/${this.alice.id}/${subscription}/resync${query}`;
    const { json, status } = await this.subscriber.ask("POST", path, { headers: this.bob.as });
    return status === 200 ? String(json.result) : String(status);
  }

  /** What bob holds of alice. */
  async replica(): Promise<Record<string, Json>> {
    const path = `/${this.bob.id}/peers/${this.alice.id}/properties`;
    const { json } = await this.subscriber.ask("GET", path, { headers: this.bob.as });
    const replica = Object.entries(json.data as Record<string, { value: Json }>);
    return Object.fromEntries(replica.map(([name, { value }]) => [name, value]));
  }

  /** What alice has, lists as arrays. */
  async has(): Promise<Record<string, Json>> {
    const path = `/${this.alice.id}/properties?format=full`;
    const { json } = await this.publisher.ask("GET", path, { headers: this.alice.as });
    const all = Object.entries(json as Record<string, Json>);
    return Object.fromEntries(
      all.map(([name, value]) => [name, LISTS.includes(name) ? ((value as JsonObject)["items"] ?? null) : value]),
    );
  }
}

describe("a subscriber whose recovery meets eight writers", () => {
  const seen = new Set<string>();
  it.each([
    [21, {}],
    [22, {}],
    [23, {}],
    [24, { subtarget: "l0" }],
    [25, { subtarget: "p1" }],
    [26, { subtarget: "p1", resource: "k0" }],
  ])("has at the end what the publisher has (%i, %j)", async (seed, scope) => {
    const pair = await Pair.open(seed, scope);
    let writing = 8;
    const writer = async (lane: number): Promise<void> => {
      for (let n = 0; n < 20; n += 1) await pair.write(lane * 100 + n);
      writing -= 1;
    };
    const results: string[] = [];
    const recover = async (): Promise<void> => {
      while (writing > 0) {
        results.push(await pair.resync());
        // A suspended place is to be read again as a whole.
        await pair.owner("POST", "suspensions", { target: "properties" });
        await pair.owner("DELETE", "suspensions/properties");
      }
    };
    await Promise.all([...Array.from({ length: 8 }, (_, lane) => writer(lane)), recover()]);
    // Time passes, so that work that a lost answer left is retried.
    for (let minutes = 0; minutes < 5; minutes += 1) {
      pair.subscriber.now += 60_000;
      await pair.subscriber.sweep();
    }
    results.push(await pair.resync());
    expect(["caught_up", "resynced"]).toContain(results.at(-1));
    for (const result of results) seen.add(result);
    expect(pair.network.positions.filter((position) => position === undefined)).toEqual([]);
    expect(pair.network.positions.length).toBeGreaterThan(2);

    const { subtarget, resource } = scope as { subtarget?: string; resource?: string };
    const has = await pair.has();
    if (subtarget === undefined) expect(await pair.replica()).toEqual(has);
    else {
      const property = has[subtarget];
      const part = resource === undefined ? property : (property as JsonObject | undefined)?.[resource];
      const copy = resource === undefined ? part : { [resource]: part ?? null };
      expect(await pair.replica()).toEqual(part === undefined ? {} : { [subtarget]: copy });
    }
  });

  it.each([51, 52, 53, 54])(
    "follows the deletion of everything, lists as well, and what comes after it (%i)",
    async (seed) => {
      const pair = await Pair.open(seed, {});
      await pair.owner("POST", "properties/l0", "one");
      await pair.resync();
      await pair.owner("DELETE", "properties");
      expect(await pair.resync(pair.subscription, "?mode=catch_up")).toBe("caught_up");
      expect(await pair.replica()).toEqual({});
      await pair.owner("POST", "properties", { l0: { _type: "list" } });
      await pair.owner("POST", "properties/l0", "two");
      await pair.owner("PUT", "properties/p0", { k0: 1 });
      expect(await pair.resync(pair.subscription, "?mode=catch_up")).toBe("caught_up");
      expect(await pair.replica()).toEqual({ l0: ["two"], p0: { k0: 1 } });
    },
  );

  it("has read states in some of these, and not only diffs", () => {
    expect(seen).toContain("resynced");
  });

  it.each([31, 32, 33])("and narrower subscriptions has each part from the one that owns it (%i)", async (seed) => {
    const pair = await Pair.open(seed, {});
    const others = [
      await pair.subscribe({ subtarget: "l0" }),
      await pair.subscribe({ subtarget: "p1", resource: "k0" }),
    ];
    let writing = 8;
    const writer = async (lane: number): Promise<void> => {
      for (let n = 0; n < 15; n += 1) await pair.write(lane * 100 + n);
      writing -= 1;
    };
    const recover = async (subscription: string): Promise<void> => {
      while (writing > 0) await pair.resync(subscription);
    };
    const all = [pair.subscription, ...others];
    await Promise.all([...Array.from({ length: 8 }, (_, lane) => writer(lane)), ...all.map(recover)]);
    for (let minutes = 0; minutes < 5; minutes += 1) {
      pair.subscriber.now += 60_000;
      await pair.subscriber.sweep();
    }
    for (const subscription of all) expect(["caught_up", "resynced"]).toContain(await pair.resync(subscription));
    expect(await pair.replica()).toEqual(await pair.has());
  });
});
