/** Transactions that change a webhook as it was read, repeated on what another writer made of it. */
import { refusedReasons } from "../../dynamodb/outcomes.ts";
import { TransactionRefused, type Table, type Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";

/** More than the writers that one webhook has at the same time: each lost conflict is another writer's success. */
const MOST_CONFLICTS = 8;

/** `done`: the result of an attempt. `found`: another writer came first, so the attempt is to be repeated. */
type Attempted<T> = { readonly done: T } | { readonly found: undefined };

/** Runs a transaction. @throws TransactionRefused when it was refused for another reason than another writer */
export async function written<T>(table: Table, writes: readonly Write[], done: T): Promise<Attempted<T>> {
  const refused = await refusedReasons(table, writes);
  if (refused === undefined) return { done };
  if (!refused.some(({ code }) => code === "condition" || code === "conflict")) throw new TransactionRefused(refused);
  return { found: undefined };
}

/** Repeats an attempt while other writers come first. @throws ServiceError service.unavailable after 8 attempts */
export async function repeated<T>(attempt: () => Promise<Attempted<T>>): Promise<T> {
  const result = await retryOnConflict<undefined, { readonly is: T }>(undefined, MOST_CONFLICTS, async () => {
    const made = await attempt();
    return "done" in made ? { done: { is: made.done } } : made;
  });
  if (result !== undefined) return result.is;
  throw new ServiceError(
    "service.unavailable",
    "The webhook is being changed at the same time; try again in a moment.",
  );
}

/** The error for a webhook that does not exist. */
export const noSuchWebhook = (): ServiceError =>
  new ServiceError("resource.not_found", "There is no webhook with this id.");
