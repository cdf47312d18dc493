import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { GroupSettings } from "../../../lib/client/group.ts";
import type { RunOptions } from "../../../lib/client/worker.ts";
import type { OwnedActor } from "../owned-actor.ts";
import { NODE_COMPILE_CACHE } from "../service.ts";

const PROGRAM = fileURLToPath(new URL("program.ts", import.meta.url));

/** What a worker is started with. */
export interface Employment {
  readonly of: { readonly uri: string; readonly user: string; readonly passphrase: string };
  readonly group: string;
  readonly settings: GroupSettings;
  readonly consumer: string;
  /** Where workers write what they handle. */
  readonly file: string;
  readonly options?: Pick<RunOptions, "concurrency" | "max" | "waitSeconds">;
}

/** A line of that file: an event that a worker was given. */
export interface Handling {
  readonly consumer: string;
  readonly id: string;
  /** In the order of which its events come. */
  readonly key: string;
  readonly position: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly data: unknown;
}

/** Workers of one group, all of which write to one file. */
export interface Crew extends Omit<Employment, "of" | "consumer"> {
  readonly actor: OwnedActor;
}

/**
 * A process that works for a group until it is killed or stopped; it is started again under the same name.
 */
export class WorkerProcess {
  readonly consumer: string;
  /** Every line of standard error, all runs together. */
  readonly log: string[] = [];
  /** What ended the runs so far: an exit code, or a signal. */
  readonly ends: (number | NodeJS.Signals | null)[] = [];
  readonly #crew: Crew;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(crew: Crew, consumer: string) {
    this.#crew = crew;
    this.consumer = consumer;
  }

  start(): this {
    const { actor, ...crew } = this.#crew;
    const { uri, creator: user, passphrase } = actor;
    const employment: Employment = { ...crew, of: { uri, user, passphrase }, consumer: this.consumer };
    const { PATH = "" } = process.env;
    const child = spawn(process.execPath, [PROGRAM], {
      env: { PATH, NODE_COMPILE_CACHE, WORKER: JSON.stringify(employment) },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on("line", (line) => this.log.push(line));
    this.#ended = once(child, "exit").then(([code, signal]) => this.ends.push((code ?? signal) as number | null));
    return this;
  }

  /** No handler runs to its end, nothing is sent. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Lets it drain. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal);
    await this.#ended;
  }
}

/** What the workers of a file have handled, in that order. */
export async function handlingsIn(file: string): Promise<Handling[]> {
  const lines = (await textIn(file)).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Handling);
}

/** How many these are. */
export async function handlingCount(file: string): Promise<number> {
  return (await textIn(file)).split("\n").length - 1;
}

/** Empty until the first worker opens it. */
async function textIn(file: string): Promise<string> {
  return await readFile(file, "utf8").catch(() => "");
}
