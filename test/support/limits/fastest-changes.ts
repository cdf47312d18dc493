/** How many changes a second one actor takes: what the partition of its log's head allows, and what clients reach that never pause. */
import { logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { SimulatedDeployment } from "./deployment.ts";
import { PARTITION, type PartitionLimits } from "./partition-limits.ts";

const SECOND = 1_000;

export interface FastestChangesReport {
  readonly deployment: SimulatedDeployment;
  /** Write units that one change takes of the partition of the log's head. */
  readonly unitsOfHead: number;
  /** Changes a second that this partition allows. */
  readonly computed: number;
  /** Changes a second that were answered 204. */
  readonly simulated: number;
  /** Answers other than that. */
  readonly refused: number;
}

/** What changes of an actor take of the partition of its log's head, units for each. */
export function unitsOfHead(limits: PartitionLimits, actorId: string, changes: number): number {
  const { pk } = logHeadKey(actorId);
  return (limits.partitions.find(({ name }) => name === pk)?.units.write ?? 0) / changes;
}

/** Clients that change properties of one actor, each the next as soon as the last is answered, on as many instances. */
export async function fastestChanges(options: {
  readonly clients: number;
  readonly seconds: number;
  readonly tableMs?: number;
  readonly seed?: number;
}): Promise<FastestChangesReport> {
  const { clients, seconds, tableMs = 5, seed = 1 } = options;
  const deployment = new SimulatedDeployment({ origin: "https://publisher.example.com", seed, tableMs, workers: 10 });
  const { time, host } = deployment;
  const actor = await host.actor();
  const end = time.now + seconds * SECOND;
  const counts = { done: 0, refused: 0, inTime: 0 };
  let running = clients;
  const client = async (name: string): Promise<void> => {
    for (let value = 0; time.now < end; value += 1) {
      const asking = { headers: actor.as, json: value };
      const { status } = await deployment.ask("api", "PUT", `${actor.root}/properties/${name}`, asking);
      if (status !== 204) counts.refused += 1;
      else counts.done += 1;
      if (status === 204 && time.now <= end) counts.inTime += 1;
    }
    running -= 1;
  };
  deployment.begin({ lost: true });
  for (let index = 0; index < clients; index += 1) void client(`n${String(index)}`);
  await time.passUntil(() => running === 0, end + 60 * SECOND);
  const units = unitsOfHead(deployment.limits, actor.id, counts.done);
  return {
    deployment,
    unitsOfHead: units,
    computed: PARTITION.write / units,
    simulated: counts.inTime / seconds,
    refused: counts.refused,
  };
}
