import type { Clock } from "../system/ports.ts";
import type { RemoteActor } from "./remote-actor.ts";
import { asksToWait, nonsense, type Remote } from "./remote-answer.ts";
import { parseSupported, readMeta } from "./remote-trust.ts";

/** Capabilities older than this (ms) are read again. */
export const CAPABILITIES_FRESH_MS = 24 * 60 * 60 * 1000;

/** The capabilities that a peer states, and when they were read (ms since 1970). */
export interface CachedCapabilities {
  readonly version: string;
  /** Sorted, each once. */
  readonly supported: readonly string[];
  readonly fetchedAt: number;
}

/** The store of a peer's capabilities, which is its trust. */
export interface CapabilityCache {
  read(): Promise<CachedCapabilities | undefined>;
  save(capabilities: CachedCapabilities): Promise<void>;
}

/**
 * A peer's kept capabilities while they are fresh, else undefined. Delivery uses only these and never waits for a peer's
 * answer. Without them a resync callback is sent, because a peer that does not understand it is the exception, and nothing is
 * compressed.
 */
export function freshCapabilities(cached: CachedCapabilities | undefined, now: number): CachedCapabilities | undefined {
  return cached !== undefined && isFresh(cached, now) ? cached : undefined;
}

function isFresh(cached: CachedCapabilities, now: number): boolean {
  return now - cached.fetchedAt < CAPABILITIES_FRESH_MS;
}

/**
 * Reads what a peer supports: `/meta/actingweb/supported` and `/meta/actingweb/version`, or its `/meta` where there are no
 * such leaves, unless the peer wants no more requests now. The tags count also without the version.
 */
export async function fetchCapabilities(
  remote: RemoteActor,
): Promise<Remote<{ readonly version: string; readonly supported: readonly string[] }>> {
  const [supported, version] = await Promise.all([leaf(remote, "supported"), leaf(remote, "version")]);
  if (supported.ok) {
    const said = version.ok ? version.value : "";
    return { ok: true, status: supported.status, value: { version: said, supported: parseSupported(supported.value) } };
  }
  if ((supported.kind !== "refused" && supported.kind !== "nonsense") || asksToWait(supported)) return supported;
  const meta = await readMeta(remote);
  if (!meta.ok) return meta;
  return { ok: true, status: meta.status, value: { version: meta.value.version, supported: meta.value.supported } };
}

async function leaf(remote: RemoteActor, name: string): Promise<Remote<string>> {
  const called = await remote.call({ method: "GET", at: ["meta", "actingweb", name], maxBytes: 16 * 1024 });
  if (!called.ok) return called;
  if (called.status !== 200)
    return nonsense(called.status, `to /meta/actingweb/${name} has the status ${called.status}`);
  const text = Buffer.from(called.value.body).toString("utf8").trim();
  // An HTML page is no list of tags.
  if (text.length > 8192 || /[<>{}"\n]/.test(text))
    return nonsense(called.status, `to /meta/actingweb/${name} is no plain line`);
  return { ok: true, value: text, status: called.status };
}

/** The actor whose peer is asked; an `Actor` is one. */
export interface CapabilityReader {
  readonly clock: Clock;
  capabilityCache(peerId: string): CapabilityCache;
  /** The peer; undefined when there is no trust with it. */
  remoteActor(peerId: string): Promise<RemoteActor | undefined>;
}

/**
 * What a trusted peer supports by its own word; kept for 24 hours. Asks the peer when nothing fresh is kept. When the peer
 * cannot be asked, kept capabilities count however old, and none kept means nothing supported. Never rejects for what the peer
 * does.
 */
export class PeerCapabilities {
  readonly #actor: CapabilityReader;
  readonly #peerId: string;
  readonly #cache: CapabilityCache;

  constructor(actor: CapabilityReader, peerId: string) {
    this.#actor = actor;
    this.#peerId = peerId;
    this.#cache = actor.capabilityCache(peerId);
  }

  /** True when the peer advertises this tag. */
  async supports(tag: string): Promise<boolean> {
    return (await this.getAllSupported()).includes(tag);
  }

  /** True when the peer takes callbacks of type `resync`. */
  supportsResyncCallbacks(): Promise<boolean> {
    return this.supports("subscriptionresync");
  }

  /** True when the peer takes compressed callbacks. */
  supportsCompression(): Promise<boolean> {
    return this.supports("callbackcompression");
  }

  /** True when several subscriptions can be made with one call. */
  supportsBatchSubscriptions(): Promise<boolean> {
    return this.supports("subscriptionbatch");
  }

  /** Every tag the peer advertises, sorted. */
  async getAllSupported(): Promise<readonly string[]> {
    return (await this.#current())?.supported ?? [];
  }

  /** The protocol version that the peer speaks; undefined when the peer never gave one. */
  async getVersion(): Promise<string | undefined> {
    return (await this.#current())?.version || undefined;
  }

  /** Asks the peer now, whatever is kept. A failure leaves the kept capabilities as they are. */
  async refresh(): Promise<Remote<CachedCapabilities>> {
    // Notes the peer's address before the call, so that an answer from an old address is not kept.
    await this.#cache.read();
    return await this.#ask();
  }

  async #ask(): Promise<Remote<CachedCapabilities>> {
    const remote = await this.#actor.remoteActor(this.#peerId);
    if (remote === undefined) return { ok: false, kind: "blocked", message: "There is no trust with this peer." };
    const fetched = await fetchCapabilities(remote);
    if (!fetched.ok) return fetched;
    const capabilities = { ...fetched.value, fetchedAt: this.#actor.clock.now() };
    await this.#cache.save(capabilities);
    return { ok: true, value: capabilities, status: fetched.status };
  }

  async #current(): Promise<CachedCapabilities | undefined> {
    const cached = await this.#cache.read();
    if (cached !== undefined && isFresh(cached, this.#actor.clock.now())) return cached;
    const refreshed = await this.#ask();
    return refreshed.ok ? refreshed.value : cached;
  }
}
