import { describe, expect, it } from "vitest";
import { logHeadKey, ownPropertyKey } from "../../../../lib/dynamodb/keys/publishing.ts";
import { always } from "../../../../lib/dynamodb/table.ts";
import type { Admission } from "../../../../lib/api/handler.ts";
import { positionedAnswer } from "../../../../lib/api/positioned-answer.ts";
import { json } from "../../../../lib/http/reply.ts";
import type { ServiceRequest } from "../../../../lib/http/request.ts";
import type { PositionedReadsDeps } from "../../../../lib/publishing/snapshots/positioned-reads.ts";
import type { PropertyReads } from "../../../../lib/properties/property-reads.ts";
import type { LogStretch } from "../../../../lib/change-log/change-log.ts";
import type { InboundHead } from "../../../../lib/publishing/subscribers/inbound-head.ts";
import { MemoryTable } from "../../../support/memory-table.ts";

const headAt = (cursor: number, sequence: number): InboundHead =>
  ({ actorId: "a", peerId: "p", id: "s", state: { cursor, sequence } }) as InboundHead;

interface Situation {
  /** The head at each read. */
  readonly heads: readonly (InboundHead | undefined)[];
  /** The newest number by records alone. */
  readonly made?: (record: number) => number;
  /** The log's newest record when the property is read, its own record, and what of the log is left. */
  readonly newest?: number;
  readonly last?: number;
  readonly stretch?: LogStretch;
}

async function header({ heads, made = (record) => record, newest = 5, last = 5, stretch }: Situation) {
  const table = new MemoryTable();
  await table.put({ ...logHeadKey("a"), newest }, always);
  await table.put({ ...ownPropertyKey("a", "color"), text: "1", bytes: 1, last }, always);
  const looks = [...heads];
  const reads: PositionedReadsDeps = {
    table,
    log: { read: () => Promise.resolve(stretch ?? { records: [] }) },
    properties: {
      async *all() {
        yield await Promise.resolve({ name: "plain", text: "2", bytes: 1, last: 1 });
      },
    } as unknown as PropertyReads,
    positions: {
      toEnd: () => {
        const head = looks.shift();
        return Promise.resolve(head === undefined ? undefined : { head });
      },
      sequenceAt: (_, record) => Promise.resolve(made(record)),
    },
  };
  return async (name: "one" | "all") => {
    const request = { headers: { "x-actingweb-subscription": "s" }, query: new URLSearchParams() };
    const admission = { actor: { id: "a" }, caller: { kind: "peer", peerId: "p" } };
    const reply = await positionedAnswer(
      reads,
      request as unknown as ServiceRequest,
      admission as Admission,
      async (from) => {
        if (from === undefined) return json(200, "without");
        if (name === "one") return json(200, (await from.get("a", "color"))?.text ?? "none");
        const found: string[] = [];
        for await (const each of from.all("a")) found.push(each.name);
        return json(200, found);
      },
    );
    return [reply.body, reply.headers["x-actingweb-sequence"]];
  };
}

describe("the position of a read", () => {
  it("is the head's number when nothing came after it", async () => {
    const read = await header({ heads: [headAt(5, 3)] });
    expect(await read("one")).toEqual(['"1"', "3"]);
  });

  it("is computed for records after the head's cursor", async () => {
    const heads = [headAt(5, 3), headAt(8, 6)];
    const read = await header({ heads, newest: 8, last: 7, made: (record) => record - 2 });
    expect(await read("one")).toEqual(['"1"', "5"]);
  });

  it("is absent when a number was made that no record makes", async () => {
    const heads = [headAt(5, 3), headAt(8, 7)];
    const read = await header({ heads, newest: 8, last: 7, made: (record) => record - 2 });
    expect(await read("one")).toEqual(['"1"', undefined]);
  });

  it("is absent when the subscription has ended meanwhile", async () => {
    const read = await header({ heads: [headAt(5, 3), undefined], newest: 8, last: 7 });
    expect(await read("one")).toEqual(['"1"', undefined]);
  });

  it("is absent when records between have expired, and the answer is what it would be without", async () => {
    const read = await header({ heads: [headAt(5, 3)], newest: 8, last: 7, stretch: { records: [], lost: 8 } });
    expect(await read("all")).toEqual(['["plain"]', undefined]);
  });

  it("is absent for a missing subscription", async () => {
    const read = await header({ heads: [undefined] });
    expect(await read("one")).toEqual(['"without"', undefined]);
  });
});

describe("a read whose permissions keep changing", () => {
  it("is given up in the end", async () => {
    const permissions = { patterns: ["*"], excluded_patterns: [], operations: ["read"] };
    const record = { kind: "permissions", at: "", peerId: "p", permissions } as const;
    const read = await header({
      heads: Array.from({ length: 9 }, () => headAt(5, 3)),
      ...{ newest: 8, last: 7, stretch: { records: [{ number: 6, record }] } },
    });
    await expect(read("one")).rejects.toMatchObject({ code: "service.unavailable" });
  });
});
