/**
 * Prints what the simulations of DynamoDB's limits show, as the tables of docs/costs.md: `npm run limits`. Other sizes:
 * `npm run limits -- <subscribers> <changes> <actors>`. Ends with 1 when anything was lost.
 */
import process from "node:process";
import { fastestChanges } from "./fastest-changes.ts";
import { manyGaps } from "./many-gaps.ts";
import { manySubscribers } from "./many-subscribers.ts";
import { PARTITION } from "./partition-limits.ts";
import { busiest, seconds, table } from "./printed.ts";

const [subscribers = 1_000, changes = 60, actors = 10_000] = process.argv.slice(2).map(Number);
const print = (text: string): void => void process.stdout.write(`${text}\n`);
let lost = 0;

const crowd = await manySubscribers({ subscribers, changes });
lost += crowd.violations.length;
print(`\n## ${String(subscribers)} subscribers, a change a second for ${String(changes)} s\n`);
print(
  table([
    ["lost or wrong", String(crowd.violations.length)],
    ["all delivered after", seconds(crowd.totalMs)],
    ["a change until its answer, at most", seconds(Math.max(...crowd.answeredMs))],
    ["a change until its last arrival, at most", seconds(Math.max(...crowd.arrivedMs))],
    ["changes that were answered 503 and sent again", String(crowd.refused)],
    ["callbacks that arrived twice", String(crowd.repeated)],
    ...busiest(crowd.deployment, crowd.totalMs),
  ]),
);
print(crowd.violations.slice(0, 10).join("\n"));

for (const isLost of [false, true]) {
  const gaps = await manyGaps({ actors, lost: isLost });
  lost += gaps.violations.length;
  print(
    `\n## ${String(actors)} gaps in one minute, ${isLost ? "all messages of the gaps lost" : "with their messages"}\n`,
  );
  print(
    table([
      ["lost or wrong", String(gaps.violations.length)],
      ["from the first due time until all are closed", seconds(gaps.totalMs)],
      ["a gap waited, median and longest", `${seconds(gaps.medianWaitMs)}, ${seconds(gaps.longestWaitMs)}`],
      ["gaps that were recovered twice", String(gaps.repeated)],
      ...busiest(gaps.deployment, gaps.totalMs),
    ]),
  );
  print(gaps.violations.slice(0, 10).join("\n"));
}

print("\n## How many changes a second one actor takes\n");
const single = await fastestChanges({ clients: 1, seconds: 10 });
const many = await fastestChanges({ clients: 8, seconds: 10 });
const rate = (perSecond: number): string => `${perSecond.toFixed(1)} a second`;
print(
  table([
    ["units of a change in the partition of its log's head, without subscribers", single.unitsOfHead.toFixed(1)],
    ["computed from the partition's limit", rate(single.computed)],
    ["simulated, one client", rate(single.simulated)],
    ["simulated, 8 clients on 8 instances", rate(many.simulated)],
    [`units with ${String(subscribers)} subscribers`, crowd.unitsOfHead.toFixed(1)],
    ["computed for them", rate(PARTITION.write / crowd.unitsOfHead)],
  ]),
);
process.exitCode = lost === 0 ? 0 : 1;
