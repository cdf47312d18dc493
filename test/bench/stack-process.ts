/**
 * The local stack in a process of its own, its data in a folder, until its standard input ends:
 * `node stack-process.ts <folder> [NAME=value …]`. A line with `requests` is answered with how many the emulator got.
 */
import { subscribe } from "node:diagnostics_channel";
import type { AddressInfo, Server } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { startLocalStack } from "../../infra/local/stack.ts";

/** Where the stack of the other process is: what its first line says. */
export interface StackPlace {
  readonly url: string;
  readonly endpoint: string;
}

const [dataDir = ":memory:", ...settings] = process.argv.slice(2);
const requests = new Map<number, number>();
// The emulator's server is in this thread, the functions that ask it are not: what begins on its port is theirs.
subscribe("http.server.request.start", (message) => {
  const address = (message as { server: Server }).server.address() as AddressInfo | null;
  if (address !== null) requests.set(address.port, (requests.get(address.port) ?? 0) + 1);
});

const stack = await startLocalStack({
  dataDir,
  environment: {
    // Only the measured work runs meanwhile.
    ...{ SWEEP_INTERVAL_SECONDS: "3600", RECONCILE_INTERVAL_SECONDS: "0" },
    ...Object.fromEntries(settings.map((setting) => setting.split(/=(.*)/s, 2) as [string, string])),
  },
  log: () => undefined,
});
const place: StackPlace = { url: stack.url, endpoint: stack.endpoint };
const say = (line: string): void => void process.stdout.write(`${line}\n`);
say(JSON.stringify(place));
createInterface({ input: process.stdin })
  .on("line", () => say(String(requests.get(Number(new URL(stack.endpoint).port)) ?? 0)))
  .on("close", () => void stack.close());
