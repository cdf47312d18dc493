/**
 * The local stack of a checkout in a process of its own, its data in a folder, until its standard input ends:
 * `node stack-process.ts <checkout> <dist> <folder> [NAME=value …]`. It answers the line `counts` with `StackCounts`, the
 * line `profile` with nothing, and `profiled <file>` after it has written the functions' profiles since then.
 */
import { subscribe } from "node:diagnostics_channel";
import { writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import type { AddressInfo, Server } from "node:net";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import threads, { Worker } from "node:worker_threads";

/** Where the stack of the other process is: what its first line says. */
export interface StackPlace {
  readonly url: string;
  readonly endpoint: string;
}

/** What the stack has done until now. */
export interface StackCounts {
  /** Requests that the emulator got. */
  readonly requests: number;
  /** CPU time of the functions, ms: each has a thread of its own. The emulator and the gateway are in another. */
  readonly functionMs: number;
  /** CPU time of the whole stack, ms. */
  readonly stackMs: number;
}

type StartStack = (options: object) => Promise<StackPlace & { close(): Promise<void> }>;

const [checkout = ".", dist = "dist", dataDir = ":memory:", ...settings] = process.argv.slice(2);

// Seen from outside, so that the stack of any commit can be measured.
const functions = new Set<Worker>();
threads.Worker = class extends Worker {
  constructor(...of: ConstructorParameters<typeof Worker>) {
    super(...of);
    functions.add(this);
    this.once("exit", () => functions.delete(this));
  }
};
syncBuiltinESMExports();
const stackFile = pathToFileURL(path.join(checkout, "infra/local/stack.ts")).href;
const { startLocalStack } = (await import(stackFile)) as { startLocalStack: StartStack };

const requests = new Map<number, number>();
// The emulator's server is in this thread, the functions that ask it are not: what begins on its port is theirs.
subscribe("http.server.request.start", (message) => {
  const address = (message as { server: Server }).server.address() as AddressInfo | null;
  if (address !== null) requests.set(address.port, (requests.get(address.port) ?? 0) + 1);
});

const stack = await startLocalStack({
  dataDir,
  dist,
  environment: {
    // Only the measured work runs meanwhile.
    ...{ SWEEP_INTERVAL_SECONDS: "3600", RECONCILE_INTERVAL_SECONDS: "0" },
    ...Object.fromEntries(settings.map((setting) => setting.split(/=(.*)/s, 2) as [string, string])),
  },
  log: () => undefined,
});

const milliseconds = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;

async function counts(): Promise<StackCounts> {
  const usages = await Promise.all([...functions].map((one) => one.cpuUsage()));
  return {
    requests: requests.get(Number(new URL(stack.endpoint).port)) ?? 0,
    functionMs: usages.reduce((sum, usage) => sum + milliseconds(usage), 0),
    stackMs: milliseconds(process.cpuUsage()),
  };
}

let profiles: Awaited<ReturnType<Worker["startCpuProfile"]>>[] = [];

/** The answer to one line. */
async function answer(line: string): Promise<unknown> {
  if (line === "counts") return await counts();
  if (line === "profile") {
    profiles = await Promise.all([...functions].map((one) => one.startCpuProfile()));
    return true;
  }
  const texts = await Promise.all(profiles.map((one) => one.stop()));
  await writeFile(line.slice("profiled ".length), `[${texts.join(",\n")}]`);
  return true;
}

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const place: StackPlace = { url: stack.url, endpoint: stack.endpoint };
say(place);
createInterface({ input: process.stdin })
  .on("line", (line) => void answer(line).then(say))
  .on("close", () => void stack.close());
