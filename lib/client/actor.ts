/** The entry points of the client: one actor of the service, and all actors of a deployment. */
import { readEvents, type ActorEvent, type EventsOptions } from "./events.ts";
import { Group, type GroupSettings, type GroupStatus, type RootGroupStatus } from "./group.ts";
import { Http, type Answer, type Ask, type Credentials, type HttpOptions, type SendOptions } from "./http.ts";
import type { paths } from "./openapi.ts";
import { publish, type Published, type PublishOptions } from "./publish.ts";

/**
 * Reading and consuming events below a root. Its only state is the credentials; it sends nothing before a method is called.
 *
 * @typeParam Status the status of its groups
 */
class Listening<Status extends GroupStatus | RootGroupStatus> {
  readonly http: Http;

  constructor(http: Http) {
    this.http = http;
  }

  /**
   * The events whose topic matches a pattern, at least once and in order. Waits for new ones until the signal aborts.
   *
   * @throws PositionGone unless `onGone` says otherwise; ServiceError and Unreachable when the retries are used up
   */
  events<Data = unknown>(
    pattern: string | readonly string[],
    options: EventsOptions = {},
  ): AsyncGenerator<ActorEvent<Data>, void, void> {
    return readEvents<Data>(this.http, pattern, options);
  }

  /** A consumer group. With settings, `run` makes it, or checks that it has them. */
  group(name: string, settings?: GroupSettings): Group<Status> {
    return new Group<Status>(this.http, name, settings);
  }
}

/** An actor by its root URI. */
export class ActorClient extends Listening<GroupStatus> {
  /**
   * Publishes one event under a topic. The request is repeated until there is an answer; the event is published once.
   *
   * @throws ServiceError (`idempotency_conflict`: this `id` published something else); Unreachable
   */
  async publish(topic: string, data: unknown, options: PublishOptions = {}): Promise<Published> {
    return await publish(this.http, topic, data, options);
  }

  /**
   * Sends any other request below the actor: `aw.send((api) => api.GET("/properties/{name}", { params: { path: { name } }
   * }))`. Path, parameters, body and answer have the types of the OpenAPI document; retries and errors are the client's.
   *
   * @throws ServiceError for an answer that is no 2xx; Unreachable when no attempt got one
   */
  async send<Data>(ask: Ask<Data>, options: SendOptions = {}): Promise<Answer<Data>> {
    return await this.http.send(ask, options);
  }
}

/**
 * All actors of a deployment, for its operator. Patterns match `<actorId>.<topic>`; events of different actors have no
 * order.
 */
export class DeploymentClient extends Listening<RootGroupStatus> {
  /** Sends a request to any route of the deployment, as `send` of an actor does. */
  async send<Data>(ask: Ask<Data, paths>, options: SendOptions = {}): Promise<Answer<Data>> {
    return await this.http.send<Data, paths>(ask, options);
  }
}

/** @param url the actor's root URI, such as `https://svc.example/abc` */
export const actor = (url: string, options: Credentials & HttpOptions): ActorClient =>
  new ActorClient(new Http(url, options, options));

/** @param url the deployment's URL, such as `https://svc.example`. @param options the bearer is `OPERATOR_TOKEN` */
export const deployment = (url: string, options: Credentials & HttpOptions): DeploymentClient =>
  new DeploymentClient(new Http(url, options, options));
