/** One actor as hooks and the deployer's own code see it. */
import type { ActorStore } from "../actors/actor-store.ts";
import type { Config } from "../system/config.ts";
import type { DeliverySettings } from "../publishing/delivery/delivery-services.ts";
import type { Table } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import type { CapabilityCache } from "../peers/capabilities.ts";
import type { RemoteActor } from "../peers/remote-actor.ts";
import { TrustCapabilityCache } from "../peers/trust-capability-cache.ts";
import type { Clock, Ids, Log } from "../system/ports.ts";
import type { PropertyStore } from "../properties/property-store.ts";
import { ActorProperties } from "./actor-properties.ts";
import { ActorSubscriptions, type ActorSubscriptionServices } from "./actor-subscriptions.ts";
import { ActorTrust, type ActorTrustServices } from "./actor-trust.ts";
import { OwnDelivery, type OwnDeliveryServices } from "./own-delivery.ts";

/** The parts of the service that actors are made from; the composition has all of them. */
export interface ActorServices extends ActorTrustServices, ActorSubscriptionServices, OwnDeliveryServices {
  readonly config: Config;
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly actors: Pick<ActorStore, "get">;
  readonly properties: PropertyStore;
  readonly remote: (trust: {
    readonly actorId: string;
    readonly baseUri: string;
    readonly secret: string;
  }) => RemoteActor;
}

/**
 * An actor costs nothing to make or to keep; each call reads what it needs. Only `id`, `rootUri`, `properties`, `trust` and
 * `subscriptions` show when an actor is logged: what components take from it is behind getters.
 */
export class Actor {
  readonly id: string;
  /** The actor's URL, without a slash at the end. */
  readonly rootUri: string;
  readonly properties: ActorProperties;
  readonly trust: ActorTrust;
  readonly subscriptions: ActorSubscriptions;
  readonly #services: ActorServices;

  constructor(id: string, services: ActorServices) {
    this.id = id;
    this.rootUri = `${services.config.baseUrl}/${id}`;
    this.properties = new ActorProperties(id, services.properties);
    this.trust = new ActorTrust(id, services);
    this.subscriptions = new ActorSubscriptions(id, services);
    this.#services = services;
  }

  /** The owner's user name: `await actor.creator`. One read each. Rejects with resource.not_found without such an actor. */
  get creator(): Promise<string> {
    return this.#readCreator();
  }

  /** For components: the table they store in. */
  get table(): Table {
    return this.#services.table;
  }

  /** For components: the service's clock. */
  get clock(): Clock {
    return this.#services.clock;
  }

  /** For components: fresh random ids. */
  get ids(): Ids {
    return this.#services.ids;
  }

  /** For components, and hooks: the service's structured log. */
  get log(): Log {
    return this.#services.log;
  }

  /** For components: the settings for processing callbacks; environment before code before default. */
  get processing(): Pick<Config, "gapTimeoutSeconds" | "maxPending" | "incarnation"> {
    const { gapTimeoutSeconds, maxPending, incarnation } = this.#services.config;
    return { gapTimeoutSeconds, maxPending, incarnation };
  }

  /** For components: the settings for delivery; environment before default. */
  get publishing(): Pick<
    Config,
    "maxConcurrentDeliveries" | "fanOutTimeoutSeconds" | "breakerFailureThreshold" | "breakerRecoverySeconds"
  > {
    const { maxConcurrentDeliveries, fanOutTimeoutSeconds, breakerFailureThreshold, breakerRecoverySeconds } =
      this.#services.config;
    return { maxConcurrentDeliveries, fanOutTimeoutSeconds, breakerFailureThreshold, breakerRecoverySeconds };
  }

  /** For components: delivery with settings of their own. */
  ownDelivery(settings: DeliverySettings): OwnDelivery {
    return new OwnDelivery(this.id, this.#services, settings);
  }

  /** For components: what is kept of a peer's capabilities, in its trust. */
  capabilityCache(peerId: string): CapabilityCache {
    return new TrustCapabilityCache(this.#services.table, this.id, peerId);
  }

  /** For components: a trusted peer, called with the trust's bearer; undefined when there is no trust. */
  async remoteActor(peerId: string): Promise<RemoteActor | undefined> {
    const trust = await this.#services.trusts.get(this.id, peerId);
    return trust === undefined ? undefined : this.#services.remote(trust);
  }

  async #readCreator(): Promise<string> {
    const record = await this.#services.actors.get(this.id);
    if (record === undefined) throw new ServiceError("resource.not_found", "There is no such actor.");
    return record.creator;
  }
}
