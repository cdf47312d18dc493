import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { OwnedActor } from "../support/owned-actor.ts";
import { ask } from "../support/publisher/wire.ts";
import type { StackPlace } from "./stack-process.ts";

const PROGRAM = fileURLToPath(new URL("stack-process.ts", import.meta.url));
const LOG_CHARACTERS = 4000;

/** A local stack in a process of its own, its data in a folder that goes with it. */
export class BenchStack {
  readonly url: string;
  /** The emulator's. */
  readonly endpoint: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: Interface;

  private constructor(place: StackPlace, child: ChildProcessByStdio<Writable, Readable, Readable>, lines: Interface) {
    this.url = place.url;
    this.endpoint = place.endpoint;
    this.#child = child;
    this.#lines = lines;
  }

  /**
   * Runs `work` with a stack that has these operator variables, and ends the stack.
   * @throws an error with the stack's last words when it does not start or the work fails
   */
  static async during<T>(settings: Readonly<Record<string, string>>, work: (stack: BenchStack) => Promise<T>) {
    const folder = await mkdtemp(path.join(tmpdir(), "bench-"));
    const named = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    const child = spawn(process.execPath, [PROGRAM, folder, ...named], { stdio: ["pipe", "pipe", "pipe"] });
    const gone = once(child, "exit");
    // The functions' logs; their end shows the cause of a failure.
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-LOG_CHARACTERS)));
    try {
      const lines = createInterface({ input: child.stdout });
      const [line] = (await Promise.race([
        once(lines, "line"),
        gone.then(() => Promise.reject(new Error("the local stack did not start"))),
      ])) as [string];
      return await work(new BenchStack(JSON.parse(line) as StackPlace, child, lines));
    } catch (error) {
      throw new Error(`The load could not be measured. The stack's last words:\n${log}`, { cause: error });
    } finally {
      child.stdin.end();
      await gone;
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** How many requests the emulator has been sent until now. */
  async requests(): Promise<number> {
    const answer = once(this.#lines, "line") as Promise<[string]>;
    this.#child.stdin.write("requests\n");
    return Number((await answer)[0]);
  }

  /** A new actor, as its owner. */
  async actor(): Promise<OwnedActor> {
    const made = await ask(`${this.url}/`, { method: "POST", json: { creator: "bench" } });
    return new OwnedActor(this.url, made.json as { id: string; creator: string; passphrase: string });
  }
}
