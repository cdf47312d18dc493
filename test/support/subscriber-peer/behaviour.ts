import type { IncomingMessage, ServerResponse } from "node:http";
import { commit, type Fault } from "../publisher/faults.ts";

/** The behaviour of a subscriber at a callback, other than taking it. */
export type Behaviour =
  | Fault
  /** Takes it, but answers only after this many milliseconds. */
  | { readonly kind: "slow"; readonly ms: number }
  /** Takes it, but answers only when `until` resolves. `onGivenUp`: called when the sender closes the connection before. */
  | { readonly kind: "delayed"; readonly until: Promise<unknown>; readonly onGivenUp?: () => void }
  /** Takes nothing and says so. `retryAfter` goes out as it is: seconds or a date. */
  | { readonly kind: "refuse"; readonly status: number; readonly retryAfter?: string };

/** True when the callback is taken all the same. */
export const takes = (behaviour: Behaviour | undefined): boolean =>
  behaviour === undefined || behaviour.kind === "slow" || behaviour.kind === "delayed";

/** Answers a callback as the behaviour says. Gives the status written; 0 for none. */
export function answerCallback(
  behaviour: Behaviour | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): number {
  const accept = (): void => {
    response.writeHead(204).end();
  };
  if (behaviour === undefined) {
    accept();
    return 204;
  }
  if (behaviour.kind === "slow") {
    const timer = setTimeout(accept, behaviour.ms);
    response.on("close", () => clearTimeout(timer));
    return 204;
  }
  if (behaviour.kind === "delayed") {
    response.on("close", () => {
      if (!response.writableEnded) behaviour.onGivenUp?.();
    });
    void behaviour.until.then(accept);
    return 204;
  }
  if (behaviour.kind === "refuse") {
    const { status, retryAfter } = behaviour;
    const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
    return commit({ kind: "status", status, headers, body: "not now" }, request, response);
  }
  return commit(behaviour, request, response);
}
