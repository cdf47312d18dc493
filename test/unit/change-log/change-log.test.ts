import { beforeEach, describe, expect, it } from "vitest";
import type { LogRecord } from "../../../lib/domain/diff/change-record.ts";
import { logHeadKey, logRecordKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { TransactionRefused } from "../../../lib/dynamodb/table.ts";
import { appendWrites, MAX_RECORD_BYTES } from "../../../lib/change-log/append-writes.ts";
import { ChangeLog, readLogHead } from "../../../lib/change-log/change-log.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const AT = "2026-01-01T00:00:00.000000Z";
const NOW = Date.UTC(2026, 0, 1);
const set = (value: string): LogRecord => ({
  kind: "change",
  at: AT,
  changes: [{ do: "set", path: ["p"], value }],
});

let table: MemoryTable;
let log: ChangeLog;
const append = async (newest: number, ...records: LogRecord[]): Promise<void> => {
  await table.transact(appendWrites(log.settings, "a", { ...readLogHead(undefined), newest }, { records, at: 0 }));
};

beforeEach(() => {
  table = new MemoryTable();
  log = new ChangeLog({ table, clock: { now: () => NOW }, retentionDays: 2 });
});

describe("a change log", () => {
  it("begins empty and numbers its records from 1", async () => {
    expect(await log.newest("a")).toBe(0);
    await append(0, set("one"));
    await append(1, set("two"), set("three"));
    expect(await log.newest("a")).toBe(3);
    expect(await log.read("a", 0, 3)).toEqual({
      records: ["one", "two", "three"].map((value, index) => ({ number: index + 1, record: set(value) })),
    });
    expect(await log.read("a", 1, 2)).toEqual({ records: [{ number: 2, record: set("two") }] });
    expect(await log.read("a", 3, 3)).toEqual({ records: [] });
    expect(await log.newest("b")).toBe(0);
  });

  it("refuses a record after one that is not the newest", async () => {
    await append(0, set("one"));
    await expect(append(0, set("late"))).rejects.toThrow(TransactionRefused);
    await expect(append(2, set("early"))).rejects.toThrow(TransactionRefused);
    expect((await log.read("a", 0, 1)).records).toHaveLength(1);
  });

  it("lets each part of a record expire after its days", async () => {
    await append(0, set("x".repeat(700_000)));
    for (const part of [0, 1, 2]) {
      expect(await table.get(logRecordKey("a", 1, part))).toMatchObject({ ttl: NOW / 1_000 + 2 * 86_400 });
    }
    expect(await table.get(logHeadKey("a"))).not.toHaveProperty("ttl");
  });

  it.each(["x", "é", "€", "😀"])(
    "cuts a large record of %s between characters, and refuses a record that is too large",
    async (one) => {
      const room = MAX_RECORD_BYTES - 200;
      const most = set(one.repeat(Math.floor(room / Buffer.byteLength(one))));
      await append(0, most, set("next"));
      expect((await log.read("a", 0, 2)).records.map(({ record }) => record)).toEqual([most, set("next")]);
      const parts = await table.query({ pk: "R#a", prefix: "" });
      for (const { text } of parts.items) expect(Buffer.byteLength(String(text))).toBeLessThanOrEqual(307_200);
      const over = set("x".repeat(1_228_800));
      const head = { ...readLogHead(undefined), newest: 2 };
      expect(() => appendWrites(log.settings, "a", head, { records: [over], at: 0 })).toThrow(
        expect.objectContaining({ code: "request.too_large" }),
      );
    },
  );

  it.each([0, 1, 2])("reports a record as expired when part %i of it has expired", async (part) => {
    await append(0, set("one"), set("x".repeat(700_000)), set("three"));
    await table.deleteMany([logRecordKey("a", 2, part)]);
    expect(await log.read("a", 0, 3)).toEqual({ records: [{ number: 3, record: set("three") }], lost: 2 });
    expect(await log.read("a", 0, 2)).toEqual({ records: [], lost: 2 });
    expect(await log.read("a", 0, 1)).toEqual({ records: [{ number: 1, record: set("one") }] });
  });
});
