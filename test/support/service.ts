import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { OwnedActor } from "./owned-actor.ts";
import { checkedOrigins } from "./openapi/checked-origins.ts";
import { reservedPort } from "./ports.ts";
import { ask, type Ask, type Answered } from "./publisher/wire.ts";
import { busFault } from "./strict-event.ts";

const SERVE = fileURLToPath(new URL("../../infra/local/serve.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Compiling the same files takes most of a start; Node keeps here what it has compiled. */
export const NODE_COMPILE_CACHE = join(ROOT, "node_modules/.cache/compiled");
/** Generous, for a machine that is busy with other work. */
const START_MS = 180_000;
const STOP_MS = 60_000;
const PATIENCE_MS = 180_000;
/** Each check costs a request, so the pauses between checks grow. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

/** One run of a subscription data hook, as the example app logs it. */
export interface HookRun {
  sequence: number;
  subscriptionId: string;
  callbackType: string;
}

/** The local stack as a child process: everything the tests know of it goes over HTTP or is its output. */
export class Service {
  readonly port: number;
  /** Kept between restarts, removed by `dispose`. */
  readonly dataDir: string;
  /** Every line of standard error (the log), all runs together. */
  readonly log: string[] = [];
  #environment: Record<string, string>;
  #child: ChildProcess | undefined;

  constructor(port: number, dataDir: string, environment: Record<string, string>) {
    this.port = port;
    this.dataDir = dataDir;
    this.#environment = environment;
    checkedOrigins.add(this.url);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it and waits for its `ready` line. Fails with what it wrote to standard error. */
  async start(environment: Record<string, string> = {}): Promise<this> {
    this.#environment = { ...this.#environment, ...environment };
    const { PATH = "", HOME = "" } = process.env;
    const child = spawn(process.execPath, [SERVE], {
      cwd: ROOT,
      env: { PATH, HOME, NODE_COMPILE_CACHE, PORT: String(this.port), DATA_DIR: this.dataDir, ...this.#environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on("line", (line) => this.log.push(line));
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`the service ${why}\n${this.log.slice(-40).join("\n")}`));
      const timer = setTimeout(() => fail(`was not ready within ${START_MS} ms`), START_MS);
      child.once("exit", (code, signal) => {
        clearTimeout(timer);
        // The last lines of the log may come after the exit.
        setImmediate(() => fail(`ended at start with ${code ?? signal ?? "nothing"}`));
      });
      createInterface({ input: child.stdout }).on("line", (line) => {
        if (!line.startsWith("ready ")) return;
        clearTimeout(timer);
        resolve();
      });
    });
    return this;
  }

  /** The end of `kill -9`: no handler runs, nothing is flushed. @returns the signal that ended it; null when none did */
  async kill(): Promise<NodeJS.Signals | null> {
    const child = this.#running();
    if (!child) return null;
    const gone = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    child.kill("SIGKILL");
    return (await gone)[1];
  }

  /** From now on nothing of it runs; `kill` is what may follow. */
  freeze(): void {
    this.#running()?.kill("SIGSTOP");
  }

  /** SIGTERM, and the exit code it ends with. Killed when it outlasts a minute, which gives null. */
  async stop(): Promise<number | null> {
    const child = this.#running();
    if (!child) return null;
    const gone = once(child, "exit") as Promise<[number | null]>;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    const [code] = await gone;
    clearTimeout(timer);
    return code;
  }

  /** Stops it and removes its folder. @throws when the bus was given what is no event */
  async dispose(): Promise<void> {
    await this.stop();
    await rm(this.dataDir, { recursive: true, force: true });
    const faults = this.log.flatMap((line) => busFault(line) ?? []);
    if (faults.length > 0) throw new Error(`not every event on the bus was one: ${faults.join("; ")}`);
  }

  /** A request below the service's URL. */
  fetch(path: string, options: Ask = {}): Promise<Answered> {
    return ask(`${this.url}${path}`, options);
  }

  /** Makes an actor; the passphrase is one that the service minted unless one is given. */
  async createActor(creator = "creator", passphrase?: string): Promise<OwnedActor> {
    const json = { creator, ...(passphrase === undefined ? {} : { passphrase }) };
    const answer = await this.fetch("/", { method: "POST", json });
    if (answer.status !== 201) throw new Error(`no actor: ${answer.status} ${answer.text}\n${this.tail()}`);
    return new OwnedActor(this.url, answer.json as { id: string; creator: string; passphrase: string });
  }

  /** The hook runs logged so far, in order. Without an id, of all subscriptions. */
  hookRuns(subscriptionId?: string): HookRun[] {
    const runs = this.log.filter((line) => line.includes('"subscription data"')).map(hookRun);
    return runs.filter((run) => subscriptionId === undefined || run.subscriptionId === subscriptionId);
  }

  /** The end of the log, for messages of failed expectations. */
  tail(): string {
    return this.log.slice(-20).join("\n");
  }

  #running(): ChildProcess | undefined {
    const child = this.#child;
    return child?.exitCode === null && child.signalCode === null ? child : undefined;
  }
}

function hookRun(line: string): HookRun {
  return JSON.parse(line.slice(line.indexOf("{"))) as HookRun;
}

/** Starts the local stack on a loopback port of its own, with a folder of its own and the given operator variables. */
export async function startService(environment: Record<string, string> = {}): Promise<Service> {
  const dataDir = await mkdtemp(join(tmpdir(), "actingweb-"));
  return new Service(await reservedPort(), dataDir, environment).start();
}

/** Waits until `look` gives something other than undefined or false; fails, saying `what`, after `timeoutMs` [three minutes]. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
