/** Ways to make the publisher wrong, each of which the simulation has to see. */
import { inboundOfKey, PEER_MARKER_PREFIX } from "../../../lib/dynamodb/keys/publishing.ts";
import type { Condition, Item, Page, Table, Write } from "../../../lib/dynamodb/table.ts";
import { breaking, names, without } from "../simulation/sabotage.ts";

/** A table whose writes have their conditions changed, those in transactions too. */
export function breakingAll(table: Table, change: (condition: Condition) => Condition): Table {
  return {
    ...breaking(table, change),
    transact: async (writes) => {
      await table.transact(writes.map((write): Write => ({ ...write, condition: change(write.condition) })));
    },
  };
}

/** A table that hides an attribute, as if no code read it. */
export function blindTo(table: Table, name: string): Table {
  const blind = (item: Item): Item => Object.fromEntries(Object.entries(item).filter(([key]) => key !== name)) as Item;
  const page = ({ items, ...rest }: Page): Page => ({ ...rest, items: items.map(blind) });
  return {
    ...breaking(table, (condition) => condition),
    get: async (...given) => {
      const found = await table.get(...given);
      return found === undefined ? undefined : blind(found);
    },
    getMany: async (...given) => (await table.getMany(...given)).map(blind),
    query: async (range) => page(await table.query(range)),
    update: async (...given) => blind(await table.update(...given)),
  };
}

const isAbout =
  (name: string, ...kinds: readonly Condition["is"][]) =>
  (part: Condition): boolean =>
    kinds.includes(part.is) && names(part).includes(name);

/** A table whose transactions change their updates of the log's head, or leave out their writes of peers' markers. */
function transacting(table: Table, change: (write: Write) => readonly Write[]): Table {
  return {
    ...breaking(table, (condition) => condition),
    transact: async (writes) => {
      await table.transact(writes.flatMap(change));
    },
  };
}

/** The log's head does not note what its buckets hold. */
function uncounted(write: Write): readonly Write[] {
  if (!("update" in write) || write.change.set?.["buckets"] === undefined) return [write];
  const { buckets: _, ...set } = write.change.set;
  return [{ ...write, change: { ...write.change, set } }];
}

const isPeerMarker = (write: Write): boolean =>
  ("put" in write && write.put.sk.startsWith(PEER_MARKER_PREFIX)) ||
  ("delete" in write && write.delete.sk.startsWith(PEER_MARKER_PREFIX));

/** What goes wrong, and a table on which it does; troubled schedules show it soon. */
export const SABOTAGES: Readonly<Record<string, (table: Table) => Table>> = {
  "a pause that a peer has asked for is not heeded": (table) => blindTo(table, "pausedUntil"),
  "a shorter pause takes the place of a longer one": (table) =>
    breakingAll(table, without(isAbout("pausedUntil", "any", "below"))),
  "a pause that has just begun goes with the one before it": (table) =>
    breakingAll(table, without(isAbout("pausedUntil", "equals"))),
  "a subscription that its peer asks for again is put off by what the peer answered before": (table) =>
    breaking(table, without(isAbout("renewed", "equals", "missing"))),
  "a subscription that its peer knows again is put off as if it did not": (table) => ({
    ...breaking(table, (condition) => condition),
    update: async (key, change, condition) => {
      const isHead = inboundOfKey(key.sk) !== undefined;
      return await table.update(
        key,
        change,
        isHead ? without(isAbout("dueAt", "equals", "exists"))(condition) : condition,
      );
    },
  }),
  "a subscription comes or goes and its bucket does not count it": (table) => transacting(table, uncounted),
  "a subscription comes or goes and its peer's marker does not say so": (table) =>
    transacting(table, (write) => (isPeerMarker(write) ? [] : [write])),
  "an open breaker is tried with the same subscription every time": (table) => blindTo(table, "breakerProbed"),
};
