import { beforeEach, describe, expect, it } from "vitest";
import { deleteIf, putIf, refusedReasons, updateIf } from "../../../lib/dynamodb/outcomes.ts";
import { always, equals, itemMissing } from "../../../lib/dynamodb/table.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const KEY = { pk: "P", sk: "S" };
const STORED = { ...KEY, value: 1 };

describe("a conditional write", () => {
  let table: MemoryTable;
  beforeEach(async () => {
    table = new MemoryTable();
    await table.put(STORED, always);
  });

  it("answers with the item it wrote", async () => {
    expect(await updateIf(table, KEY, { set: { value: 2 } }, equals("value", 1))).toEqual({
      written: true,
      item: { ...KEY, value: 2 },
    });
    expect(await deleteIf(table, KEY, equals("value", 2))).toEqual({ written: true, item: { ...KEY, value: 2 } });
    expect(await putIf(table, STORED, itemMissing)).toEqual({ written: true, item: STORED });
  });

  it("answers with the item that refused it", async () => {
    const refused = { written: false, item: STORED };
    expect(await updateIf(table, KEY, { set: { value: 2 } }, equals("value", 7))).toEqual(refused);
    expect(await deleteIf(table, KEY, equals("value", 7))).toEqual(refused);
    expect(await putIf(table, { ...KEY, value: 9 }, itemMissing)).toEqual(refused);
    expect(await refusedReasons(table, [{ put: STORED, condition: itemMissing }])).toMatchObject([
      { code: "condition" },
    ]);
    expect(await table.get(KEY)).toEqual(STORED);
  });

  it("rejects with every other error", async () => {
    const broken = { update: () => Promise.reject(new Error("the answer was lost")) };
    await expect(updateIf(broken, KEY, { set: { value: 2 } }, always)).rejects.toThrow("the answer was lost");
  });
});
