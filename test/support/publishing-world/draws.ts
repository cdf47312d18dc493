/** What peers and owners do beside changing properties. */
import type { Granularity } from "../../../lib/domain/diff/change-record.ts";
import type { Scope } from "../../../lib/domain/terms/scope.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { RELATIONSHIP } from "./ledger.ts";
import type { ModelPeer } from "./model-peer.ts";
import type { Subscription } from "./peer-subscription.ts";
import type { Act } from "./plan.ts";
import { ACTOR } from "./violation.ts";
import type { Stage } from "./stage.ts";

const SCOPES: readonly Scope[] = [
  { target: "properties" },
  { target: "properties" },
  { target: "properties", subtarget: "a" },
  { target: "properties", subtarget: "a", resource: "x" },
  { target: "properties", subtarget: "b" },
  { target: "properties", subtarget: "rows" },
  { target: "properties", subtarget: "private" },
  { target: "resources" },
  { target: "resources", subtarget: "tool" },
];
/** The names that most changes concern. */
const isBusy = ({ target, subtarget = "a", resource }: Scope): boolean =>
  target === "properties" && resource === undefined && ["a", "b"].includes(subtarget);
const isNested = ({ target, subtarget = "a" }: Scope): boolean => target === "properties" && subtarget === "a";
const GRANULARITIES: readonly Granularity[] = ["high", "high", "high", "low", "none"];
const PERMISSIONS: readonly Json[] = [
  { properties: { excluded_patterns: ["b"] } },
  { properties: { excluded_patterns: ["*/ssn"] } },
  { properties: { excluded_patterns: ["a/x", "rows"] } },
  { properties: { operations: ["write"] } },
  { properties: { operations: ["read", "write"] } },
];
const SUSPENDED: readonly { target: string; subtarget?: string }[] = [
  { target: "properties" },
  { target: "properties", subtarget: "a" },
  { target: "properties", subtarget: "b" },
];
/** The route of a trust. */
export const TRUST_PATH = "/{actorId}/trust/{relationship}/{peerId}";
const PERMISSION_PATH = `${TRUST_PATH}/permissions`;

/** Draws acts one after another. */
export interface Draws {
  readonly any: () => Act;
  readonly subscribe: Act;
  /** Peers and subscriptions change how they answer, peers ask again, and time passes. */
  readonly troubles: readonly Act[];
  /** Approvals of peers come and go. */
  readonly approvals: boolean;
}

export function planDraws(
  random: () => number,
  {
    rough,
    expiry,
    narrow,
    troubled,
  }: { readonly rough: boolean; readonly expiry: boolean; readonly narrow: boolean; readonly troubled: boolean },
): Draws {
  const chance = (probability: number): boolean => random() < probability;
  const controls = {
    ...{ permissions: chance(0.3), suspensions: chance(0.3), leaving: narrow || chance(0.5), goodbye: chance(0.1) },
    ...{ approvals: chance(0.15), appEvents: chance(0.2) },
  };
  const scopes = narrow ? SCOPES.filter(isNested) : troubled ? SCOPES.filter(isBusy) : SCOPES;
  const someone = (world: Stage): ModelPeer => pick(world.random, world.peers) as ModelPeer;
  const oneOf = (world: Stage, peer: ModelPeer): Subscription | undefined =>
    pick(world.random, [...peer.subscriptions.values()]);
  const subscribe: Act = {
    what: "subscribe",
    run: async (world) => {
      const scope = pick(world.random, scopes) as Scope;
      await someone(world).subscribe(scope, pick(world.random, GRANULARITIES) as Granularity);
    },
  };
  const leave: Act = {
    what: "leave",
    run: async (world) => {
      const peer = someone(world);
      const subscription = oneOf(world, peer);
      if (subscription !== undefined) await peer.leave(subscription);
    },
  };
  const goodbye: Act = { what: "goodbye", run: async (world) => await someone(world).goodbye() };
  const approval: Act = {
    what: "approval",
    run: async (world) => {
      const params = { relationship: RELATIONSHIP, peerId: someone(world).id };
      await world.own(`PUT ${TRUST_PATH}`, params, { approved: world.chance(0.5) });
    },
  };
  const trouble: Act = {
    what: "trouble",
    run: (world) => {
      if (world.chance(0.35)) world.changeMood(someone(world));
      else world.changeOddity(someone(world));
      return Promise.resolve();
    },
  };
  const again: Act = {
    what: "subscribe again",
    run: async (world) => {
      const peer = someone(world);
      const subscription = oneOf(world, peer);
      if (subscription !== undefined) await peer.subscribe(subscription.scope, subscription.granularity);
    },
  };
  const aWhile: Act = {
    what: "a while",
    // No step of an instance takes that long.
    alone: true,
    run: async (world) => {
      world.time.now += Math.floor(world.random() ** 3 * 60_000);
      world.runMessages();
      if (world.chance(0.3)) await world.scheduler(async (instance) => await instance.sweep());
    },
  };
  const others: Act[] = [
    {
      what: "recover",
      run: async (world) => {
        const peer = someone(world);
        const subscription = oneOf(world, peer);
        if (subscription !== undefined) await peer.recover(subscription);
      },
    },
    {
      what: "sweep",
      run: async (world) => {
        await world.scheduler(async (instance) => await instance.sweep());
      },
    },
  ];
  if (rough) {
    others.push({
      what: "breaker",
      run: async (world) => {
        const peer = someone(world);
        peer.closedByHand = true;
        await world.own("DELETE /{actorId}/peers/{peerId}/breaker", { peerId: peer.id });
      },
    });
    others.push(trouble);
  }
  if (controls.leaving) others.push(...Array.from({ length: narrow ? 6 : 2 }, () => leave));
  if (controls.appEvents) others.push(appEvents);
  if (controls.approvals) others.push(approval);
  if (controls.goodbye) others.push(goodbye);
  if (expiry) others.push({ what: "a long time", run: async (world) => await world.outlast() });
  if (controls.permissions) {
    others.push({
      what: "permissions",
      run: async (world) => {
        const params = { relationship: RELATIONSHIP, peerId: someone(world).id };
        if (world.chance(0.3)) await world.own(`DELETE ${PERMISSION_PATH}`, params);
        else await world.own(`PUT ${PERMISSION_PATH}`, params, pick(world.random, PERMISSIONS));
      },
    });
  }
  if (controls.suspensions) {
    others.push({
      what: "suspension",
      run: async (world) => {
        const at = pick(world.random, SUSPENDED) as (typeof SUSPENDED)[number];
        const path = at.subtarget === undefined ? "{target}" : "{target}/{subtarget}";
        if (world.chance(0.5)) await world.own("POST /{actorId}/suspensions", {}, { ...at });
        else await world.own(`DELETE /{actorId}/suspensions/${path}`, { ...at });
      },
    });
  }
  return {
    subscribe,
    troubles: [trouble, trouble, trouble, aWhile, aWhile, again, again],
    approvals: controls.approvals,
    any: () => (chance(0.4) ? subscribe : (pick(random, others) as Act)),
  };
}

/** An event of a target that is not kept here. */
const appEvents: Act = {
  what: "app event",
  run: async (world) => {
    const place = world.chance(0.5) ? { target: "resources" } : { target: "resources", subtarget: "tool" };
    const data = { tool: { state: Math.floor(world.random() * 100) } };
    await world.scheduler(async ({ services }) => {
      await services.actorOf(ACTOR).subscriptions.notifySubscribers({ ...place, data });
    });
  },
};

function pick<T>(random: () => number, all: readonly T[]): T | undefined {
  return all[Math.floor(random() * all.length)];
}
