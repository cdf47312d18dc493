/** Delivery for one actor with other settings than the configuration's. */
import type { DeliveryServices, DeliverySettings } from "../publishing/delivery/delivery-services.ts";
import type { FanOutResult } from "../engine/fan-out-result.ts";
import { readBreaker } from "../publishing/delivery/breaker-store.ts";
import type { Breaker } from "../domain/policy/breaker.ts";
import { trustKey } from "../dynamodb/keys/actors.ts";
import type { Table } from "../dynamodb/table.ts";
import type { Commit, Commits } from "../change-log/log-commits.ts";
import { publishAppEvent, type AppEvent } from "../publishing/subscribers/app-events.ts";
import type { TrustStore } from "../trust/trust-store.ts";

export interface OwnDeliveryServices {
  readonly table: Table;
  readonly trusts: TrustStore;
  readonly commits: Commits;
  readonly deliveryBy: (settings: DeliverySettings) => Pick<DeliveryServices, "fanOut" | "breakers">;
}

/** Delivers for a component of an actor. */
export class OwnDelivery {
  readonly #actorId: string;
  readonly #services: OwnDeliveryServices;
  readonly #delivery: Pick<DeliveryServices, "fanOut" | "breakers">;

  constructor(actorId: string, services: OwnDeliveryServices, settings: DeliverySettings) {
    this.#actorId = actorId;
    this.#services = services;
    this.#delivery = services.deliveryBy(settings);
  }

  /** One change of the actor's log, and its callbacks. @throws as `publishAppEvent` */
  async notify(appEvent: AppEvent): Promise<FanOutResult> {
    const { commits } = this.#services;
    const notify = async (commit: Commit): Promise<FanOutResult> => await this.#delivery.fanOut.publish(commit);
    return await publishAppEvent({ commits, notify }, this.#actorId, appEvent);
  }

  /** A peer's breaker; undefined without a trust. One read. */
  async breaker(peerId: string): Promise<Breaker | undefined> {
    const item = await this.#services.table.get(trustKey(this.#actorId, peerId));
    return item === undefined || item["ending"] === true ? undefined : readBreaker(item);
  }

  /** Closes a peer's breaker; false without a trust. */
  async reset(peerId: string): Promise<boolean> {
    const trust = await this.#services.trusts.get(this.#actorId, peerId);
    if (trust !== undefined) await this.#delivery.breakers.reset(trust);
    return trust !== undefined;
  }
}
