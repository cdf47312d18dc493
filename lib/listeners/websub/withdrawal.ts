/** What follows when an owner makes something private again. */
import { isPublic, NOTHING_PUBLIC } from "../../domain/policy/public-access.ts";
import type { ActorStore } from "../../actors/actor-store.ts";
import { hubPartition, PUBLISHED_STATE_PREFIX, withdrawalKey } from "../../dynamodb/keys/hub.ts";
import { deleteIf } from "../../dynamodb/outcomes.ts";
import { deleteRange, pagesOf } from "../../dynamodb/paging.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import { equals, type Table } from "../../dynamodb/table.ts";

/** Deletions at the same time. */
const AT_ONCE = 10;

export interface WithdrawalDeps {
  readonly table: Table;
  readonly actors: Pick<ActorStore, "get">;
}

/** Does what is due after a change of what is public. May be called at any time, by any number of workers at once. */
export async function runDueWithdrawal({ table, actors }: WithdrawalDeps, actorId: string): Promise<void> {
  const key = withdrawalKey(actorId);
  const due = await table.get(key);
  if (due === undefined) return;
  const actor = await actors.get(actorId);
  if (actor === undefined) {
    await deleteRange(table, { pk: hubPartition(actorId), prefix: "" });
    return;
  }
  const access = actor.public ?? NOTHING_PUBLIC;
  const states = pagesOf(table, {
    pk: hubPartition(actorId),
    prefix: PUBLISHED_STATE_PREFIX,
    only: ["path", "record"],
  });
  for await (const page of states) {
    const gone = page.filter(({ path }) => !isPublic(access, String(path).split("/")));
    await mapConcurrent(gone, AT_ONCE, async ({ pk, sk, record = 0 }) => {
      // A newer event was published when the target was public again.
      await deleteIf(table, { pk, sk }, equals("record", record));
    });
  }
  await deleteIf(table, key, equals("revision", due["revision"] ?? ""));
}
