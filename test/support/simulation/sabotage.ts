/** Ways to leave a condition out, so that a test can show what it is for. */
import { always } from "../../../lib/dynamodb/table.ts";
import type { Condition, Table } from "../../../lib/dynamodb/table.ts";

/** Any part of a condition, with the attribute it is about, if it is about one. */
type Part = Condition & { readonly name?: string };

/** Every attribute a condition is about. */
export function names(condition: Condition): readonly string[] {
  if (condition.is === "all" || condition.is === "any") return condition.of.flatMap(names);
  if (condition.is === "not") return names(condition.of);
  return "name" in condition ? [condition.name] : [];
}

/** A condition without the parts that match. */
export function without(matches: (part: Part) => boolean): (condition: Condition) => Condition {
  const strip = (condition: Condition): Condition => {
    if (matches(condition)) return always;
    if (condition.is === "all") return { is: "all", of: condition.of.map(strip) };
    return condition;
  };
  return strip;
}

/** A table whose single writes have their conditions changed. */
export function breaking(table: Table, change: (condition: Condition) => Condition): Table {
  return {
    get: (key, options) => table.get(key, options),
    getMany: (keys, options) => table.getMany(keys, options),
    query: (range) => table.query(range),
    queryDue: (shard, until, limit) => table.queryDue(shard, until, limit),
    put: (item, condition) => table.put(item, change(condition)),
    update: (key, updated, condition) => table.update(key, updated, change(condition)),
    delete: (key, condition) => table.delete(key, change(condition)),
    transact: (writes) => table.transact(writes),
    deleteMany: (keys) => table.deleteMany(keys),
  };
}
