import { compact } from "./compact.ts";
import { AsyncLocalStorage } from "node:async_hooks";
import type { Deadline } from "./ports.ts";

/** Ids of a request, sent along with the calls to peers on its behalf. */
export interface RequestTrace {
  readonly requestId?: string;
  readonly traceparent?: string;
}

interface Current {
  readonly trace: RequestTrace;
  readonly deadline?: Deadline;
  /** A hook of the application is running: a peer may be waiting for it. */
  readonly hook?: true;
}

const requests = new AsyncLocalStorage<Current>();

/** Runs the work of a request. `currentTrace` and `currentDeadline` give the request's in everything that it calls. */
export async function traced<T>(
  request: RequestTrace & { readonly deadline?: Deadline },
  run: () => Promise<T>,
): Promise<T> {
  const { requestId, traceparent, deadline } = request;
  const trace = compact({ requestId, traceparent });
  return await requests.run(compact({ trace, deadline }), run);
}

/** The ids of the request that is being answered; none in background work. */
export const currentTrace = (): RequestTrace => requests.getStore()?.trace ?? {};

/** The deadline of the request that is being answered, or of the due work that is being done; undefined outside of both. */
export const currentDeadline = (): Deadline | undefined => requests.getStore()?.deadline;

/** Runs work that has to end by a deadline, and by that of the request or the work that it is a part of. */
export async function within<T>(deadline: Deadline, run: () => Promise<T>): Promise<T> {
  const outer = requests.getStore();
  const remaining = (): number => Math.min(deadline.remaining(), outer?.deadline?.remaining() ?? Infinity);
  return await requests.run({ trace: {}, ...outer, deadline: { remaining } }, run);
}

/** Runs a hook of the application. `isInsideHook` is true in everything that it calls. */
export async function insideHook<T>(run: () => Promise<T>): Promise<T> {
  return await requests.run({ trace: {}, ...requests.getStore(), hook: true }, run);
}

/** True inside a hook of the application. */
export const isInsideHook = (): boolean => requests.getStore()?.hook === true;
