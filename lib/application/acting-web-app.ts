/**
 * The application as its deployer writes it: what the application is, its options, and its hooks.
 *
 * Hooks are given their `Actor`. Components are made from an actor, each imported where it is used:
 * `RemotePeerStore` (lib/receiving/replica/remote-peer-store.ts), `PeerCapabilities` (lib/peers/capabilities.ts),
 * `FanOutManager` (lib/application/fan-out-manager.ts),
 * `CallbackProcessor` (lib/receiving/intake/callback-processor.ts).
 */
import { compact } from "../system/compact.ts";
import type { ActorHookName, Application, TrustEvent, TrustHookName } from "../actors/application.ts";
import type { CodeOptions } from "../system/config.ts";
import type { Permissions } from "../domain/policy/permissions.ts";
import type { EventBus } from "../system/ports.ts";
import { insideHook } from "../system/request-context.ts";
import type { HookEvent, HookRunner } from "../failed-events/hook-event.ts";
import type { Scope } from "../domain/terms/scope.ts";
import type { Actor } from "./actor.ts";
import type { EventHookDefinition, EventHookAttempt, EventHookRunner } from "../listeners/event-hooks/definition.ts";
import { DataHooks } from "./data-hooks.ts";
import { EventHooks } from "./event-hooks.ts";
import type {
  CallbackHook,
  EventHook,
  EventHookOptions,
  LifecycleHook,
  LifecycleName,
  StateHook,
  SubscriptionData,
  SubscriptionDataHook,
  SubscriptionLifecycleEvent,
  TrustHook,
} from "./hooks.ts";
import {
  checkCallbackName,
  checkChoice,
  checkHook,
  checkOptions,
  checkOwnTarget,
  checkRelationships,
} from "./registration.ts";

export type { HookEvent } from "../failed-events/hook-event.ts";

/** What an application is. */
export interface AppOptions {
  /** The type of this application's actors, a URN: `urn:actingweb:example.com:myapp`. */
  readonly awType: string;
  readonly desc: string;
  /** A page about the application [http://actingweb.org/]. */
  readonly info?: string;
  /** The application's own version [0.1.0]. */
  readonly version?: string;
  /** Relationships the deployment defines beside or instead of the protocol's. */
  readonly relationships?: Readonly<Record<string, Permissions>>;
}

/** How callbacks are processed; see `CodeOptions`. */
export type ProcessingOptions = Omit<CodeOptions, "syncCallbacks">;

const TRUST_HOOKS = ["create", "approve", "delete"] as const satisfies readonly TrustHookName[];
const LIFECYCLE_HOOKS = [
  "subscription_created",
  "subscription_deleted",
  "actor_created",
  "actor_deleted",
] as const satisfies readonly LifecycleName[];

/**
 * Collects the hooks and options that the deployer registers; nothing runs before the functions ask for it. Every method
 * that registers throws a `TypeError`, which stops the function at its start, for an argument that cannot be meant.
 */
export class ActingWebApp implements Application, HookRunner, EventHookRunner {
  readonly awType: string;
  readonly desc: string;
  readonly info: string;
  readonly version: string;
  readonly relationships: Readonly<Record<string, Permissions>>;
  #options: CodeOptions = {};
  readonly #dataHooks = new DataHooks();
  readonly #eventHooks = new EventHooks();
  readonly #callbackHooks = new Map<string, CallbackHook>();
  readonly #stateHooks = new Map<string, StateHook>();
  readonly #trustHooks = new Map<TrustHookName, TrustHook[]>();
  readonly #lifecycleHooks = new Map<LifecycleName, LifecycleHook[]>();
  #actorOf: ((actorId: string) => Actor) | undefined;
  #bus: EventBus | undefined;

  constructor(options: AppOptions) {
    this.awType = options.awType;
    this.desc = options.desc;
    this.info = options.info ?? "http://actingweb.org/";
    this.version = options.version ?? "0.1.0";
    this.relationships = options.relationships ?? {};
    checkRelationships(this.relationships);
  }

  /** The options of the code; the environment overrides them. Checked when a function starts. */
  get options(): CodeOptions {
    return this.#options;
  }

  /**
   * Sets how subscriptions are processed, which is on by default. An option that is left out keeps its default, or the value
   * of an earlier call; the environment overrides all of them. Values are checked when a function starts.
   */
  withSubscriptionProcessing(options: ProcessingOptions = {}): this {
    checkOptions(options);
    this.#options = { ...this.#options, ...options };
    return this;
  }

  /**
   * Whether callbacks we send are awaited before the request that caused them is answered [true]. On Lambda they always
   * are, and false is a configuration error; on the local server `CALLBACK_MODE` decides.
   */
  withSyncCallbacks(sync: boolean): this {
    checkChoice("withSyncCallbacks", [true, false], sync);
    this.#options = { ...this.#options, syncCallbacks: sync };
    return this;
  }

  /**
   * Runs `hook` for events of subscriptions on a target: the target's name, `"*"` for all of them, or a pattern over
   * `<target>[.<subtarget>[.<resource>]]` with `*` (one token) and a final `>` (one or more). The most specific runs alone.
   * Several hooks of one name run one after another, and count as one; a pattern has one hook.
   */
  subscriptionDataHook(target: string, hook: SubscriptionDataHook): this {
    checkHook("subscriptionDataHook", hook);
    this.#dataHooks.add(target, hook);
    return this;
  }

