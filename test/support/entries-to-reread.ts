import type { Place } from "../../lib/domain/terms/scope.ts";
import type { MemoryTable } from "./memory-table.ts";

/** The places that are marked to be read again from their publisher. */
export function entriesToReread(table: MemoryTable): Place[] {
  const marked = table.all().filter((item) => item["mustReread"] === true);
  return marked.map((item) => JSON.parse(String(item["place"])) as Place);
}
