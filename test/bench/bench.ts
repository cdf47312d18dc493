/**
 * `npm run bench [-- --json] [--beside <revision>]`: callbacks a second over the local stack, changes published to up to 100
 * subscribers and to 10 000, the functions' CPU time, all beside raw requests to the same emulator; polls and replays; and
 * every function's size, and its import time beside its budget. With `--beside` another commit is measured by turns with this
 * one. Five minutes or so, two more with another commit. Ends with 1 when a budget is exceeded.
 *
 * `all CPU time` is in raw requests too: what the time would be if nothing had to wait for a processor.
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { HERE } from "./bench-stack.ts";
import { measureLoads } from "./callback-load.ts";
import { OldCheckout } from "./checkouts.ts";
import { ImportTimes, MOST_RATIO } from "./import-time.ts";
import { memoryCosts, TABLE_MS } from "./memory-cost.ts";
import { printed } from "./printed-table.ts";
import { measurePublishing } from "./publish-load.ts";
import { measureWide } from "./wide-load.ts";

/** In-order callbacks a second that the reference implementation handles on such a machine. */
const REFERENCE_PER_SECOND = 46;
/** Seconds that its writer waits for one change with 100 subscribers. */
const REFERENCE_CHANGE_SECONDS = 3.2;
const ROUNDS = 15;
/** Subscribers to one change that workers deliver side by side; a second for each 200 is the aim. */
const WIDE = 10_000;
const CHANGES = [
  ...["subscribers", "p50 ms", "p99 ms", "table requests", "raw requests' time", "a subscriber"],
  ...["all CPU time", "CPU ms", "count", ""],
];

const { values: options } = parseArgs({ options: { json: { type: "boolean" }, beside: { type: "string" } } });
if (!existsSync(new URL("../../dist/template/", import.meta.url))) {
  process.stderr.write(
    "Nothing was built yet, so there is nothing to measure. Run `npm run bench`, which builds first.\n",
  );
  process.exit(1);
}

await using old = options.beside === undefined ? undefined : await OldCheckout.open(options.beside);
const checkouts = old === undefined ? [HERE] : [old, HERE];
// One after the other: each would slow the other down.
const loads = await measureLoads(checkouts);
const { publishing, backlog } = await measurePublishing(checkouts);
const wide = await measureWide(WIDE);
await using imports = await ImportTimes.open();
const [baseline, ...functions] = await imports.measure(ROUNDS);
const tooSlow = functions.filter(({ ratio }) => ratio > MOST_RATIO);
const tooDear = publishing.filter(({ checkout, requests, budget }) => checkout === HERE.name && requests > budget);
const { functionMs = 0, requests = 0 } = loads.find(({ checkout }) => checkout === HERE.name) ?? {};
const { medianMs: importMs = 0 } = functions.find(({ name }) => name === "callbacks") ?? {};
const memory = memoryCosts({ functionMs, requests, importMs });
const withinBudgets = tooSlow.length === 0 && tooDear.length === 0;

if (options.json === true) {
  const budgets = { importRatio: MOST_RATIO, referencePerSecond: REFERENCE_PER_SECOND };
  const report = { loads, publishing, backlog, baseline, functions, memory, budgets, withinBudgets };
  process.stdout.write(`${JSON.stringify(report, undefined, 1)}\n`);
} else {
  const fixed = (value: number, digits: number): string => value.toFixed(digits);
  const kilobytes = (bytes: number): string => `${fixed(bytes / 1000, 0)} KB`;
  const at = (checkout: string): string => (checkout === HERE.name ? "" : ` at ${checkout}`);
  const paces = loads.flatMap((load) => {
    const { checkout, lanes, callbacks, raw, ratio, workRatio, requests, functionMs, rawMs, cpuRatio } = load;
    return [
      {
        ...{ work: `in-order callbacks${at(checkout)}`, pace: callbacks, cpu: functionMs },
        note:
          `the time of ${fixed(ratio, 2)} raw requests, all CPU time of ${fixed(workRatio, 2)}; ` +
          `the function's CPU time is ${fixed(cpuRatio, 2)} that of as many (${fixed(requests, 2)})`,
      },
      { work: `raw requests${at(checkout)}`, pace: raw, cpu: rawMs, note: "" },
    ].map(({ work, pace, cpu, note }) => [
      ...[`${work}, ${String(lanes)} at a time`, fixed(pace.perSecond, 0)],
      ...[fixed(pace.p50, 2), fixed(pace.p99, 1), fixed(cpu, 2), String(pace.count), note],
    ]);
  });
  const changes = publishing.map((crowd) => {
    const { checkout, subscribers, changes: pace, requests, budget, ratio, workRatio, functionMs } = crowd;
    const one = Math.max(1, subscribers);
    return [
      ...[`a change to ${String(subscribers)}${at(checkout)}`, fixed(pace.p50, 1), fixed(pace.p99, 1)],
      ...[`${fixed(requests, 1)} of ${String(budget)}`, fixed(ratio, 1), fixed(ratio / one, 2)],
      ...[fixed(workRatio / one, 2), fixed(functionMs, 1), String(pace.count), tooDear.includes(crowd) ? "OVER" : ""],
    ];
  });
  const works = [...backlog, wide].map(({ checkout, work, diffs, milliseconds, requests }) => [
    ...[
      `${work}${at(checkout)}, ${String(diffs)} diffs`,
      fixed(milliseconds, 0),
      fixed((1000 * diffs) / milliseconds, 0),
    ],
    ...[String(requests), ""],
  ]);
  const sizes = functions.map(({ name, bytes, medianMs, ratio }) => [
    ...[name, kilobytes(bytes), fixed(medianMs, 0), `${fixed(ratio, 2)} of ${fixed(MOST_RATIO, 2)}`],
    ratio > MOST_RATIO ? "OVER" : "",
  ]);
  const memories = memory.map((row) => [
    ...[`${String(row.memoryMb)} MB`, fixed(row.callbackMs, 1), fixed(row.importMs, 0), fixed(row.dollars, 2), ""],
  ]);
  process.stdout.write(
    `${printed([["", "a second", "p50 ms", "p99 ms", "CPU ms", "count", ""], ...paces])}\n` +
      `The reference implementation handles about ${String(REFERENCE_PER_SECOND)} in-order callbacks a second.\n\n` +
      `${printed([CHANGES, ...changes])}\n` +
      `The reference takes ${String(REFERENCE_CHANGE_SECONDS)} s for a change to 100.\n\n` +
      `${printed([["backlog", "ms", "diffs a second", "table requests", ""], ...works])}\n\n` +
      `${printed([["function", "bundle", "import, CPU ms", "of the document client's", ""], ...sizes])}\n` +
      `Importing the document client alone took ${fixed(baseline?.medianMs ?? 0, 0)} ms of CPU time.\n\n` +
      `${printed([["callbacks at Lambda, computed", "ms each, warm", "import, ms", "$ a million", ""], ...memories])}\n` +
      `A request to DynamoDB is taken for ${String(TABLE_MS)} ms.\n`,
  );
}
if (!withinBudgets) process.exitCode = 1;
