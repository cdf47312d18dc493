/** The effects of a commit beside its transaction, and their order. */
import { beforeEach, describe, expect, it } from "vitest";
import { actorItem } from "../../../lib/actors/actor-record.ts";
import { ChangeLog } from "../../../lib/change-log/change-log.ts";
import { LogCommits, type Commits, type LogCommitsDeps } from "../../../lib/change-log/log-commits.ts";
import { logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const ACTOR = "actor";
const clock = { now: () => 1_700_000_000_000 };
const record = { kind: "suspend", target: "orders" } as const;

let table: MemoryTable;
let effects: string[];
beforeEach(async () => {
  table = new MemoryTable();
  effects = [];
  await table.put(
    actorItem({ id: ACTOR, creator: "c", passphraseHash: "h", passphraseBits: 160, createdAt: 0 }),
    always,
  );
});

function commitsWith(more: Partial<LogCommitsDeps> = {}): Commits {
  const commits = new LogCommits({
    table,
    clock,
    random: () => 0,
    sleep: () => Promise.resolve(),
    after: () => () => undefined,
    changeLog: new ChangeLog({ table, clock, retentionDays: 30 }),
    invalidateCaches: ({ newest }) => void effects.push(`caches ${String(newest)}`),
    ...more,
  });
  return commits.publishedBy({
    publish: async ({ newest }) => {
      effects.push(`publish ${String(newest)}`);
      await Promise.resolve();
      effects.push(`published ${String(newest)}`);
    },
  });
}

const commit = async (commits: Commits, options?: { readonly quiet: boolean }) =>
  await commits.commit(ACTOR, [], () => ({ records: [record], writes: [] }), options);

describe("a commit", () => {
  it("invalidates caches, then publishes, then resolves", async () => {
    const made = await commit(commitsWith());
    expect(made).toMatchObject({ actorId: ACTOR, newest: 1, records: [{ number: 1 }] });
    expect(effects).toEqual(["caches 1", "publish 1", "published 1"]);
  });

  it("is not published when it is quiet", async () => {
    await commit(commitsWith(), { quiet: true });
    expect(effects).toEqual(["caches 1"]);
  });

  it("has no effect when its plan writes nothing", async () => {
    expect(await commitsWith().commit(ACTOR, [], () => undefined)).toBeUndefined();
    expect(effects).toEqual([]);
  });

  it("has its effects once when another writer came first, and is planned again", async () => {
    let losses = 2;
    const losing = new FaultyTable(
      table,
      async (operation) => await Promise.resolve(operation === "transact" && losses-- > 0 ? "conflict" : "ok"),
    );
    let plans = 0;
    const made = await commitsWith({ table: losing }).commit(ACTOR, [], () => {
      plans += 1;
      return { records: [record], writes: [] };
    });
    expect([made?.newest, plans]).toEqual([1, 3]);
    expect(effects).toEqual(["caches 1", "publish 1", "published 1"]);
  });

  it("follows a commit of the release's rules, which is not published", async () => {
    await table.update(logHeadKey(ACTOR), { set: { subscribers: 1, newest: 1 } }, always);
    const rules = {
      digest: "new",
      confirm: async (actorId: string, commits: Commits): Promise<void> => {
        effects.push("confirm");
        const head = { set: { rules: "new" } };
        await commits.commit(actorId, [], () => ({ records: [record], writes: [], head }));
      },
    };
    const made = await commit(commitsWith({ rules }));
    expect(made?.newest).toBe(3);
    expect(effects).toEqual(["confirm", "caches 2", "caches 3", "publish 3", "published 3"]);
  });

  it("has the time of a plan that was quick: one that took longer is made again", async () => {
    let now = 1_700_000_000_000;
    const times: string[] = [];
    const commits = commitsWith({ clock: { now: () => now } });
    const slow = commits.commit(ACTOR, [], ({ at }) => {
      times.push(at);
      if (times.length === 1) now += 5_001;
      return { records: [record], writes: [] };
    });
    await expect(slow).rejects.toThrow("keep changing");
    expect([times.length, effects]).toEqual([1, []]);
    await commit(commits);
    expect(effects[0]).toBe("caches 1");
  });

  it("says so when it ended long after the time of its records", async () => {
    let now = 1_700_000_000_000;
    const late: unknown[] = [];
    for (const ms of [9_000, 9_001]) {
      const slow = new FaultyTable(table, async (operation) => {
        if (operation === "transact") now += ms;
        return await Promise.resolve("ok");
      });
      const commits = commitsWith({
        table: slow,
        clock: { now: () => now },
        onLate: ({ newest }, took) => void late.push([newest, took]),
      });
      await commit(commits);
    }
    expect(late).toEqual([[2, 9_001]]);
  });
});
