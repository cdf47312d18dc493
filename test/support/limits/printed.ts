import type { SimulatedDeployment } from "./deployment.ts";

/** Rows of two cells as a table of Markdown. */
export function table(rows: readonly (readonly [string, string])[]): string {
  return ["| measured | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n");
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** Rows about the partitions: the busiest one, what was throttled, and what ran. */
export function busiest(
  { limits, runs, deadLetters, problems }: SimulatedDeployment,
  ms: number,
): readonly (readonly [string, string])[] {
  const all = limits.partitions;
  const refused = all.reduce((sum, { throttled }) => sum + throttled, 0);
  const [first] = all;
  const index = all.find(({ name }) => name.startsWith("due index"));
  const rates = (usage: (typeof all)[number] | undefined): string =>
    usage === undefined
      ? "none"
      : `${kindOf(usage.name)}: ${String(usage.peak.write)} write and ${String(usage.peak.read)} read units in its busiest second, ` +
        `${((usage.units.write / ms) * 1_000).toFixed(0)} and ${((usage.units.read / ms) * 1_000).toFixed(0)} a second on the average, ` +
        `${String(usage.throttled)} requests throttled`;
  const { write, read } = limits.table.units;
  return [
    ["busiest partition", rates(first)],
    ["busiest partition of the index", rates(index)],
    ["units of the whole table", `${String(write)} write, ${String(read)} read`],
    ["requests throttled by a partition, by the whole table", `${String(refused)}, ${String(limits.table.throttled)}`],
    [
      "runs",
      Object.entries(runs)
        .map(([name, count]) => `${name} ${String(count)}`)
        .join(", "),
    ],
    ["dead letters", String(deadLetters)],
    [
      "warnings and errors logged",
      [...problems].map(([message, count]) => `${message} (${String(count)})`).join("; ") || "none",
    ],
  ];
}

/** A partition by what lies in it: the letter of its key says so. */
const kindOf = (name: string): string => name.replace(/#[0-9a-f]{32}$/, "#…");
