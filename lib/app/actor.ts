/** One actor as hooks and the deployer's own code see it. */
import type { OutboundSubscriptions } from "../subscriptions/outbound-subscriptions.ts";

export interface ActorServices {
  readonly rootUri: (actorId: string) => string;
  readonly outbound: OutboundSubscriptions;
}

export class Actor {
  readonly id: string;
  readonly rootUri: string;

  constructor(id: string, services: ActorServices) {
    this.id = id;
    this.rootUri = services.rootUri(id);
  }
}
