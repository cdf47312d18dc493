/** The local stack in a process of its own, its data in a folder, until its standard input ends: `node stack-process.ts <folder>`. */
import process from "node:process";
import { startLocalStack } from "../../infra/local/stack.ts";

/** Where the stack of the other process is: what its first line says. */
export interface StackPlace {
  readonly url: string;
  readonly endpoint: string;
}

const stack = await startLocalStack({
  dataDir: process.argv[2] ?? ":memory:",
  // Nothing but what is measured happens meanwhile.
  environment: { SWEEP_INTERVAL_SECONDS: "3600", RECONCILE_INTERVAL_SECONDS: "0" },
  log: () => undefined,
});
const place: StackPlace = { url: stack.url, endpoint: stack.endpoint };
process.stdout.write(`${JSON.stringify(place)}\n`);
process.stdin.on("end", () => void stack.close()).resume();
