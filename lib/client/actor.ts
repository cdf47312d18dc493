/** One actor of the service, as a program elsewhere has it. */
import { readEvents, type ActorEvent, type EventsOptions } from "./events.ts";
import { Group, type GroupSettings } from "./group.ts";
import { Http, type Answer, type Ask, type Credentials, type HttpOptions, type SendOptions } from "./http.ts";
import { publish, type Published, type PublishOptions } from "./publish.ts";

/** An actor by its root URI. It keeps nothing but the credentials, and nothing is sent before a method is called. */
export class ActorClient {
  readonly http: Http;

  constructor(http: Http) {
    this.http = http;
  }

  /**
   * Publishes one event under a topic. It is tried again until there is an answer, and published once.
   *
   * @throws ServiceError (`idempotency_conflict`: this `id` published something else); Unreachable
   */
  async publish(topic: string, data: unknown, options: PublishOptions = {}): Promise<Published> {
    return await publish(this.http, topic, data, options);
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

  /**
   * Any other request below the actor: `aw.send((api) => api.GET("/properties/{name}", { params: { path: { name } } }))`. Its
   * path, parameters, body and answer are those of the OpenAPI document; retries and errors are those of the client.
   *
   * @throws ServiceError for an answer that is no 2xx; Unreachable when no attempt got one
   */
  async send<Data>(ask: Ask<Data>, options: SendOptions = {}): Promise<Answer<Data>> {
    return await this.http.send(ask, options);
  }

  /** A consumer group. With settings, `run` makes it, or finds that it has them. */
  group(name: string, settings?: GroupSettings): Group {
    return new Group(this.http, name, settings);
  }
}

/** @param url the actor's root URI, such as `https://svc.example/abc` */
export const actor = (url: string, options: Credentials & HttpOptions): ActorClient =>
  new ActorClient(new Http(url, options, options));
