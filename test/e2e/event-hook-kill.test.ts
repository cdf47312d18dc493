/** Processes that are killed while they run a hook on their actor's own events. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startEmulatedTable, type EmulatedTable } from "../support/emulated-table.ts";
import { NODE_COMPILE_CACHE } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import type { Hosted } from "../support/whole-service.ts";
import type { Begin, Report, Run, Step } from "./hook-process.ts";

/** Processes that are killed at some run, before the one event that kills each process that runs it. */
const KILLS = sized(1, 40);
const KEYS = 3;
const CHANGES = sized(1, 4);
/** So many noted deaths at one event, after the first one, which nothing notes. */
const MOST_ATTEMPTS = sized(1, 3);
const POISON = -1;
/** Longer than any lease, so that the next process finds none. */
const LEASE_MS = 60_000;

let emulated: EmulatedTable;
beforeAll(async () => {
  emulated = await startEmulatedTable();
});
afterAll(async () => await emulated.close());

/** One process; its end is the test's. */
class HookProcess {
  /** All runs of all processes, in order. */
  static readonly began: Run[] = [];
  static readonly ended: Run[] = [];
  static now = Date.UTC(2026, 0, 1);
  readonly #child: ChildProcess;
  #done = Promise.withResolvers<unknown>();
  readonly #ready = Promise.withResolvers<undefined>();
  readonly #hung = Promise.withResolvers<Run>();

  constructor(begin: Pick<Begin, "hangsAt" | "poison">) {
    const { endpoint, tableName } = emulated;
    HookProcess.now += LEASE_MS;
    const environment = { HOOK_MAX_ATTEMPTS: String(MOST_ATTEMPTS) };
    const whole: Begin = { endpoint, tableName, now: HookProcess.now, environment, ...begin };
    const { PATH = "", HOME = "" } = process.env;
    this.#child = fork(fileURLToPath(new URL("hook-process.ts", import.meta.url)), [JSON.stringify(whole)], {
      env: { PATH, HOME, NODE_COMPILE_CACHE },
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child.on("message", (report: Report) => this.#hears(report));
    this.#child.once("exit", (code, signal) => {
      if (signal !== "SIGKILL") this.#ready.reject(new Error(`the process ended with ${String(code ?? signal)}`));
    });
  }

  #hears(report: Report): void {
    if (report.is === "ready") return this.#ready.resolve(undefined);
    if (report.is === "done") return this.#done.resolve(report.result);
    HookProcess[report.is].push(report.run);
    if (report.hangs) this.#hung.resolve(report.run);
  }

  /** @returns undefined when the process hung in the hook before it was done */
  async does<T>(step: Step): Promise<T | undefined> {
    await this.#ready.promise;
    this.#done = Promise.withResolvers();
    this.#child.send(step);
    return (await Promise.race([this.#done.promise, this.#hung.promise.then(() => undefined)])) as T | undefined;
  }

  /** The end of `kill -9` once the hook hangs. */
  async killInHook(): Promise<Run> {
    const run = await this.#hung.promise;
    expect(await this.kill()).toBe("SIGKILL");
    return run;
  }

  async kill(): Promise<unknown> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    return (await gone)[1];
  }
}

it("runs every event, each key in order, and parks the one at which processes die", async () => {
  let process = new HookProcess({ hangsAt: 2 });
  const { root, as } = (await process.does<Hosted>({ do: "make" }))!;
  let value = 0;
  const put = async (key: number, made: number): Promise<void> => {
    await process.does({ do: "ask", method: "PUT", url: `${root}/properties/k${String(key)}`, json: made, as });
  };
  const killed: Run[] = [];
  const changeUntilItHangs = async (): Promise<void> => {
    for (let n = 0; n < CHANGES * KEYS; n += 1) await put(n % KEYS, (value += 1));
    await process.does({ do: "pass", ms: LEASE_MS });
    killed.push(await process.killInHook());
  };
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await changeUntilItHangs();
    // Not again at the same event, which would be given up.
    process = new HookProcess(kill === KILLS ? { poison: POISON } : { hangsAt: 2 + (kill % (CHANGES * KEYS)) });
  }
  await process.does({ do: "pass", ms: LEASE_MS });
  await put(0, POISON);
  killed.push(await process.killInHook());
  for (let isOver = false; !isOver;) {
    process = new HookProcess({ poison: POISON });
    await put(0, (value += 1));
    isOver = (await process.does({ do: "pass", ms: LEASE_MS })) !== undefined;
    if (!isOver) killed.push(await process.killInHook());
  }
  await put(1, (value += 1));
  for (let minute = 0; minute < 10; minute += 1) await process.does({ do: "pass", ms: LEASE_MS });
  const read = async <T>(path: string): Promise<T> =>
    (await process.does<{ json: T }>({ do: "ask", method: "GET", url: `${root}${path}`, as }))!.json;
  const parked = await read<{ data: readonly object[] }>("/parked");
  const committed: number[] = [];
  for (let from = "earliest"; ;) {
    const events =
      (await read<readonly { position: string; data: { value: number } }[] | undefined>(
        `/events?from=${from}&topics=properties.>`,
      )) ?? [];
    committed.push(...events.map(({ data }) => data.value));
    const last = events.at(-1);
    if (last === undefined) break;
    from = last.position;
  }
  await process.kill();

  const { began, ended } = HookProcess;
  expect(parked.data).toMatchObject([{ source: "event-hook:one", topic: "properties.k0", status: "parked" }]);
  expect(new Set(ended.map((run) => run.value))).toEqual(new Set(committed.filter((made) => made !== POISON)));
  expect(ended.length).toBeGreaterThan(killed.length);
  expect(began.filter((run) => run.value === POISON)).toHaveLength(1 + MOST_ATTEMPTS);
  expect(killed).toHaveLength(KILLS + 1 + MOST_ATTEMPTS);
  for (const run of killed.filter((each) => each.value !== POISON)) {
    const again = began.filter((each) => each.value === run.value);
    expect(again.every(({ id, sequence }) => id === run.id && sequence === run.sequence)).toBe(true);
    expect(again.length).toBeGreaterThan(1);
  }
  for (const runs of Map.groupBy(began, ({ topic }) => topic).values()) {
    const first = [...new Set(runs.map(({ sequence }) => sequence))];
    expect(first).toEqual(first.toSorted());
  }
}, 1_800_000);
