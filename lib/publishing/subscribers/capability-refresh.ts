/** Keeps the cached capabilities of subscribing peers fresh, because delivery itself never asks for them. */
import { pauseAfter } from "../../domain/policy/backoff.ts";
import { capabilityKey, trustKey } from "../../dynamodb/keys/actors.ts";
import { peerMarkerKey } from "../../dynamodb/keys/publishing.ts";
import { deleteIf, updateIf } from "../../dynamodb/outcomes.ts";
import { always, equals, type Table } from "../../dynamodb/table.ts";
import type { Clock, Log } from "../../system/ports.ts";
import { waitSeconds } from "../../peers/remote-answer.ts";
import { CAPABILITIES_FRESH_MS, PeerCapabilities, type CapabilityReader } from "../../peers/capabilities.ts";

/** Pauses after a peer did not answer, ms: from minutes to a day. */
const UNREACHABLE = { base: 10 * 60_000, most: CAPABILITIES_FRESH_MS };
/** Read capabilities again this long before they expire, ms, because the sweep runs every minute. */
const EARLY_MS = 5 * 60_000;

export interface CapabilityRefreshDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ random < 1, so that peers made at the same time are not asked at the same time for ever after. */
  readonly random: () => number;
  readonly reader: (actorId: string) => CapabilityReader;
}

/** Reads the capabilities of subscribing peers once a day, through the due index. */
export class CapabilityRefresh {
  readonly #deps: CapabilityRefreshDeps;

  constructor(deps: CapabilityRefreshDeps) {
    this.#deps = deps;
  }

  /**
   * Makes a peer that has subscribed due: for the next sweep, or when its cached capabilities expire. One read and one
   * write; may be called again. Never rejects: without capabilities deliveries only use fewer features.
   */
  async requestRefresh(actorId: string, peerId: string): Promise<void> {
    try {
      await this.#requestRefresh(actorId, peerId);
    } catch (error) {
      this.#deps.log.warn("the capabilities of a subscriber will not be read", { actorId, peerId, error });
    }
  }

  async #requestRefresh(actorId: string, peerId: string): Promise<void> {
    const { table, clock, reader } = this.#deps;
    const cached = await reader(actorId).capabilityCache(peerId).read();
    const dueAt = Math.max(clock.now(), cached === undefined ? 0 : runsOut(cached.fetchedAt));
    const key = capabilityKey(actorId, peerId);
    // Counted, so that a run that finds no subscriptions cannot delete the item of one that is made meanwhile.
    const change = { set: { dueAt }, add: { refreshRequests: 1 }, remove: ["failures"] };
    await table.update(key, change, always);
  }

  /**
   * Runs a due key: reads the peer's capabilities. Due again a day later; sooner when the peer did not answer, but not
   * before a time that it has named. The item goes with the last subscription of the peer, or with its trust.
   */
  async runDue(actorId: string, peerId: string): Promise<void> {
    const { table, clock, log, random, reader } = this.#deps;
    const key = capabilityKey(actorId, peerId);
    const item = await table.get(key);
    if (item === undefined || Number(item["dueAt"]) > clock.now()) return;
    const same = equals("refreshRequests", item["refreshRequests"] ?? 0);
    const marker = await table.get(peerMarkerKey(actorId, peerId), { only: ["pk"] });
    const stands = { only: ["ending", "pausedUntil"] };
    const trust = marker === undefined ? undefined : await table.get(trustKey(actorId, peerId), stands);
    if (trust === undefined || trust["ending"] === true) {
      await deleteIf(table, key, same);
      return;
    }
    const pausedUntil = Number(trust["pausedUntil"] ?? 0);
    if (pausedUntil > clock.now()) {
      await updateIf(table, key, { set: { dueAt: pausedUntil } }, same);
      return;
    }
    const asked = await new PeerCapabilities(reader(actorId), peerId).refresh();
    const failures = asked.ok ? 0 : Number(item["failures"] ?? 0) + 1;
    if (!asked.ok) log.info("the capabilities were not read", { actorId, peerId, reason: asked.message, failures });
    const now = clock.now();
    const pause = pauseAfter(failures, UNREACHABLE, random());
    const next = asked.ok
      ? runsOut(asked.value.fetchedAt)
      : now + Math.max(pause, (waitSeconds(asked, now) ?? 0) * 1_000);
    await updateIf(table, key, { set: { dueAt: next, failures } }, same);
  }
}

const runsOut = (fetchedAt: number): number => fetchedAt + CAPABILITIES_FRESH_MS - EARLY_MS;
