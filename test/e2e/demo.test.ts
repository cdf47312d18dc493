import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const DEMO = fileURLToPath(new URL("../support/demo/demo.ts", import.meta.url));

it("the demonstration shows a change, a lost callback, the gap and the recovery, and ends with 0", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [DEMO], { timeout: 300_000 });
  const lines = stdout.split("\n").map((line) => line.trim());
  const at = (text: string | RegExp): number => lines.findIndex((line) => line.search(text) >= 0);
  const story = [
    /^Bob subscribes/,
    /^bob is at number +1$/,
    /loses the callback with number 2/,
    /^waiting at bob +\[3\]$/,
    /^Callback 2 is not repeated/,
    /^seconds it took +\d/,
    /^bob is at number +3$/,
    /^bob is at number +4$/,
    /^Bob's copy is what Alice has/,
  ].map(at);
  expect(story, stdout).not.toContain(-1);
  expect(story, stdout).toEqual(story.toSorted((a, b) => a - b));
});
