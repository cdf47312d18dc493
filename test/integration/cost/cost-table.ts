import { expect } from "vitest";
import type { Cost } from "../../support/measured-table.ts";

type Figure = "requests" | "steps" | "readUnits" | "writeUnits" | "indexWriteUnits";
export type Budget = Partial<Record<Figure, number>>;

const COLUMNS: readonly (readonly [Figure, string])[] = [
  ["requests", "requests"],
  ["steps", "in a row"],
  ["readUnits", "read"],
  ["writeUnits", "write"],
  ["indexWriteUnits", "index"],
];

/** The measured costs beside their budgets: printed at the end, and each line checked as it comes. */
export class CostTable {
  readonly #lines: string[][] = [];

  /** Notes one line and fails when any figure is over its budget. */
  check(work: string, cost: Cost, budget: Budget): void {
    const cells = COLUMNS.map(([figure]) => {
      const most = budget[figure];
      return most === undefined ? String(cost[figure]) : `${String(cost[figure])} of ${String(most)}`;
    });
    const operations = Object.entries(cost.byOperation).map(([name, count]) => `${name} ${String(count)}`);
    this.#lines.push([work, ...cells, operations.join(", ")]);
    const over = COLUMNS.filter(([figure]) => cost[figure] > (budget[figure] ?? Infinity)).map(
      ([figure]) => `${figure}: ${String(cost[figure])} of ${String(budget[figure])}`,
    );
    expect(over, `${work} (${operations.join(", ")})`).toEqual([]);
  }

  print(): void {
    const rows = [["work", ...COLUMNS.map(([, title]) => title), "by operation"], ...this.#lines];
    const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
    const text = rows.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
    process.stdout.write(`\n${text.join("\n")}\n`);
  }
}
