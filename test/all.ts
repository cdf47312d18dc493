/**
 * The work of `npm test` after the build: every test, and beside them the types and the lint rules, which would
 * keep the second core idle otherwise. Their output comes last. Ends with 1 when either fails.
 */
import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import process from "node:process";

/** Tests wait for processes and time limits, so they go first. */
const LOW_PRIORITY = 10;

async function ended(child: ReturnType<typeof spawn>): Promise<boolean> {
  return await new Promise((resolve) => {
    child.on("error", () => resolve(false));
    child.on("close", (code) => resolve(code === 0));
  });
}

async function check(name: string): Promise<{ readonly passed: boolean; readonly output: string }> {
  const child = spawn("npm", ["run", "--silent", name], { stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid !== undefined) setPriority(child.pid, LOW_PRIORITY);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return { passed: await ended(child), output };
}

const tests = ended(spawn("vitest", ["run"], { stdio: "inherit" }));
const lint = await check("lint");
const passed = await tests;
process.stdout.write(`${lint.output}types and lint ${lint.passed ? "passed" : "failed"}\n`);
process.exitCode = passed && lint.passed ? 0 : 1;
