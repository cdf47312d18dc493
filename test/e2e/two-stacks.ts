import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MeddlingProxy, type Meddling } from "../support/meddling-proxy.ts";
import type { OwnedActor, StreamState } from "../support/owned-actor.ts";
import { reservedPort } from "../support/ports.ts";
import { isObject, type Json } from "../support/publisher/json.ts";
import { Service, startService, until } from "../support/service.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import type { SubscriberPeer } from "../support/subscriber-peer/peer.ts";
import type { StreamScope } from "../support/subscriber-peer/stream.ts";

/** Two services that know each other only over HTTP, a network between them that can be made bad, and a witness. */
export interface TwoStacks {
  /** Publishes. */
  readonly a: Service;
  /** Subscribes. Its peers reach it through `network` alone. */
  readonly b: Service;
  readonly network: MeddlingProxy;
  /** Subscribers that share no code with either. */
  readonly witnesses: SubscriberHost;
  /** B's actors so far. */
  readonly subscribers: OwnedActor[];
  /** Ends B's actors: what they subscribed to would be compared with the publisher's state every other second. */
  part(): Promise<void>;
  close(): Promise<void>;
}

/** One actor on each side, which trust each other. */
export interface Pair {
  readonly publisher: OwnedActor;
  readonly subscriber: OwnedActor;
  readonly witness: SubscriberPeer;
}

/** B's subscriptions: their ids at A, by scope. */
export type Subscribed = readonly { readonly id: string; readonly scope: Partial<StreamScope> }[];

const QUICK = { SWEEP_INTERVAL_SECONDS: "1", GAP_TIMEOUT_SECONDS: "0.5", RECONCILE_INTERVAL_SECONDS: "2" };

/** Starts both. `network.meddling` is empty at first. */
export async function openTwoStacks(seed: number, publishing: Record<string, string> = {}): Promise<TwoStacks> {
  const port = await reservedPort();
  const network = await new MeddlingProxy(port, seed).listen();
  const witnesses = await new SubscriberHost().listen();
  const folder = await mkdtemp(join(tmpdir(), "actingweb-subscriber-"));
  const b = new Service(port, folder, { ...QUICK, BASE_URL: network.url });
  const [a] = await Promise.all([
    startService({ TRUST_AUTO_APPROVE: "friend", ...QUICK, DELIVERY_TIMEOUT_SECONDS: "3", ...publishing }),
    b.start(),
  ]);
  const close = async (): Promise<void> => {
    await Promise.all([a.dispose(), b.dispose()]);
    await network.close();
    await witnesses.close();
  };
  const subscribers: OwnedActor[] = [];
  const part = async (): Promise<void> => {
    for (const actor of subscribers.splice(0)) await actor.expect("DELETE", "", 204);
  };
  return { a, b, network, witnesses, subscribers, part, close };
}

/** New actors: one at A, one at B that trusts it and is approved, and a witness that does. */
export async function pair({ a, b, network, witnesses, subscribers }: TwoStacks): Promise<Pair> {
  const publisher = await a.createActor();
  const made = await b.createActor();
  subscribers.push(made);
  const subscriber = Object.assign(made, { uri: `${network.url}/${made.id}` });
  const trust = await subscriber.expect("POST", "/trust", 201, { url: publisher.uri, relationship: "friend" });
  if (!isObject(trust) || trust["peer_approved"] !== true) throw new Error(`not approved: ${JSON.stringify(trust)}`);
  const witness = witnesses.add();
  await witness.trust(publisher);
  return { publisher, subscriber, witness };
}

/** The same two, the other way round: who subscribed publishes. */
export const reversed = ({ publisher, subscriber, witness }: Pair): Pair => ({
  publisher: subscriber,
  subscriber: publisher,
  witness,
});

/** B subscribes to these scopes of A's actor. */
export async function subscribeTo(
  { publisher, subscriber }: Pair,
  scopes: readonly Partial<StreamScope>[],
): Promise<Subscribed> {
  const made: { id: string; scope: Partial<StreamScope> }[] = [];
  for (const scope of scopes) {
    const json = { peerid: publisher.id, target: "properties", granularity: "high", ...scope };
    const answer = await subscriber.fetch("POST", "/subscriptions", { json });
    if (answer.status !== 204) throw new Error(`subscribing: ${answer.status} ${answer.text}`);
    made.push({ id: answer.headers["location"]?.split("/").at(-1) ?? "", scope });
  }
  return made;
}

/** The newest number A has made for each of B's subscriptions. */
export async function newestNumbers({ publisher, subscriber }: Pair): Promise<Map<string, number>> {
  const answer = await publisher.expect("GET", `/subscriptions/${subscriber.id}`, 200);
  const data = (answer as { data: { subscriptionid: string; sequence: number }[] }).data;
  return new Map(data.map(({ subscriptionid, sequence }) => [subscriptionid, sequence]));
}

/** B's sequencing state of one of them. */
export async function streamState({ publisher, subscriber }: Pair, id: string): Promise<StreamState> {
  const answer: Json | undefined = await subscriber.expect("GET", `/subscriptions/${publisher.id}/${id}/state`, 200);
  return answer as unknown as StreamState;
}

/** Waits until B has everything that A has made, with nothing pending. Gives the newest numbers. */
export async function caughtUp(both: Pair, subscribed: Subscribed): Promise<Map<string, number>> {
  const seen = new Map<string, string>();
  const reached = async (): Promise<Map<string, number> | undefined> => {
    const newest = await newestNumbers(both);
    for (const { id } of subscribed) {
      const { lastSeq, pendingCount } = await streamState(both, id);
      seen.set(id, `${lastSeq} of ${newest.get(id) ?? "?"}, ${pendingCount} pending`);
      if (lastSeq !== newest.get(id) || pendingCount > 0) return undefined;
    }
    return newest;
  };
  try {
    return await until("both sides agree", reached);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${JSON.stringify(Object.fromEntries(seen))}`);
  }
}

/** The worst behaviour of the network. */
export const STORMY: Meddling = { lost: 0.05, swallowed: 0.1, unanswered: 0.05, doubled: 0.1, late: 0.25, slow: 0.05 };
