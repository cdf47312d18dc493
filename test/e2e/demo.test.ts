import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const DEMO = fileURLToPath(new URL("../support/demo/demo.ts", import.meta.url));

it("the demonstration shows a lost callback, a dead receiver of a webhook, a killed worker of a group, and ends with 0", async () => {
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
    /^The warehouse dies/,
    /^orders at the warehouse +\["ann 1",.*"ann 2","ann 4"/,
    /^what is blocked +\{"key":"orders ann","attempts":1,/,
    /^set aside, of +\["webhook:warehouse"\]$/,
    /"ann 5"\]$/,
    /^Every order arrived/,
    /^A shop has two workers, Kim and Lee/,
    /^Ann's next order takes long/,
    /^begun by the workers .*"(Kim|Lee): ann 3".*(?!\1)(Kim|Lee): eve 5"/,
    /^the group +\{"lag":\d,"parked":0,"holders":\[/,
    /^(Kim|Lee) is killed in the midst/,
    /^(Kim|Lee) ended by +"SIGKILL"$/,
    /^begun by the workers .*ann 3".*ann 3 again".*ann 4"/,
    /^the same event +true$/,
    /^(Kim|Lee) comes back/,
    /^they ended with +\[0,0\]$/,
    /^the group +\{"lag":0,"parked":0,"holders":\[/,
    /^Every order was packed, in order for each customer/,
  ].map(at);
  expect(story, stdout).not.toContain(-1);
  expect(story, stdout).toEqual(story.toSorted((a, b) => a - b));
});
