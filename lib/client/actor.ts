/** One actor of the service, and all actors of a deployment, as a program elsewhere has them. */
import { readEvents, type ActorEvent, type EventsOptions } from "./events.ts";
import { Group, type GroupSettings, type GroupStatus, type RootGroupStatus } from "./group.ts";
import { Http, type Answer, type Ask, type Credentials, type HttpOptions, type SendOptions } from "./http.ts";
import type { paths } from "./openapi.ts";
import { publish, type Published, type PublishOptions } from "./publish.ts";

/**
 * What listens below a root. It keeps nothing but the credentials, and nothing is sent before a method is called.
 *
 * @typeParam Status how its groups stand
 */
class Listening<Status extends GroupStatus | RootGroupStatus> {
  readonly http: Http;

  constructor(http: Http) {
    this.http = http;
  }

  /**
   * The events whose topic one of the patterns names, waiting for new ones: at least once, in order, until the signal aborts.
   *
   * @throws PositionGone unless `onGone` says otherwise; ServiceError and Unreachable when the retries are used up
   */
  events<Data = unknown>(
    pattern: string | readonly string[],
    options: EventsOptions = {},
  ): AsyncGenerator<ActorEvent<Data>, void, void> {
    return readEvents<Data>(this.http, pattern, options);
  }

  /** A consumer group. With settings, `run` makes it, or finds that it has them. */
  group(name: string, settings?: GroupSettings): Group<Status> {
    return new Group<Status>(this.http, name, settings);
  }
}

/** An actor by its root URI. */
export class ActorClient extends Listening<GroupStatus> {
  /**
   * Publishes one event under a topic. It is tried again until there is an answer, and published once.
   *
   * @throws ServiceError (`idempotency_conflict`: this `id` published something else); Unreachable
   */
  async publish(topic: string, data: unknown, options: PublishOptions = {}): Promise<Published> {
    return await publish(this.http, topic, data, options);
  }

  /**
   * Any other request below the actor: `aw.send((api) => api.GET("/properties/{name}", { params: { path: { name } } }))`. Its
   * path, parameters, body and answer are those of the OpenAPI document; retries and errors are those of the client.
   *
   * @throws ServiceError for an answer that is no 2xx; Unreachable when no attempt got one
   */
  async send<Data>(ask: Ask<Data>, options: SendOptions = {}): Promise<Answer<Data>> {
    return await this.http.send(ask, options);
  }
}

/** All actors of a deployment, for its operator: patterns are over `<actorId>.<topic>`, and there is no order between actors. */
export class DeploymentClient extends Listening<RootGroupStatus> {
  /** A request to any route of the deployment, as `send` of an actor. */
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
