import { AsyncLocalStorage } from "node:async_hooks";
import type { Deadline } from "../ports.ts";

/** Ids of a request; sent along with whatever is asked of peers on its behalf. */
export interface RequestTrace {
  readonly requestId?: string;
  readonly traceparent?: string;
}

interface Current {
  readonly trace: RequestTrace;
  readonly deadline?: Deadline;
}

const requests = new AsyncLocalStorage<Current>();

/** Runs what answers a request; `currentTrace` and `currentDeadline` give what is the request's wherever that leads. */
export async function traced<T>(
  request: RequestTrace & { readonly deadline?: Deadline },
  run: () => Promise<T>,
): Promise<T> {
  const { requestId, traceparent, deadline } = request;
  const trace = {
    ...(requestId === undefined ? {} : { requestId }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  return await requests.run({ trace, ...(deadline === undefined ? {} : { deadline }) }, run);
}

/** The ids of the request that is being answered; none in work that no request began. */
export const currentTrace = (): RequestTrace => requests.getStore()?.trace ?? {};

/** How long the request that is being answered may take; undefined in work that no request began. */
export const currentDeadline = (): Deadline | undefined => requests.getStore()?.deadline;
