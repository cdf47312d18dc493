import { expect, it } from "vitest";
import { listenerKey } from "../../../../lib/dynamodb/keys/listeners.ts";
import { readListenerHead } from "../../../../lib/listeners/listener-head.ts";
import {
  lastAttemptIn,
  lastAttemptText,
  noteLastAttempt,
  type LoggedAttempt,
} from "../../../../lib/listeners/webhooks/attempt-log.ts";
import { itemExists, itemMissing } from "../../../../lib/dynamodb/table.ts";
import { MemoryTable } from "../../../support/memory-table.ts";

const KEY = listenerKey({ actorId: "a", kind: "webhook", id: "w" });
const attempt = (at: number): LoggedAttempt => ({ at, ms: 1, result: "taken", target: "https://x", position: "p" });

it("is not noted where a delivery has noted another one since, nor where the webhook is gone", async () => {
  const table = new MemoryTable();
  await table.put({ ...KEY, version: 1, lanes: "{}" }, itemMissing);
  const head = readListenerHead(1, (await table.get(KEY))!);
  await noteLastAttempt(table, head, attempt(1));
  const noted = readListenerHead(1, (await table.get(KEY))!);
  expect(lastAttemptIn(noted)).toEqual(attempt(1));
  expect(noted.version).toBe(1);

  await table.update(KEY, { set: { lastAttempt: lastAttemptText(attempt(2)) } }, itemExists);
  await noteLastAttempt(table, noted, attempt(3));
  expect(lastAttemptIn(readListenerHead(1, (await table.get(KEY))!))).toEqual(attempt(2));

  await table.delete(KEY, itemExists);
  await noteLastAttempt(table, head, attempt(4));
  expect(await table.get(KEY)).toBeUndefined();
});
