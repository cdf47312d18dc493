/** How this subscriber keeps its copy. Written from the wire contract alone, apart from the service on purpose. */
import { isObject, sameJson, type Json, type JsonObject } from "../publisher/json.ts";

/** What a diff says; `overwritten` is undefined when the publisher does not send the field. */
export interface DiffContent {
  readonly data: Json;
  readonly overwritten?: readonly string[] | undefined;
}

/** How many names lead to where list operations can stand in a subscription's data. */
export type ListDepth = 0 | 1 | "nowhere";

/**
 * What a place holds after a diff; undefined is nothing. The value given is not changed, so older copies can be kept.
 * @throws Error for a list operation that does not fit the list it is for: the copies have diverged
 */
export function afterDiff(before: Json | undefined, diff: DiffContent, lists: ListDepth): Json | undefined {
  return merged(before, diff.data, { literal: new Set(diff.overwritten), lists }, "", 0);
}

interface Rules {
  readonly literal: ReadonlySet<string>;
  readonly lists: ListDepth;
}

function merged(here: Json | undefined, said: Json, rules: Rules, place: string, depth: number): Json | undefined {
  if (rules.literal.has(place)) return said;
  if (said === "" || said === null) return undefined;
  if (!isObject(said)) return said;
  if (depth === rules.lists && typeof said["operation"] === "string" && "list" in said) return operated(here, said);
  const kept = new Map(Object.entries(isObject(here) ? here : {}));
  for (const [key, part] of Object.entries(said)) {
    const step = key.replaceAll("~", "~0").replaceAll("/", "~1");
    const after = merged(kept.get(key), part, rules, `${place}/${step}`, depth + 1);
    if (after === undefined) kept.delete(key);
    else kept.set(key, after);
  }
  return Object.fromEntries(kept);
}

/** Strict: what a publisher says of a list must be exactly so. */
function operated(here: Json | undefined, said: JsonObject): Json | undefined {
  const { operation, index, item, items, old_item: old, length } = said;
  const broken = (why: string): Error =>
    new Error(`${String(operation)} does not fit: ${why}: ${JSON.stringify(said)}`);
  if (here !== undefined && !Array.isArray(here)) throw broken("what is there is no list");
  const list = [...(here ?? [])];
  const at = (highest: number): number => {
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) > highest) throw broken("index");
    return index as number;
  };
  const known = (value: Json | undefined): Json => {
    if (value === undefined) throw broken("something is missing");
    return value;
  };
  switch (operation) {
    case "append":
      list.push(...(Array.isArray(items) ? items : [known(item)]));
      break;
    case "extend":
      if (!Array.isArray(items)) throw broken("no items");
      list.push(...items);
      break;
    case "insert":
      list.splice(at(list.length), 0, known(item));
      break;
    case "update": {
      const row = index === undefined ? onlyRow(list, old) : at(list.length - 1);
      if (row === undefined) throw broken("no such row");
      if (old !== undefined && !sameJson(list[row], old)) throw broken("another item was there");
      list[row] = known(item);
      break;
    }
    case "delete":
      list.splice(at(list.length - 1), 1);
      break;
    case "pop":
      if (list.length === 0) throw broken("the list is empty");
      list.splice(index === undefined || index === null || index === -1 ? list.length - 1 : at(list.length - 1), 1);
      break;
    case "remove": {
      const row = list.findIndex((one) => sameJson(one, known(item)));
      if (row < 0) throw broken("no such item");
      list.splice(row, 1);
      break;
    }
    case "clear":
      list.length = 0;
      break;
    case "delete_all":
      return undefined;
    case "metadata":
      break;
    default:
      throw broken("no such operation");
  }
  if (length !== list.length) throw broken(`${list.length} items are here`);
  return list;
}

function onlyRow(list: readonly Json[], old: Json | undefined): number | undefined {
  const rows = list.flatMap((one, row) => (sameJson(one, old) ? [row] : []));
  return rows.length === 1 ? rows[0] : undefined;
}
