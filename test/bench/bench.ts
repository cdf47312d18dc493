/**
 * `npm run bench [-- --json]`: callbacks a second over the local stack beside the emulator's own pace, changes published
 * to up to 100 subscribers and to 10 000, polls and replays, and every function's size, and its import time beside its budget. Five minutes
 * or so. Ends with 1 when a budget is exceeded.
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { measureLoads } from "./callback-load.ts";
import { ImportTimes, MOST_RATIO } from "./import-time.ts";
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

const asJson = process.argv.includes("--json");
if (!existsSync(new URL("../../dist/template/", import.meta.url))) {
  process.stderr.write(
    "Nothing was built yet, so there is nothing to measure. Run `npm run bench`, which builds first.\n",
  );
  process.exit(1);
}

// One after the other: each would slow the other down.
const loads = await measureLoads();
const { raw, publishing, backlog } = await measurePublishing();
const wide = await measureWide(WIDE);
await using imports = await ImportTimes.open();
const [baseline, ...functions] = await imports.measure(ROUNDS);
const tooSlow = functions.filter(({ ratio }) => ratio > MOST_RATIO);
const tooDear = publishing.filter(({ requests, budget }) => requests > budget);
const withinBudgets = tooSlow.length === 0 && tooDear.length === 0;

if (asJson) {
  const budgets = { importRatio: MOST_RATIO, referencePerSecond: REFERENCE_PER_SECOND };
  const report = { loads, raw, publishing, backlog, wide, baseline, functions, budgets, withinBudgets };
  process.stdout.write(`${JSON.stringify(report, undefined, 1)}\n`);
} else {
  const fixed = (value: number, digits: number): string => value.toFixed(digits);
  const kilobytes = (bytes: number): string => `${fixed(bytes / 1000, 0)} KB`;
  const paces = loads.flatMap(({ lanes, callbacks, raw, ratio }) =>
    [
      { work: "in-order callbacks over HTTP", pace: callbacks, note: `${fixed(ratio, 1)} raw requests each` },
      { work: "raw conditional updates at the emulator", pace: raw, note: "" },
    ].map(({ work, pace, note }) => [
      ...[`${work}, ${String(lanes)} at a time`, fixed(pace.perSecond, 0)],
      ...[fixed(pace.p50, 1), fixed(pace.p99, 1), String(pace.count), note],
    ]),
  );
  const changes = publishing.map(({ subscribers, changes: { p50, p99, count }, requests, budget, ratio }) => [
    ...[
      `a change to ${String(subscribers)}`,
      fixed(p50, 1),
      fixed(p99, 1),
      `${fixed(requests, 1)} of ${String(budget)}`,
    ],
    ...[fixed(ratio, 1), String(count), requests > budget ? "OVER" : ""],
  ]);
  const works = [...backlog, wide].map(({ work, diffs, milliseconds, requests }) => [
    ...[`${work}, ${String(diffs)} diffs`, fixed(milliseconds, 0), fixed((1000 * diffs) / milliseconds, 0)],
    ...[String(requests), ""],
  ]);
  const sizes = functions.map(({ name, bytes, medianMs, ratio }) => [
    ...[name, kilobytes(bytes), fixed(medianMs, 0), `${fixed(ratio, 2)} of ${fixed(MOST_RATIO, 2)}`],
    ratio > MOST_RATIO ? "OVER" : "",
  ]);
  process.stdout.write(
    `${printed([["", "a second", "p50 ms", "p99 ms", "count", ""], ...paces])}\n` +
      `The reference implementation handles about ${String(REFERENCE_PER_SECOND)} in-order callbacks a second.\n\n` +
      `${printed([["subscribers", "p50 ms", "p99 ms", "table requests", "raw requests' time", "count", ""], ...changes])}\n` +
      `One raw request took ${fixed(raw.p50, 1)} ms. ` +
      `The reference takes ${String(REFERENCE_CHANGE_SECONDS)} s for a change to 100.\n\n` +
      `${printed([["backlog", "ms", "diffs a second", "table requests", ""], ...works])}\n\n` +
      `${printed([["function", "bundle", "import, CPU ms", "of the document client's", ""], ...sizes])}\n` +
      `Importing the document client alone took ${fixed(baseline?.medianMs ?? 0, 0)} ms of CPU time.\n`,
  );
}
if (!withinBudgets) process.exitCode = 1;
