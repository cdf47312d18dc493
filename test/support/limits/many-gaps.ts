/** Many actors with one gap each, all due in the same minute: how long the worker and the sweep take to close them. */
import { actorItem } from "../../../lib/actors/actor-record.ts";
import { hashMinted } from "../../../lib/actors/passphrase.ts";
import { outboundHeadKey } from "../../../lib/dynamodb/keys/streams.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import type { JsonObject } from "../../../lib/system/ports.ts";
import { PeerReader } from "../../../lib/receiving/replica/peer-reader.ts";
import { basic, bearer, type Answer } from "../in-process.ts";
import { SimulatedDeployment } from "./deployment.ts";
import type { LimitOptions } from "./partition-limits.ts";

const MINUTE = 60_000;
const ORIGIN = "https://subscriber.example.com";
const PUBLISHER = "https://publisher.example.com";
const PASSPHRASE = "passphrase";
/** Gives up, so that a run ends whatever is wrong. */
const MOST_MS = 120 * MINUTE;

export interface ManyGapsOptions extends LimitOptions {
  readonly actors: number;
  /** The messages of the gaps never arrive: the sweep alone finds them. */
  readonly lost: boolean;
  /** How long a request to the table takes, and the answer of a publisher, ms. */
  readonly tableMs?: number;
  readonly peerMs?: number;
  /** Runs of the worker at once [10, as a deployment has them]. */
  readonly workers?: number;
  readonly seed?: number;
}

export interface ManyGapsReport {
  readonly deployment: SimulatedDeployment;
  /** What is wrong: nothing when every gap is closed, with the right data, from one poll of the publisher or more. */
  readonly violations: readonly string[];
  /** From the minute's begin until the last gap was closed, ms. */
  readonly totalMs: number;
  /** For how long a gap had been due when its publisher was asked first, ms: the longest, and the median. */
  readonly longestWaitMs: number;
  readonly medianWaitMs: number;
  /** Polls of the publisher beyond one for each gap. */
  readonly repeated: number;
}

const idOf = (index: number): string => `actor${String(index).padStart(6, "0")}`;
const PEER = "peer";
const SUBSCRIPTION = "sub";

export async function manyGaps(options: ManyGapsOptions): Promise<ManyGapsReport> {
  const { actors, lost, tableMs = 5, peerMs = 50, workers = 10, seed = 1 } = options;
  const deployment = new SimulatedDeployment({ ...options, origin: ORIGIN, seed, tableMs, workers });
  const { time, network, host, memory } = deployment;
  const gaps = new Map<string, { readonly dueAt: number; polledAt?: number; polls: number; acknowledged: boolean }>();
  let left = actors;
  network.hosts.set(PUBLISHER, async ({ method, url, json }): Promise<Answer> => {
    if (deployment.isLive) await time.sleep(peerMs);
    const [, , what, actorId = "", subscription] = new URL(url).pathname.split("/");
    const gap = gaps.get(actorId);
    if (what === "properties") return answered(200, {});
    if (what !== "subscriptions") return answered(404);
    if (method === "POST") return answered(201, { subscriptionid: SUBSCRIPTION, granularity: "high", sequence: 0 });
    if (subscription === undefined || gap === undefined) return answered(200, { sequence: 0, data: [] });
    if (method === "PUT") {
      if (!gap.acknowledged && (json as JsonObject)["sequence"] === 3) left -= 1;
      gap.acknowledged = true;
      return answered(204);
    }
    gap.polledAt ??= time.now;
    gap.polls += 1;
    return answered(200, { sequence: 3, data: [{ sequence: 2, data: { b: 2 }, overwritten: [] }] });
  });

  const passphraseHash = hashMinted(PASSPHRASE);
  const step = MINUTE / actors;
  const begun = time.now;
  for (let index = 0; index < actors; index += 1) {
    time.now = Math.floor(begun + index * step);
    const [actorId, secret] = [idOf(index), `secret-of-${idOf(index)}`];
    const createdAt = time.now;
    await memory.put(
      actorItem({ id: actorId, creator: "creator", passphraseHash, passphraseBits: 160, createdAt }),
      always,
    );
    await host.trusts(actorId, PEER, `${PUBLISHER}/peer`, secret);
    await expected(204, host, "POST", `/${actorId}/subscriptions`, {
      headers: basic("creator", PASSPHRASE),
      json: { peerid: PEER, target: "properties", granularity: "high" },
    });
    const callback = async (sequence: number, data: JsonObject, status: number): Promise<void> => {
      const path = `/${actorId}/callbacks/subscriptions/${PEER}/${SUBSCRIPTION}`;
      const json = { sequence, target: "properties", data, overwritten: [] };
      await expected(status, host, "POST", path, { headers: bearer(secret), json });
    };
    await callback(1, { a: 1 }, 201);
    await callback(3, { a: 3 }, 202);
    const dueAt = Number(memory.itemAt(outboundHeadKey(refOf(actorId)))?.["dueAt"]);
    gaps.set(actorId, { dueAt, polls: 0, acknowledged: false });
  }

  const first = Math.min(...[...gaps.values()].map(({ dueAt }) => dueAt));
  // The gaps become due one after another within a minute. Nothing has passed yet of what was prepared.
  time.now = begun;
  deployment.begin({ lost });
  await time.passUntil(() => left === 0 && deployment.isIdle, begun + MOST_MS);
  const totalMs = time.now - first;
  const waits = [...gaps.values()].map(({ dueAt, polledAt = Number.NaN }) => polledAt - dueAt).sort((a, b) => a - b);
  return {
    deployment,
    violations: await violationsOf(deployment, actors),
    totalMs,
    longestWaitMs: waits.at(-1) ?? 0,
    medianWaitMs: waits[Math.floor(waits.length / 2)] ?? 0,
    repeated: [...gaps.values()].reduce((sum, { polls }) => sum + polls - 1, 0),
  };
}

async function violationsOf({ memory }: SimulatedDeployment, actors: number): Promise<readonly string[]> {
  const violations: string[] = [];
  for (let index = 0; index < actors; index += 1) {
    const actorId = idOf(index);
    const head = memory.itemAt(outboundHeadKey(refOf(actorId)));
    if (head?.["lastSeq"] !== 3 || head["buffered"] !== undefined) violations.push(`${actorId} has a gap still`);
    const { properties } = await new PeerReader({ table: memory, actorId, peerId: PEER }).page({ limit: 10 });
    const stored = JSON.stringify(Object.fromEntries(properties.map(({ name, value }) => [name, value])));
    if (stored !== '{"a":3,"b":2}') violations.push(`${actorId} has ${stored}`);
  }
  return violations;
}

const refOf = (actorId: string) => ({ actorId, peerId: PEER, subscriptionId: SUBSCRIPTION });

function answered(status: number, json?: JsonObject): Answer {
  return { status, headers: {}, text: json === undefined ? "" : JSON.stringify(json), json };
}

async function expected(status: number, host: SimulatedDeployment["host"], ...asked: Asked): Promise<void> {
  const { status: found, text } = await host.ask(...asked);
  if (found !== status) throw new Error(`${asked[0]} ${asked[1]} was answered ${String(found)} ${text}`);
}

type Asked = Parameters<SimulatedDeployment["host"]["ask"]>;
