import { expect, it } from "vitest";
import type { NumberedRecord } from "../../../lib/change-log/change-log.ts";
import { positionAfter } from "../../../lib/domain/events/position.ts";
import { readStretch } from "../../../lib/listeners/log-events.ts";

const AT = "2026-01-01T00:00:00.000000Z";

/** A log of so many records, each as large as it says, and how many of them were read. */
function logOf(records: number, bytes: number) {
  const read: number[] = [];
  async function* stream(after: number, upTo: number): AsyncGenerator<NumberedRecord> {
    for (let number = after + 1; number <= Math.min(upTo, records); number += 1) {
      read.push(number);
      const change = { do: "set", path: ["a"], value: number } as const;
      yield { number, bytes, record: { kind: "change", at: AT, changes: [change] } };
      await Promise.resolve();
    }
  }
  return { read, reading: { actorId: "actor", epoch: 1, retentionMs: 1_000, stream } };
}

it.each([
  [100, 200],
  [256 * 1_024, 16],
  [8 * 1_024 * 1_024, 1],
])("a stretch of records of %i bytes ends after %i of them, and the next one goes on there", async (bytes, most) => {
  const { read, reading } = logOf(300, bytes);
  const first = await readStretch(reading, { after: positionAfter(1, 0) }, 300);
  if (first === "lost") throw new Error("the log has every record");
  expect([first.events.length, first.atEnd, read.length]).toEqual([most, false, most]);
  const second = await readStretch(reading, { after: first.upTo }, 300);
  expect(second === "lost" ? second : second.events[0]?.record).toBe(most + 1);
});
