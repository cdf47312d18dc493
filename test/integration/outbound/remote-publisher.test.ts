import { afterEach, describe, expect, it } from "vitest";
import { PeerHttpClient } from "../../../lib/peers/http/peer-http-client.ts";
import { fetchCapabilities } from "../../../lib/peers/capabilities.ts";
import { RemoteActor } from "../../../lib/peers/remote-actor.ts";
import { RemotePublisher } from "../../../lib/peers/remote-publisher.ts";
import { subscribe, unsubscribe } from "../../../lib/peers/remote-subscriptions.ts";
import { readMeta } from "../../../lib/peers/remote-trust.ts";
import { wholeState } from "../../unit/peers/whole-state.ts";
import { type Publisher, startPublisher } from "../../support/publisher/publisher.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A real publisher that trusts actor `me` (which has no server: callbacks to it fail, and stay in the backlog). */
async function meet(style: "reference" | "ours"): Promise<{ peer: Publisher; remote: RemoteActor }> {
  const peer = await startPublisher({ style });
  const http = new PeerHttpClient({ allowHttp: true, allowPrivate: true });
  cleanups.push(
    () => http.close(),
    () => peer.close(),
  );
  peer.trusts.all.set("me", {
    peerId: "me",
    baseUri: "http://127.0.0.1:9/me",
    relationship: "friend",
    type: "",
    desc: "",
    secret: "s3cret",
    token: "",
    approved: true,
    peerApproved: true,
    verified: true,
  });
  return { peer, remote: new RemoteActor({ http, baseUri: peer.baseUri, bearer: "s3cret", ourId: "me" }) };
}

describe.each(["reference", "ours"] as const)("a publisher of style %s, over HTTP", (style) => {
  it("is read: who it is, what it can, its state and its backlog", async () => {
    const { peer, remote } = await meet(style);
    expect(await readMeta(remote)).toMatchObject({ value: { id: peer.id } });
    expect(await fetchCapabilities(remote)).toMatchObject({ ok: true });

    const made = await subscribe(remote, { target: "properties" }, "high");
    if (!made.ok) throw new Error(made.message);
    const { subscriptionId } = made.value;
    peer.set({ color: "red", size: { w: 1 } });
    peer.list("memo", { operation: "append", item: { t: "hi" } });
    await peer.settled();

    const publisher = new RemotePublisher(remote);
    const polled = await publisher.poll(subscriptionId);
    if (polled.is !== "backlog") throw new Error(polled.is);
    expect(polled.diffs.map((diff) => diff.sequence)).toEqual(
      Array.from({ length: polled.sequence }, (_, index) => index + 1),
    );

    const scope = { target: "properties" };
    const state = await wholeState(remote, { scope, place: [], subscriptionId, excludedScopes: [] });
    if (state.is !== "state") throw new Error(state.is);
    const replica = Object.fromEntries(state.parts.map((part) => [part.place.join("/"), part.items ?? part.value]));
    expect(replica).toEqual(peer.state.snapshot());
    expect(state.parts.find((part) => part.place[0] === "memo")?.kind).toBe("list");
    expect(state.sequence).toBe(style === "ours" ? polled.sequence : undefined);

    expect(await publisher.acknowledge(subscriptionId, polled.sequence)).toBeUndefined();
    expect(await publisher.poll(subscriptionId)).toEqual({
      is: "backlog",
      sequence: polled.sequence,
      diffs: [],
    });
    expect(await unsubscribe(remote, subscriptionId, { now: Date.now })).toMatchObject({ ok: true });
    expect(await publisher.poll(subscriptionId)).toEqual({ is: "unknown" });
  });

  it("is read at one place only by a subscription on that place", async () => {
    const { peer, remote } = await meet(style);
    const scope = { target: "properties", subtarget: "size", resource: "w" };
    const made = await subscribe(remote, scope, "high");
    if (!made.ok) throw new Error(made.message);
    peer.set({ color: "red", size: { w: { mm: 3 } } });
    await peer.settled();
    const state = await wholeState(remote, {
      scope,
      place: ["size", "w"],
      subscriptionId: made.value.subscriptionId,
      excludedScopes: [],
    });
    expect(state).toMatchObject({ is: "state", parts: [{ place: ["size", "w"], kind: "value", value: { mm: 3 } }] });
    expect(peer.received("GET", /properties/).map((call) => call.path)).toHaveLength(1);
  });
});
