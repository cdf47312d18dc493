import { startPublisher, type Publisher, type PublisherOptions } from "../support/publisher/publisher.ts";
import type { OwnedActor } from "../support/owned-actor.ts";
import type { Subscription } from "../support/publisher/subscriptions.ts";
import type { Service } from "../support/service.ts";

/** A publisher, an actor of the service that trusts it, and the actor's subscription to all its properties. */
export interface Stream {
  publisher: Publisher;
  actor: OwnedActor;
  subscription: Subscription;
  lastSeq(): Promise<number>;
  replica(): Promise<unknown>;
  /** The sequences of the hook runs with type `diff`. */
  diffRuns(): number[];
}

/** Streams of one process have ids of their own unless a seed is given. */
let opened = 1000;

export async function openStream(service: Service, options: PublisherOptions = {}): Promise<Stream> {
  opened += 1;
  const publisher = await startPublisher({ style: "ours", seed: opened, ...options });
  const actor = await service.createActor();
  await actor.trust(publisher);
  const subscription = await actor.subscribe(publisher);
  return {
    publisher,
    actor,
    subscription,
    lastSeq: async () => (await actor.state(subscription, publisher)).lastSeq,
    replica: () => actor.replica(publisher.id),
    diffRuns: () =>
      service
        .hookRuns(subscription.id)
        .filter((run) => run.callbackType === "diff")
        .map((run) => run.sequence),
  };
}
