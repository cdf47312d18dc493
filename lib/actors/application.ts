import type { CodeOptions } from "../system/config.ts";
import type { Permissions } from "../domain/policy/permissions.ts";
import type { Scope } from "../domain/terms/scope.ts";
import type { Log } from "../system/ports.ts";

/** The argument of a trust hook. */
export interface TrustEvent {
  readonly actorId: string;
  readonly peerId: string;
  readonly relationship: string;
  readonly approved: boolean;
  readonly peerApproved: boolean;
}

export type TrustHookName = "create" | "approve" | "delete";
export type ActorHookName = "actor_created" | "actor_deleted";

/** Runs the lifecycle hooks of a subscription, whichever side subscribes. Errors of hooks are logged. */
export type SubscriptionLifecycle = (
  name: "subscription_created" | "subscription_deleted",
  event: { readonly actorId: string; readonly peerId: string; readonly subscriptionId: string } & Scope,
) => Promise<void>;

/** What actors and trust need of the deployer's application. */
export interface Application {
  /** For example `urn:actingweb:example.com:myapp`. */
  readonly awType: string;
  readonly desc: string;
  /** A page about the application. */
  readonly info: string;
  /** The application's own version. */
  readonly version: string;
  readonly options: CodeOptions;
  /** Relationships the deployment defines beside or instead of the protocol's. */
  readonly relationships: Readonly<Record<string, Permissions>>;
  runTrustHook(name: TrustHookName, event: TrustEvent): Promise<void>;
  runActorHook(name: ActorHookName, event: { readonly actorId: string; readonly creator: string }): Promise<void>;
}

/** Runs a hook after the fact: an error of the hook is logged and changes nothing. */
export async function runHook(log: Log, name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    log.error("hook failed", { hook: name, error });
  }
}
