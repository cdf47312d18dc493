import { afterAll, beforeAll } from "vitest";
import { startEmulatedTable, type EmulatedTable } from "../support/emulated-table.ts";
import { tableContract } from "./table-contract.ts";

let emulated: EmulatedTable;
beforeAll(async () => {
  emulated = await startEmulatedTable();
});
afterAll(() => emulated.close());

tableContract("DynamoDB's protocol, local emulator", () => emulated.table);
