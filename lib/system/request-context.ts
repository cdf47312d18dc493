import { compact } from "./compact.ts";
import { AsyncLocalStorage } from "node:async_hooks";
import type { Deadline } from "./ports.ts";

/** Ids of a request; sent along with whatever is asked of peers on its behalf. */
export interface RequestTrace {
  readonly requestId?: string;
  readonly traceparent?: string;
}

interface Current {
  readonly trace: RequestTrace;
  readonly deadline?: Deadline;
  /** An application's hook is running: a peer may be waiting for what it does. */
  readonly hook?: true;
}

const requests = new AsyncLocalStorage<Current>();

/** Runs what answers a request; `currentTrace` and `currentDeadline` give what is the request's wherever that leads. */
export async function traced<T>(
  request: RequestTrace & { readonly deadline?: Deadline },
  run: () => Promise<T>,
): Promise<T> {
  const { requestId, traceparent, deadline } = request;
  const trace = compact({ requestId, traceparent });
  return await requests.run(compact({ trace, deadline }), run);
}

/** The ids of the request that is being answered; none in work that no request began. */
export const currentTrace = (): RequestTrace => requests.getStore()?.trace ?? {};

/** How long the request that is being answered may take; undefined in work that no request began. */
export const currentDeadline = (): Deadline | undefined => requests.getStore()?.deadline;

/** Runs a hook of the application; `isInsideHook` is true wherever that leads. */
export async function insideHook<T>(run: () => Promise<T>): Promise<T> {
  return await requests.run({ trace: {}, ...requests.getStore(), hook: true }, run);
}

/** True in what an application's hook does. */
export const isInsideHook = (): boolean => requests.getStore()?.hook === true;
