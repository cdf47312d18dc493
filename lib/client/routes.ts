/** The types of the service's routes, from the OpenAPI document. */
import type { components, paths } from "./openapi.ts";

/** The schemas of the document. */
export type Schemas = components["schemas"];

/** An operation of an actor, without the actor in its parameters. */
type BelowActor<Operation> = Operation extends { parameters: { path: infer Path } & (infer All) }
  ? Omit<Operation, "parameters"> & {
      parameters: Omit<All, "path"> & (keyof Path extends "actorId" ? unknown : { path: Omit<Path, "actorId"> });
    }
  : Operation;

/** The routes of an actor, without the actor in their paths and parameters: `/events`, `/groups/{group}`. */
export type ActorRoutes = {
  [Path in keyof paths as Path extends `/{actorId}${infer Below}` ? Below : never]: {
    [Method in keyof paths[Path]]: BelowActor<paths[Path][Method]>;
  };
};
