import { MemoryTable } from "../support/memory-table.ts";
import { tableContract } from "./table-contract.ts";

const table = new MemoryTable();

tableContract("memory", () => table);
