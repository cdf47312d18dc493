import { compact } from "./compact.ts";
import { AsyncLocalStorage } from "node:async_hooks";
import type { Deadline } from "./ports.ts";

/** Ids of a request, sent along with the calls to peers on its behalf. */
export interface RequestTrace {
  readonly requestId?: string;
  readonly traceparent?: string;
}

interface RequestContext extends RequestTrace {
  readonly deadline?: Deadline;
  /** A hook of the application is running: a peer may be waiting for it. */
  readonly hook?: true;
  /** How many hooks on events led to what runs, one after another. */
  readonly hops?: number;
}

/** The request whose work runs: `run` it within this, so that the functions below give what is the request's. */
export const requestContext = new AsyncLocalStorage<RequestContext>();

/** The ids of the request that is being answered; none in background work. */
export function currentTrace(): RequestTrace {
  const { requestId, traceparent } = requestContext.getStore() ?? {};
  return compact({ requestId, traceparent });
}

/** What a change is recorded with: the `traceparent` of its request, and how many hooks on events led to it. */
export function currentCause(): { readonly traceparent?: string; readonly hops?: number } {
  const { traceparent, hops } = requestContext.getStore() ?? {};
  return compact({ traceparent, hops });
}

/** The deadline of the request that is being answered, or of the due work that is being done; undefined outside of both. */
export const currentDeadline = (): Deadline | undefined => requestContext.getStore()?.deadline;

/** Runs work that has to end by a deadline, and by that of the request or the work that it is a part of. */
export async function within<T>(deadline: Deadline, run: () => Promise<T>): Promise<T> {
  const outer = requestContext.getStore();
  const remaining = (): number => Math.min(deadline.remaining(), outer?.deadline?.remaining() ?? Infinity);
  return await requestContext.run({ ...outer, deadline: { remaining } }, run);
}

/** Runs a hook of the application. `isInsideHook` is true in everything that it calls. */
export async function insideHook<T>(run: () => Promise<T>): Promise<T> {
  return await requestContext.run({ ...requestContext.getStore(), hook: true }, run);
}

/** The same for a hook on an actor's own event: what it changes is recorded with its cause. */
export async function insideEventHook<T>(
  cause: { readonly hops: number; readonly traceparent?: string },
  run: () => Promise<T>,
): Promise<T> {
  return await requestContext.run({ ...requestContext.getStore(), ...cause, hook: true }, run);
}

/** True inside a hook of the application. */
export const isInsideHook = (): boolean => requestContext.getStore()?.hook === true;
