import { beforeEach, describe, expect, it } from "vitest";
import { actorItem } from "../../../lib/actors/actor-record.ts";
import { DueIndexTable, readDuePage } from "../../../lib/dynamodb/keys/due-index.ts";
import { dueShards } from "../../../lib/dynamodb/keys/due.ts";
import { always, type Table } from "../../../lib/dynamodb/table.ts";
import { isServiceError } from "../../../lib/system/errors.ts";
import { CallbackAuthenticator } from "../../../lib/trust/callback-authenticator.ts";
import { secretDigest } from "../../../lib/domain/wire/secret-digest.ts";
import { PermissionStore } from "../../../lib/trust/permission-store.ts";
import { TrustCommits } from "../../../lib/trust/trust-commits.ts";
import { TrustStore } from "../../../lib/trust/trust-store.ts";
import type { TrustRecord } from "../../../lib/trust/trust-record.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { quietCommits } from "../../support/quiet-commits.ts";

let table: Table;
let trusts: TrustStore;
let logged: TrustCommits;
let now: number;

const trust = (more: Partial<TrustRecord> = {}): TrustRecord => ({
  actorId: "a",
  peerId: "p",
  baseUri: "https://p.example/p",
  type: "t",
  relationship: "friend",
  secret: "s".repeat(40),
  desc: "",
  approved: true,
  peerApproved: false,
  verified: true,
  verificationToken: "v",
  createdAt: 1,
  revision: 1,
  ending: false,
  ...more,
});

const codeOf = async (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => (isServiceError(error) ? error.code : String(error)),
  );

async function due(until: number): Promise<readonly string[]> {
  const found = await Promise.all(dueShards(1).map((shard) => table.queryDue(shard, until, 10)));
  return found.flatMap((page) => readDuePage(page).due).map((key) => key.sk);
}

beforeEach(async () => {
  table = new DueIndexTable(new MemoryTable(), 1);
  trusts = new TrustStore(table);
  now = 0;
  const clock = { now: () => now };
  const commits = quietCommits({ table, clock });
  const permissions = new PermissionStore({});
  logged = new TrustCommits({ commits, permissions, trusts, clock });
  const actor = { id: "a", creator: "c", passphraseHash: "h", passphraseBits: 160, createdAt: 0 };
  await table.put(actorItem(actor), always);
});