  /** Runs `hook` for the events of the actors themselves that match, from the first change after this release on. */
  eventHook(options: EventHookOptions, hook: EventHook): this {
    this.#eventHooks.add(options, hook);
    return this;
  }

  /**
   * Takes callbacks in place of any processing. `subscription`: every subscription callback as it arrives, after
   * authentication; then nothing is sequenced, stored or passed to data hooks. Any other name: each request to
   * `/callbacks/{name}`, which the hook must authenticate itself. One hook for each name.
   */
  callbackHook(name: string, hook: CallbackHook): this {
    checkCallbackName(name);
    checkHook("callbackHook", hook, this.#callbackHooks.has(name) ? name : undefined);
    this.#callbackHooks.set(name, hook);
    return this;
  }

  /**
   * Gives the full state of one of the application's own targets, for the peers that subscribe to the target: the answer to
   * `GET /{actorId}/{target}[/{subtarget}[/{resource}]]`, for the creator and every approved peer. Permissions cover
   * properties only, so the hook decides what a peer may see. A hook that throws, or exceeds `HOOK_TIMEOUT_SECONDS`, is
   * logged, and the request answered with 500.
   */
  stateHook(target: string, hook: StateHook): this {
    checkOwnTarget("stateHook", target);
    checkHook("stateHook", hook, this.#stateHooks.has(target) ? target : undefined);
    this.#stateHooks.set(target, hook);
    return this;
  }

  /** Registers a hook that runs after a trust was created, approved by us, or deleted. Its errors are logged and change nothing. */
  trustHook(name: TrustHookName, hook: TrustHook): this {
    checkChoice("trustHook", TRUST_HOOKS, name);
    checkHook("trustHook", hook);
    push(this.#trustHooks, name, hook);
    return this;
  }

  /** Registers a hook that runs after a subscription or an actor was created or deleted. Its errors are logged and change nothing. */
  lifecycleHook(name: LifecycleName, hook: LifecycleHook): this {
    checkChoice("lifecycleHook", LIFECYCLE_HOOKS, name);
    checkHook("lifecycleHook", hook);
    push(this.#lifecycleHooks, name, hook);
    return this;
  }

  /** Sets how hooks get their actor, and the bus; the composition does this once. */
  bind(actorOf: (actorId: string) => Actor, bus: EventBus): void {
    this.#actorOf = actorOf;
    this.#bus = bus;
  }

  /**
   * The deployment's event bus, of the transport that `BUS` names. Publishing is direct and at most once; the ordered way,
   * at least once, is a webhook whose url is `bus:`. @throws TypeError before a function has started
   */
  get bus(): EventBus {
    return this.#bound(this.#bus);
  }

  handles(event: Scope): boolean {
    return this.#dataHooks.of(event).length > 0;
  }

  async run(event: HookEvent, signal: AbortSignal): Promise<void> {
    const { peerId, target, subtarget, resource, data, sequence, callbackType } = event;
    const hookData: SubscriptionData = compact({
      actor: this.#actor(event.actorId),
      peerId,
      target,
      subtarget,
      resource,
      data,
      sequence,
      callbackType,
      event,
      signal,
    });
    await runEach(this.#dataHooks.of(event), hookData);
  }

  get eventHooks(): readonly EventHookDefinition[] {
    return this.#eventHooks.definitions;
  }

  async runEventHook(id: string, { actorId, event, attempt }: EventHookAttempt, signal: AbortSignal): Promise<void> {
    const hook = this.#eventHooks.get(id);
    if (hook === undefined) throw new TypeError(`This release has no event hook ${id}.`);
    await insideHook(async () => await hook({ actor: this.#actor(actorId), event, attempt, signal }));
  }

  /** The raw hook of that name, if one is registered. */
  rawHook(name: string): CallbackHook | undefined {
    return this.#callbackHooks.get(name);
  }

  /** The state hook of one of the application's own targets, if one is registered. */
  stateOf(target: string): StateHook | undefined {
    return this.#stateHooks.get(target);
  }

  async runTrustHook(name: TrustHookName, event: TrustEvent): Promise<void> {
    await runEach(this.#trustHooks.get(name), { ...event, actor: this.#actor(event.actorId) });
  }

  async runActorHook(name: ActorHookName, event: { readonly actorId: string }): Promise<void> {
    await runEach(this.#lifecycleHooks.get(name), { actor: this.#actor(event.actorId) });
  }

  async runSubscriptionHook(
    name: "subscription_created" | "subscription_deleted",
    { actorId, ...event }: SubscriptionLifecycleEvent,
  ): Promise<void> {
    await runEach(this.#lifecycleHooks.get(name), { ...event, actor: this.#actor(actorId) });
  }

  #actor(actorId: string): Actor {
    return this.#bound(this.#actorOf)(actorId);
  }

  #bound<T>(part: T | undefined): T {
    if (part === undefined) throw new TypeError("The application was not bound to a service yet.");
    return part;
  }
}

async function runEach<T>(hooks: readonly ((data: T) => void | Promise<void>)[] = [], data: T): Promise<void> {
  for (const hook of hooks) await insideHook(async () => await hook(data));
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}
