/** Ways to make deliveries without a lease, and resyncs of the log, wrong: the simulation has to see each. */
import { needsOf } from "../../../lib/publishing/subscribers/record-retention.ts";
import type { Service } from "../../../lib/compose/service.ts";
import { inboundOfKey, logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import {
  ConditionFailed,
  type Attribute,
  type Condition,
  type Key,
  type Table,
  type Write,
} from "../../../lib/dynamodb/table.ts";
import type { SubscriptionState } from "../../../lib/domain/log/subscription-log.ts";
import type { FoundHead } from "../../../lib/publishing/delivery/lost-race.ts";
import { breaking, names, without } from "../simulation/sabotage.ts";
import { blindTo } from "./sabotages.ts";
import { ACTOR } from "./violation.ts";

/** One thing that is wrong. */
export interface LoneSabotage {
  readonly table?: (table: Table) => Table;
  readonly service?: (service: Service) => void;
  /** What a delivery without a lease takes its head to be when another writer was first. */
  readonly found?: (found: FoundHead) => FoundHead;
}

type Part = Parameters<Parameters<typeof without>[0]>[0];

const isHead = ({ sk }: Key): boolean => inboundOfKey(sk) !== undefined;
const isLone = (condition: Condition): boolean => names(condition).includes("createdAt");
const isHolders = (condition: Condition): boolean =>
  condition.is === "all" && condition.of.some((part) => part.is === "equals" && part.name === "leaseToken");
const isVersion = (part: Part): boolean => part.is === "equals" && part.name === "version";
const isLease = (part: Part): boolean => part.is === "any" && names(part).includes("leaseToken");

/** Some writes of heads without a part of their condition. */
const dropping =
  (which: (condition: Condition) => boolean, part: (part: Part) => boolean) =>
  (table: Table): Table => ({
    ...breaking(table, (condition) => condition),
    update: async (key, change, condition) =>
      await table.update(key, change, isHead(key) && which(condition) ? without(part)(condition) : condition),
  });

/** What was delivered by others is not in what the writer finds, but what was read last of the head. */
function staleImage(table: Table): Table {
  const read = new Map<string, Attribute | undefined>();
  return {
    ...breaking(table, (condition) => condition),
    getMany: async (...given) => {
      const items = await table.getMany(...given);
      for (const item of items) if (isHead(item)) read.set(item.sk, item["delivery"]);
      return items;
    },
    update: async (key, change, condition) => {
      try {
        return await table.update(key, change, condition);
      } catch (error) {
        if (!(error instanceof ConditionFailed) || error.item === undefined || !isHead(key) || !isLone(condition))
          throw error;
        const { delivery: _, ...rest } = error.item;
        const known = read.get(key.sk);
        throw new ConditionFailed(known === undefined ? rest : { ...rest, delivery: known });
      }
    },
  };
}

const resyncIn = (writes: readonly Write[]): { readonly text: string } | undefined => {
  const texts = writes.flatMap((write) => ("put" in write ? [String(write.put["text"])] : []));
  const text = texts.find((each) => each.includes('"kind":"resync"'));
  return text === undefined ? undefined : { text };
};

/** The transactions of resyncs are changed. */
const resyncing =
  (change: (writes: readonly Write[], table: Table) => Promise<readonly Write[]>) =>
  (table: Table): Table => ({
    ...breaking(table, (condition) => condition),
    transact: async (writes) => {
      await table.transact(resyncIn(writes) === undefined ? writes : await change(writes, table));
    },
  });

/** The number is the next one of the stored head, which has not passed all records. */
async function notAdvanced(writes: readonly Write[], table: Table): Promise<readonly Write[]> {
  const head = writes.find((write) => "update" in write && isHead(write.update));
  if (head === undefined || !("update" in head)) return writes;
  const item = await table.get(head.update);
  if (item === undefined) return writes;
  const { sequence: stored } = JSON.parse(String(item["state"])) as SubscriptionState;
  const sequence = stored + 1;
  return writes.map((write): Write => {
    if ("put" in write && String(write.put["text"]).includes('"kind":"resync"')) {
      const record = JSON.parse(String(write.put["text"])) as object;
      return { ...write, put: { ...write.put, text: JSON.stringify({ ...record, sequence }) } };
    }
    if (write !== head) return write;
    const state = JSON.parse(String(head.change.set?.["state"])) as SubscriptionState;
    const runs = state.runs.map((run) => ({ ...run, sequence }));
    const text = JSON.stringify({ ...state, sequence, cleared: stored, runs });
    return { ...head, change: { ...head.change, set: { ...head.change.set, state: text, sequence } } };
  });
}

/** What goes wrong, and how. */
export const LONE_SABOTAGES: Readonly<Record<string, LoneSabotage>> = {
  "a delivery without a lease is noted although its head has moved": { table: dropping(isLone, isVersion) },
  "a delivery without a lease is noted beside a live one": {
    table: dropping(isLone, isLease),
    found: (found) => ({ ...found, isLeased: false }),
  },
  "a delivery without a lease is added to what it has read, not to what it has found": { table: staleImage },
  "the holder of a lease stores what it knows over what it finds": { table: dropping(isHolders, isVersion) },
  "a resync is no record of the log": {
    table: resyncing(async (writes) => {
      const log = logHeadKey(ACTOR);
      const isHeads = (write: Write): boolean => "update" in write && write.update.sk !== log.sk;
      return await Promise.resolve(writes.filter(isHeads));
    }),
  },
  "records go that only computed heads have passed": {
    service: ({ retention, cursors, inboundHeads, clock }) => {
      const unneeded = retention.unneeded.bind(retention);
      retention.unneeded = async (actorId, _, logHead) => {
        const heads = await cursors.preview(await inboundHeads.all(actorId, logHead.buckets), logHead.newest);
        return await unneeded(actorId, needsOf(heads, clock.now()), logHead);
      };
    },
  },
  "every change is delivered as if it were alone": { table: (table) => blindTo(table, "at") },
  "a number that is cleared is noted": {
    found: (found) => ({ ...found, isSettled: false, isSameRecord: found.isSameRecord || found.isSettled }),
  },
  "a resync takes the number that is next where the head is stored": { table: resyncing(notAdvanced) },
};
