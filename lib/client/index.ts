/** The client of the service: what a program elsewhere imports as `actingweb-serverless/client`. */
export { actor, ActorClient, deployment, DeploymentClient } from "./actor.ts";
export type { Handler, Message, RunOptions } from "./consuming.ts";
export {
  ConfigDiffers,
  Fenced,
  Held,
  PositionGone,
  RateLimited,
  ServiceError,
  Unreachable,
  type ErrorCode,
  type ErrorDetails,
} from "./errors.ts";
export { SNAPSHOT, type ActorEvent, type EventsOptions } from "./events.ts";
export { Gapless, gapless, type Gap } from "./gapless.ts";
export {
  Group,
  type Ack,
  type Acknowledged,
  type AckItem,
  type Batch,
  type Fetched,
  type FetchOptions,
  type GroupSettings,
  type GroupStatus,
  type Lease,
  type RootGroupStatus,
  type Verdict,
} from "./group.ts";
export type { Answer, Ask, Credentials, HttpOptions, Machine, SendOptions } from "./http.ts";
export type { Published, PublishOptions } from "./publish.ts";
export { AlreadyRegistered, Registry, type Subscription } from "./registry.ts";
export type { ActorRoutes, Schemas } from "./routes.ts";
export { Worker } from "./worker.ts";
