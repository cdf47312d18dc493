/** The head of an actor's own list property, as it is stored in the place of a property's value. */
import { compact } from "../system/compact.ts";
import { ownListPartition } from "../dynamodb/keys/replica.ts";
import type { Item, Key } from "../dynamodb/table.ts";
import { EMPTY_SHAPE } from "../lists/list-edit.ts";
import type { Shape } from "../lists/list-edit.ts";
import type { JsonObject } from "../system/ports.ts";

/** What is said of a list beside its items; empty texts say nothing. */
export interface ListWords {
  readonly description: string;
  readonly explanation: string;
}

/** One list property. Its pages are in the partition of its generation, and change only together with this head. */
export interface OwnList extends ListWords {
  readonly name: string;
  /** Of the pages; `clear` and a deletion leave it to the sweep. */
  readonly generation: string;
  readonly shape: Shape;
  /** The record of its last change: two heads with the same one are the same. */
  readonly last: number;
}

/** What a list is, as a caller asks for it by `?format=short` or `/metadata`. */
export function listMetadata(list: OwnList): JsonObject {
  const { name, shape, description, explanation } = list;
  return { name, _list: true, count: shape.count, description, explanation };
}

/** How many bytes the items take as the JSON text of one array. */
export const listBytes = ({ shape }: OwnList): number => 2 + shape.bytes + Math.max(0, shape.count - 1);

/** A list without items, not stored yet. */
export function emptyList(name: string, generation: string): OwnList {
  return { name, generation, shape: EMPTY_SHAPE, last: 0, description: "", explanation: "" };
}

/** Whether a stored property is a list. */
export const isListItem = (item: Item): boolean => item["generation"] !== undefined;

/** The stored form, after the change with this record. */
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

/** What an item written by `listItem` says. */
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
