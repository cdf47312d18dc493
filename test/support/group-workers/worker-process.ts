import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Exchange } from "../openapi/exchange-check.ts";
import type { OwnedActor } from "../owned-actor.ts";
import { NODE_COMPILE_CACHE } from "../service.ts";
import { BEGUN, type Employment, type Handling } from "./employment.ts";

const PROGRAM = fileURLToPath(new URL("program.ts", import.meta.url));

/** Workers of one group, all of which write to one file. */
export interface Crew extends Omit<Employment, "of" | "consumer"> {
  readonly actor: OwnedActor;
  /** Called at once with what any of them begins to handle. */
  readonly onHandling: (handling: Handling, by: WorkerProcess) => void;
}

/**
 * States: running (`start`); ended, by a signal or by itself. Whatever kills it while it is being killed shares the one end.
 *
 * Invariant: at most one process runs under its name.
 */
export class WorkerProcess {
  readonly consumer: string;
  /** Every line of standard error, all runs together. */
  readonly log: string[] = [];
  /** What ended the runs so far: an exit code, or a signal. */
  readonly ends: (number | NodeJS.Signals | null)[] = [];
  readonly #crew: Crew;
  #child: ChildProcess | undefined;
  #begun: Promise<unknown> = Promise.resolve();
  #ended: Promise<unknown> = Promise.resolve();
  #restarted: Promise<void> | undefined;

  constructor(crew: Crew, consumer: string) {
    this.#crew = crew;
    this.consumer = consumer;
  }

  start(): this {
    const { actor, onHandling, ...crew } = this.#crew;
    const { uri, creator: user, passphrase } = actor;
    const employment: Employment = { ...crew, of: { uri, user, passphrase }, consumer: this.consumer };
    const { PATH = "" } = process.env;
    const child = spawn(process.execPath, [PROGRAM], {
      env: { PATH, NODE_COMPILE_CACHE, WORKER: JSON.stringify(employment) },
      stdio: "pipe",
    });
    this.#child = child;
    const begun = Promise.withResolvers<undefined>();
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line === BEGUN) begun.resolve(undefined);
      else onHandling(JSON.parse(line) as Handling, this);
    });
    createInterface({ input: child.stderr }).on("line", (line) => this.log.push(line));
    this.#ended = once(child, "exit").then(([code, signal]) => this.ends.push((code ?? signal) as number | null));
    this.#begun = Promise.race([begun.promise, this.#ended]);
    return this;
  }

  /** No handler runs to its end, nothing is sent. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Kills it and starts it again. */
  async restart(): Promise<void> {
    this.#restarted ??= this.kill().then(() => {
      this.#restarted = undefined;
      this.start();
    });
    await this.#restarted;
  }

  /** Lets it drain, once it has begun. */
  async stop(): Promise<void> {
    await this.#restarted;
    await this.#begun;
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal);
    await this.#ended;
  }
}

/** What the workers of a file have handled, in that order. */
export const handlingsIn = async (file: string): Promise<Handling[]> => (await linesOf(file)) as Handling[];

/** What the workers of a folder have exchanged with the service. */
export async function exchangesIn(folder: string): Promise<Exchange[]> {
  const files = await readdir(folder);
  return (await Promise.all(files.map(async (file) => await linesOf(join(folder, file))))).flat() as Exchange[];
}

/** The JSON values of a file, without that of a last line that has no end. */
async function linesOf(file: string): Promise<unknown[]> {
  const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as unknown);
}
