/** Stores which places of an actor are public. */
import { publicText } from "../../actors/actor-record.ts";
import type { PublicAccess } from "../../domain/policy/public-access.ts";
import { actorKey } from "../../dynamodb/keys/actors.ts";
import { withdrawalKey } from "../../dynamodb/keys/hub.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import { refusedReasons } from "../../dynamodb/outcomes.ts";
import { all, always, itemExists, missing, TransactionRefused, type Table } from "../../dynamodb/table.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Ids } from "../../system/ports.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";

export interface PublicSettingsDeps extends WakeUpDeps {
  readonly table: Table;
  readonly ids: Pick<Ids, "id">;
}

/**
 * Sets which places anyone may read from now on. Due work withdraws the places that are no longer public. One transaction.
 * @throws ServiceError resource.not_found when the actor is gone or being deleted
 */
export async function openToAnyone(deps: PublicSettingsDeps, actorId: string, access: PublicAccess): Promise<void> {
  const { table, clock, ids } = deps;
  const dueAt = clock.now();
  const { targets } = access;
  const reasons = await refusedReasons(table, [
    {
      update: actorKey(actorId),
      change: { set: { public: publicText(access) } },
      condition: all(itemExists, missing("deleting")),
    },
    // Commits read this from the log's head. Right whatever is stored, because the same transaction checks the actor.
    {
      update: logHeadKey(actorId),
      change: targets.length === 0 ? { remove: ["publicTargets"] } : { set: { publicTargets: printJson(targets) } },
      condition: always,
    },
    // Replaces a withdrawal that is not done yet: the work reads which places are public when it runs.
    { put: { ...withdrawalKey(actorId), revision: ids.id(), dueAt }, condition: always },
  ]);
  if (reasons?.[0]?.code === "condition") throw new ServiceError("resource.not_found", "There is no such actor.");
  if (reasons !== undefined) throw new TransactionRefused(reasons);
  await wakeUp(deps, withdrawalKey(actorId), dueAt);
}
