import { describe } from "vitest";
import { conditionContract } from "./table-conditions.ts";
import { queryContract } from "./table-queries.ts";
import type { TableSource } from "./table-source.ts";
import { transactionContract } from "./table-transactions.ts";
import { valueContract } from "./table-values.ts";
import { writeContract } from "./table-writes.ts";

/** What every adapter of the table port keeps. */
export function tableContract(name: string, table: TableSource): void {
  describe(`table: ${name}`, () => {
    writeContract(table);
    conditionContract(table);
    valueContract(table);
    queryContract(table);
    transactionContract(table);
  });
}
