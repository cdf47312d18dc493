import { AsyncLocalStorage } from "node:async_hooks";

/** Ids of a request; sent along with whatever is asked of peers on its behalf. */
export interface RequestTrace {
  readonly requestId?: string;
  readonly traceparent?: string;
}

const traces = new AsyncLocalStorage<RequestTrace>();

/** Runs what answers a request; `currentTrace` gives the request's ids wherever that leads. */
export async function traced<T>(request: RequestTrace, run: () => Promise<T>): Promise<T> {
  const { requestId, traceparent } = request;
  const trace = {
    ...(requestId === undefined ? {} : { requestId }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  return await traces.run(trace, run);
}

/** The ids of the request that is being answered; none in work that no request began. */
export const currentTrace = (): RequestTrace => traces.getStore() ?? {};
