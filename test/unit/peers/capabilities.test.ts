import { describe, expect, it } from "vitest";
import { type CachedCapabilities, freshCapabilities, PeerCapabilities } from "../../../lib/peers/capabilities.ts";
import { PeerFailure } from "../../../lib/system/ports.ts";
import { type Says, ScriptedPeer } from "./scripted-peer.ts";

const DAY = 24 * 60 * 60 * 1000;
const SUPPORTED = "GET meta/actingweb/supported";
const VERSION = "GET meta/actingweb/version";

function make(script: Record<string, Says>, cached?: CachedCapabilities) {
  const state = { cached, now: 1_000_000, saves: 0, trusted: true };
  const peer = new ScriptedPeer(script);
  const actor = {
    clock: { now: () => state.now },
    remoteActor: async () => (state.trusted ? peer.actor() : undefined),
    capabilityCache: () => ({
      read: async () => state.cached,
      save: async (saved: CachedCapabilities) => {
        state.cached = saved;
        state.saves += 1;
      },
    }),
  };
  return { capabilities: new PeerCapabilities(actor, "peer"), peer, state };
}

describe("PeerCapabilities", () => {
  const reference = {
    [SUPPORTED]: { text: "actions,callbacks,subscriptionbatch,subscriptionresync,trust" },
    [VERSION]: { text: "1.0" },
  };

  it("asks once, then answers from the cache for a day", async () => {
    const { capabilities, peer, state } = make(reference);
    expect(await capabilities.supportsResyncCallbacks()).toBe(true);
    expect(await capabilities.supportsBatchSubscriptions()).toBe(true);
    expect(await capabilities.supportsCompression()).toBe(false);
    expect(await capabilities.supports("trust")).toBe(true);
    expect(await capabilities.getVersion()).toBe("1.0");
    expect(peer.calls).toEqual([SUPPORTED, VERSION]);
    state.now += DAY;
    await capabilities.getAllSupported();
    expect(peer.calls.length).toBe(4);
  });

  it("asks the peer on refresh, whatever is kept", async () => {
    const { capabilities, state } = make(reference, { version: "0", supported: [], fetchedAt: 1_000_000 });
    expect(await capabilities.supports("trust")).toBe(false);
    expect(await capabilities.refresh()).toMatchObject({ ok: true });
    expect(await capabilities.supports("trust")).toBe(true);
    expect(state.saves).toBe(1);
  });

  it("uses old capabilities while the peer is away, and none when none are known", async () => {
    const away = { [SUPPORTED]: new PeerFailure("timeout", "x"), [VERSION]: new PeerFailure("timeout", "x") };
    const old = { version: "1.4", supported: ["trust"], fetchedAt: -DAY };
    expect(await make(away, old).capabilities.supports("trust")).toBe(true);
    expect(await make(away).capabilities.supports("trust")).toBe(false);
    expect(await make(away).capabilities.getVersion()).toBeUndefined();
  });

  it("knows nothing of a peer without a trust, and sends no request", async () => {
    const { capabilities, peer, state } = make(reference);
    state.trusted = false;
    expect(await capabilities.supports("trust")).toBe(false);
    expect(await capabilities.refresh()).toMatchObject({ ok: false, kind: "blocked" });
    expect(peer.calls).toEqual([]);
  });

  it.each<[string, Says]>([
    ["has no leaves", { status: 404 }],
    ["answers without content", { status: 204 }],
    ["answers with a page", { text: "<html>trust</html>" }],
  ])("reads /meta of a peer that %s", async (_name, says) => {
    const meta = { json: { id: "p", aw_version: "1.0", aw_supported: "trust,www" } };
    const { capabilities } = make({ [SUPPORTED]: says, "GET meta": meta });
    expect(await capabilities.getAllSupported()).toEqual(["trust", "www"]);
  });
});

describe("the capabilities that delivery uses", () => {
  const cached = { version: "1.0", supported: ["trust"], fetchedAt: 0 };
  it("are the fresh ones in the cache; without those nothing is known", () => {
    expect(freshCapabilities(cached, DAY - 1)).toBe(cached);
    expect(freshCapabilities(cached, DAY)).toBeUndefined();
    expect(freshCapabilities(undefined, 0)).toBeUndefined();
  });
});
