import { describe, expect, test } from "vitest";
import { DeliveryPool } from "../../../lib/engine/delivery-pool.ts";

/** A pool whose time and whose deliveries only the test advances. */
class Scene {
  readonly started: string[] = [];
  readonly ended: string[] = [];
  readonly pool: DeliveryPool;
  #now = 0;
  #timers: { readonly at: number; readonly call: () => void }[] = [];
  readonly #ends = new Map<string, () => void>();

  constructor(most: number) {
    this.pool = new DeliveryPool({
      most,
      after: (ms, call) => {
        const timer = { at: this.#now + ms, call };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((each) => each !== timer);
        };
      },
    });
  }

  begin(peer: string, name = peer): void {
    void this.pool.run(peer, async () => {
      this.started.push(name);
      await new Promise<void>((resolve) => this.#ends.set(name, resolve));
      this.ended.push(name);
    });
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  pass(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { call } of due) call();
  }
}

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `p${String(index)}`);

describe("the pool", () => {
  test("runs at most the limit at once, in the order of asking", async () => {
    const scene = new Scene(2);
    for (const name of names(4)) scene.begin(name);
    expect(scene.started).toEqual(["p0", "p1"]);
    await scene.end("p1");
    expect(scene.started).toEqual(["p0", "p1", "p2"]);
    await scene.end("p0");
    expect(scene.started).toEqual(["p0", "p1", "p2", "p3"]);
  });

  test("runs one for each peer, and lets deliveries to other peers pass", async () => {
    const scene = new Scene(2);
    scene.begin("p", "first");
    scene.begin("p", "second");
    scene.begin("p", "third");
    scene.begin("q");
    expect(scene.started).toEqual(["first", "q"]);
    await scene.end("first");
    expect(scene.started).toEqual(["first", "q", "second"]);
    await scene.end("second");
    expect(scene.started).toEqual(["first", "q", "second", "third"]);
  });

  test("stops counting a delivery that lasts a second", () => {
    const scene = new Scene(2);
    for (const name of names(5)) scene.begin(name);
    scene.pass(999);
    expect(scene.started).toEqual(["p0", "p1"]);
    scene.pass(1);
    expect(scene.started).toEqual(["p0", "p1", "p2", "p3"]);
    scene.pass(1_000);
    expect(scene.started).toEqual(["p0", "p1", "p2", "p3", "p4"]);
  });

  test("has at most a hundred uncounted deliveries", async () => {
    const scene = new Scene(100);
    for (const name of names(300)) scene.begin(name);
    scene.pass(1_000);
    expect(scene.started).toHaveLength(200);
    scene.pass(1_000);
    expect(scene.started).toHaveLength(200);
    await scene.end("p0");
    expect(scene.started).toHaveLength(200);
    await scene.end("p150");
    expect(scene.started).toHaveLength(201);
  });

  test("passes on results and errors of the work, and continues", async () => {
    const { pool } = new Scene(1);
    await expect(pool.run("p", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(pool.run("p", () => Promise.resolve(3))).resolves.toBe(3);
  });
});
