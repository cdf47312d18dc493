/**
 * The names below an actor that the service uses for itself, so that no target of the application has them: those of the
 * route table, which a test compares, and those that are kept free for later routes.
 */
const OWN_PATHS: ReadonlySet<string> = new Set([
  ...["meta", "trust", "permissions", "properties", "subscriptions", "suspensions", "callbacks", "peers", "parked"],
  ...["events", "webhooks", "public", "hub", "tasks", "groups", "www"],
]);

/** True for a name below an actor that is the service's own. */
export const isOwnPath = (name: string): boolean => OWN_PATHS.has(name);
