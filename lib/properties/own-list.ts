/** The head of an actor's own list property, as it is stored in the place of a property's value. */
import { compact } from "../system/compact.ts";
import { ownListPartition } from "../dynamodb/keys/replica.ts";
import type { Item, Key } from "../dynamodb/table.ts";
import { EMPTY_SHAPE, type Shape } from "../lists/list-read.ts";
import type { JsonObject } from "../system/ports.ts";

/** The texts of a list beside its items; an empty text means that there is none. */
export interface ListWords {
  readonly description: string;
  readonly explanation: string;
}

/** The head of a list property. Its pages are in the partition of its generation, and change only together with it. */
export interface OwnList extends ListWords {
  readonly name: string;
  /** The generation of the pages; `clear` and a deletion leave it to the sweep. */
  readonly generation: string;
  readonly shape: Shape;
  /** The record of its last change, which identifies this version of the list; 0 for a list that is not stored. */
  readonly last: number;
}

/** The list without its items, as `?format=short` and `/metadata` show it. */
export function listMetadata(list: OwnList): JsonObject {
  const { name, shape, description, explanation } = list;
  return { name, _list: true, count: shape.count, description, explanation };
}

/** The bytes of the items as the JSON text of one array. */
export const listBytes = ({ shape }: OwnList): number => 2 + shape.bytes + Math.max(0, shape.count - 1);

/** A list without items that is not stored yet. */
export function emptyList(name: string, generation: string): OwnList {
  return { name, generation, shape: EMPTY_SHAPE, last: 0, description: "", explanation: "" };
}

/** Whether a stored property is a list. */
export const isListItem = (item: Item): boolean => item["generation"] !== undefined;

/** The stored form; `last` is the record of the change that writes it. */
export function listItem(key: Key, list: OwnList, last: number): Item {
  const { generation, description, explanation } = list;
  const { last: tail, spine, root, count, bytes, height } = list.shape;
  return compact({
    ...key,
    last,
    generation,
    count,
    bytes,
    height,
    description,
    explanation,
    root,
    tail,
    spine,
  });
}

/** Reads what `listItem` wrote. */
export function readList(name: string, item: Item): OwnList {
  const { root, tail, spine } = item;
  return {
    name,
    generation: String(item["generation"]),
    shape: compact({
      count: Number(item["count"]),
      bytes: Number(item["bytes"]),
      height: Number(item["height"]),
      root: root === undefined ? undefined : String(root),
      last: tail === undefined ? undefined : String(tail),
      spine: spine === undefined ? undefined : (spine as readonly string[]),
    }),
    last: Number(item["last"]),
    description: String(item["description"]),
    explanation: String(item["explanation"]),
  };
}

/** The partition with the pages of a list. */
export const pagePartition = (actorId: string, { generation }: OwnList): string =>
  ownListPartition(actorId, generation);
