import type { Table } from "../../lib/dynamodb/table.ts";

/** Gives the table under test; the same one for all tests, each of which uses partitions of its own. */
export type TableSource = () => Table;

let partitions = 0;

/** A partition key that no other test uses. */
export function freshPartition(): string {
  partitions += 1;
  return `T#${String(partitions)}`;
}
