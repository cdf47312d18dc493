import { database } from "./dynalite.ts";
import { itemBytes } from "./item-size.ts";
import type { Effect } from "./storage.ts";

const UNIT_BYTES = 1024;

/**
 * The write units of some writes, for the table and each index, in the form of the service's answer. dynalite omits the
 * writes of indexes.
 *
 * @param untouched a table's name for each request that changed nothing
 * @param factor 2 in a transaction, for the table's units; units of an index are the same
 */
export function writeCapacity(
  effects: readonly Effect[],
  untouched: readonly string[],
  factor: 1 | 2,
  detail: unknown,
) {
  const tables = new Map<string, { table: number; indexes: Map<string, number> }>();
  const of = (name: string) => {
    const known = tables.get(name) ?? { table: 0, indexes: new Map<string, number>() };
    tables.set(name, known);
    return known;
  };
  for (const name of untouched) of(name).table += factor;
  for (const effect of effects) {
    const units = of(effect.table.TableName);
    const bytes = Math.max(effect.before ? itemBytes(effect.before) : 0, effect.after ? itemBytes(effect.after) : 0);
    units.table += factor * unitsOf(bytes);
    for (const [index, count] of indexUnits(effect)) {
      units.indexes.set(index, (units.indexes.get(index) ?? 0) + count);
    }
  }
  return [...tables].map(([name, units]) => {
    const total = [...units.indexes.values()].reduce((sum, count) => sum + count, units.table);
    const indexes = [...units.indexes].map(([index, count]) => [index, { CapacityUnits: count }] as const);
    return {
      TableName: name,
      CapacityUnits: total,
      ...(factor === 2 ? { WriteCapacityUnits: total } : {}),
      ...(detail === "INDEXES"
        ? {
            Table: { CapacityUnits: units.table },
            ...(indexes.length > 0 ? { GlobalSecondaryIndexes: Object.fromEntries(indexes) } : {}),
          }
        : {}),
    };
  });
}

const unitsOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / UNIT_BYTES));

/** The units of an index: one write for an entry that is added, deleted or changed, two for one that moves, none otherwise. */
function indexUnits({ table, before, after }: Effect): [string, number][] {
  const units: [string, number][] = [];
  for (const index of table.GlobalSecondaryIndexes ?? []) {
    const old = database.getIndexActions([index], undefined, before, table).puts[0]?.item;
    const { puts, deletes } = database.getIndexActions([index], before, after, table);
    const fresh = puts[0]?.item;
    let count = 0;
    if (deletes.length > 0 && old) count += unitsOf(itemBytes(present(old)));
    if (fresh && JSON.stringify(fresh) !== JSON.stringify(old)) count += unitsOf(itemBytes(present(fresh)));
    if (count > 0) units.push([index.IndexName, count]);
  }
  return units;
}

/** The attributes without those that are undefined, as dynalite projects missing ones. */
function present<T>(item: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => (value as unknown) !== undefined));
}