describe("the trusts of an actor", () => {
  it("has one trust for each peer, and one peer for each secret", async () => {
    await trusts.create(trust());
    expect(await codeOf(trusts.create(trust({ secret: "o".repeat(40) })))).toBe("resource.conflict");
    expect(await codeOf(trusts.create(trust({ peerId: "q" })))).toBe("resource.conflict");
    expect(await codeOf(trusts.create(trust({ actorId: "nobody" })))).toBe("resource.not_found");
    expect((await trusts.bySecret("a", "s".repeat(40)))?.peerId).toBe("p");
    expect(await trusts.bySecret("a", "x")).toBeUndefined();
  });

  it("forgets the old secret when a trust is replaced", async () => {
    await trusts.create(trust());
    await logged.replace(trust(), trust({ secret: "n".repeat(40), revision: 2, approved: false }));
    expect(await trusts.bySecret("a", "s".repeat(40))).toBeUndefined();
    expect((await trusts.bySecret("a", "n".repeat(40)))?.approved).toBe(false);
    expect(await codeOf(logged.replace(trust(), trust({ secret: "m".repeat(40) })))).toBe("resource.conflict");
  });

  it("keeps a late change of a replaced trust from touching the new one", async () => {
    await trusts.create(trust());
    await logged.replace(trust(), trust({ secret: "n".repeat(40), revision: 2, approved: false }));
    expect(await codeOf(trusts.change(trust(), { set: { approved: true } }))).toBe("resource.not_found");
    expect(await trusts.beginEnding(trust(), 0)).toBeUndefined();
    await trusts.remove(trust());
    await trusts.withdraw(trust());
    expect((await trusts.get("a", "p"))?.approved).toBe(false);
  });

  it("opens nothing from the moment its deletion begins, and is due until it is done", async () => {
    await trusts.create(trust());
    const ending = await trusts.beginEnding(trust(), 1000);
    expect(ending).toMatchObject({ ending: true, approved: false, revision: 2 });
    expect(await trusts.get("a", "p")).toBeUndefined();
    expect(await trusts.bySecret("a", "s".repeat(40))).toBeUndefined();
    expect(await trusts.list("a")).toEqual([]);
    expect(await due(60_999)).toEqual([]);
    expect(await due(61_000)).toEqual(["TRUST#p"]);
    await trusts.remove(ending!);
    expect(await due(Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(await trusts.getEvenEnding("a", "p")).toBeUndefined();
  });

  it("recognises a start that never ended", async () => {
    await trusts.create(trust(), 1000);
    expect(await trusts.isAbandonedStart("a", "p", 60_999)).toBe(false);
    expect(await trusts.isAbandonedStart("a", "p", 61_000)).toBe(true);
    expect((await trusts.finishInitiation(trust(), true)).peerApproved).toBe(true);
    expect(await trusts.isAbandonedStart("a", "p", 61_000)).toBe(false);
    expect(await due(Number.MAX_SAFE_INTEGER)).toEqual([]);
  });

  it("stays due with a changed approval until its present revision is propagated", async () => {
    await trusts.create(trust());
    now = 1000;
    const { trust: revoked } = await logged.change(trust(), { approved: false });
    expect(await trusts.propagating("a", "p", 60_999)).toBeUndefined();
    expect(await trusts.propagating("a", "p", 61_000)).toMatchObject({ approved: false, revision: 2 });
    now = 2000;
    const { trust: approved } = await logged.change(trust(), { approved: true });
    await trusts.notePropagated(revoked);
    expect(await due(62_000)).toEqual(["TRUST#p"]);
    await trusts.notePropagated(approved);
    expect(await due(Number.MAX_SAFE_INTEGER)).toEqual([]);
  });

  it("keeps a changed approval due although the start it came in between has succeeded", async () => {
    await trusts.create(trust(), 0);
    now = 1000;
    const { trust: revoked } = await logged.change(trust(), { approved: false });
    await trusts.notePropagated(revoked);
    expect(await trusts.isAbandonedStart("a", "p", 61_000)).toBe(true);
    expect((await trusts.finishInitiation(trust(), true)).peerApproved).toBe(true);
    expect(await trusts.isAbandonedStart("a", "p", 61_000)).toBe(false);
    expect(await trusts.propagating("a", "p", 61_000)).toMatchObject({ approved: false });
  });

  it("finds one trust among many with the same number of reads", async () => {
    for (let i = 0; i < 50; i += 1) {
      await trusts.create(trust({ peerId: `p${i}`, secret: `secret-${i}`, createdAt: 100 - i }));
    }
    expect((await trusts.bySecret("a", "secret-7"))?.peerId).toBe("p7");
    const listed = await trusts.list("a");
    expect([listed.length, listed[0]?.peerId]).toEqual([50, "p49"]);
  });
});

describe("senders of callbacks", () => {
  it("are identified by digest and approval; a trust or an actor that is being deleted counts as missing", async () => {
    const authenticator = new CallbackAuthenticator(table);
    expect(await authenticator.identify({ actorId: "x", peerId: "p" })).toEqual({ actor: false });
    expect(await authenticator.identify({ actorId: "a", peerId: "p" })).toEqual({ actor: true });
    await trusts.create(trust());
    const digest = secretDigest("s".repeat(40));
    expect(await authenticator.identify({ actorId: "a", peerId: "p" })).toEqual({
      actor: true,
      trust: { digest, approved: true },
    });
    await expect(
      table.transact([authenticator.approvedCheck({ actorId: "a", peerId: "p" }, digest)]),
    ).resolves.toBeUndefined();
    await expect(
      table.transact([authenticator.approvedCheck({ actorId: "a", peerId: "p" }, "other")]),
    ).rejects.toThrow();
    await trusts.beginEnding(trust(), 0);
    expect(await authenticator.identify({ actorId: "a", peerId: "p" })).toEqual({ actor: true });
    await expect(
      table.transact([authenticator.approvedCheck({ actorId: "a", peerId: "p" }, digest)]),
    ).rejects.toThrow();
  });
});
