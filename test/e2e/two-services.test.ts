import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startService, type Service } from "../support/service.ts";

let one: Service;
let other: Service;
beforeAll(async () => {
  [one, other] = await Promise.all([startService(), startService({ TRUST_AUTO_APPROVE: "partner" })]);
});
afterAll(async () => {
  await Promise.all([one.dispose(), other.dispose()]);
});

describe("the service started twice", () => {
  it("is two peers that trust each other once the other side's owner approves", async () => {
    const mine = await one.createActor();
    const theirs = await other.createActor("them", "a passphrase of their own");
    const made = await mine.expect("POST", "/trust", 201, { url: theirs.uri, relationship: "friend" });
    expect(made).toMatchObject({ peerid: theirs.id, approved: true, peer_approved: false });
    const [asked] = (await theirs.expect("GET", "/trust", 200)) as object[];
    expect(asked).toMatchObject({ peerid: mine.id, approved: false, peer_approved: true, verified: true });

    await theirs.expect("PUT", `/trust/friend/${mine.id}`, 204, { approved: true });
    expect(await mine.expect("GET", `/trust/friend/${theirs.id}`, 200)).toMatchObject({ peer_approved: true });
    await mine.expect("DELETE", `/trust/friend/${theirs.id}`, 204);
    expect(await theirs.expect("GET", "/trust", 200), "the other side was notified").toEqual([]);
  });

  it("approves automatically where the deployment says so", async () => {
    const mine = await one.createActor();
    const theirs = await other.createActor();
    const made = await mine.expect("POST", "/trust", 201, { url: theirs.uri, relationship: "partner" });
    expect(made).toMatchObject({ approved: true, peer_approved: true });
  });

  it("keeps its actors and their trust over a restart", async () => {
    const mine = await one.createActor();
    const theirs = await other.createActor();
    await mine.expect("POST", "/trust", 201, { url: theirs.uri, relationship: "friend" });
    await one.kill();
    await one.start();
    expect(await mine.expect("GET", "/trust", 200)).toMatchObject([{ peerid: theirs.id }]);
    await mine.expect("DELETE", "", 204);
    expect(await theirs.expect("GET", "/trust", 200), "the other side was notified").toEqual([]);
    expect((await mine.fetch("GET", "")).status).toBe(404);
  });
});
