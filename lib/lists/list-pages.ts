/** The pages of a list's tree: their form, in memory and as stored, and reading them. */
import { createHash } from "node:crypto";
import { compact } from "../system/compact.ts";
import { canonicalJson } from "../domain/json/canonical-json.ts";
import { parseText } from "../domain/json/json-text.ts";
import { listElementKey, listPageKey } from "../dynamodb/keys/replica.ts";
import type { Attribute, Item, Table } from "../dynamodb/table.ts";
import type { Json } from "../system/ports.ts";

/** An element in a leaf: its JSON text, or, when that is over 32 KB, a reference to the parts of the text. */
export type Element =
  | { readonly text: string }
  | { readonly ref: string; readonly parts: number; readonly bytes: number; readonly digest: string };

/** A page of elements. `parent` is the id of the inner node above; absent on the root. */
export interface Leaf {
  readonly kind: "leaf";
  readonly id: string;
  readonly parent?: string;
  readonly elements: readonly Element[];
}

/**
 * A page of pages. `counts` has the number of elements under each child but the last, whose number is the node's total
 * less the others: so growing or shrinking at the end of the list changes no inner node.
 */
export interface Inner {
  readonly kind: "inner";
  readonly id: string;
  readonly parent?: string;
  readonly children: readonly string[];
  readonly counts: readonly number[];
}

export type ListNode = Leaf | Inner;

/** Most elements of a leaf; a leaf that would have more is split. */
export const LEAF_ELEMENTS = 32;
/** Most bytes of the elements of a leaf that has several. */
export const LEAF_BYTES = 8 * 1024;
/** Most children of an inner node. */
export const FANOUT = 32;
/** An element with more bytes of JSON is stored outside its leaf. */
export const INLINE_BYTES = 32 * 1024;

/** The bytes of an element's JSON text. */
export const elementBytes = (element: Element): number =>
  "text" in element ? Buffer.byteLength(element.text) : element.bytes;

/** The bytes an element takes in its leaf. */
export const inlineBytes = (element: Element): number => ("text" in element ? Buffer.byteLength(element.text) : 100);

/** Equal for equal JSON values: 132 bits of a digest of the canonical text. */
export function digestOf(value: Json): string {
  return createHash("sha256").update(canonicalJson(value)).digest("base64url").slice(0, 22);
}

/** The digest of an element's value, without reading the value. */
export const elementDigest = (element: Element): string =>
  "text" in element ? digestOf(parseText(element.text) as Json) : element.digest;

/** The number of items of the value index that the leaves of one value are spread over. */
export const SHARDS = 8;

/** The shard of the value index for a leaf. */
export function shardOf(leaf: string): number {
  let folded = 0;
  for (let at = 0; at < leaf.length; at++) folded = (folded * 31 + leaf.charCodeAt(at)) >>> 0;
  return folded % SHARDS;
}

/** The stored form of a page. */
export function nodeItem(partition: string, node: ListNode): Item {
  const base = compact({ ...listPageKey(partition, node.id), parent: node.parent });
  if (node.kind === "inner") return { ...base, children: node.children, counts: node.counts };
  return {
    ...base,
    elements: node.elements.map((element): Attribute => ("text" in element ? element.text : { ...element })),
  };
}

/** Reads what `nodeItem` wrote. */
function nodeFromItem(item: Item): ListNode {
  const base = compact({
    id: item.sk.slice(2),
    parent: item["parent"] === undefined ? undefined : String(item["parent"]),
  });
  if (item["children"] !== undefined) {
    return { ...base, kind: "inner", children: item["children"] as string[], counts: item["counts"] as number[] };
  }
  const elements = item["elements"] as readonly (string | Exclude<Element, { readonly text: string }>)[];
  return {
    ...base,
    kind: "leaf",
    elements: elements.map((element) => (typeof element === "string" ? { text: element } : element)),
  };
}

/** A page is missing because the list has changed since its head was read. */
export class PageGone extends Error {
  override readonly name = "PageGone";
  constructor() {
    super("A page of a list has been deleted.");
  }
}

/** Reads the pages of one generation, each at most once. */
export class PageReader {
  readonly #table: Table;
  readonly partition: string;
  readonly #known = new Map<string, ListNode>();

  /** @param known pages that need no request, as they are stored under the head that was read */
  constructor(table: Table, partition: string, known: Iterable<ListNode> = []) {
    this.#table = table;
    this.partition = partition;
    for (const node of known) this.#known.set(node.id, node);
  }

  /** One page; no request when it was read before. @throws PageGone */
  async node(id: string): Promise<ListNode> {
    const [node] = await this.nodes([id]);
    if (node === undefined) throw new PageGone();
    return node;
  }

  /** Pages in the order of `ids`, in one request for each 100 that were not read before. @throws PageGone */
  async nodes(ids: readonly string[]): Promise<ListNode[]> {
    const found = await this.existing(ids);
    return found.map((node) => {
      if (node === undefined) throw new PageGone();
      return node;
    });
  }

  /** The same, with undefined for a page that is not there. */
  async existing(ids: readonly string[]): Promise<(ListNode | undefined)[]> {
    const unknown = [...new Set(ids.filter((id) => !this.#known.has(id)))];
    const keys = unknown.map((id) => listPageKey(this.partition, id));
    const [only] = keys;
    if (keys.length === 1 && only !== undefined) {
      const item = await this.#table.get(only);
      if (item !== undefined) this.#remember(item);
    } else if (keys.length > 0) {
      for (const item of await this.#table.getMany(keys)) this.#remember(item);
    }
    return ids.map((id) => this.#known.get(id));
  }

  /**
   * The values of elements, in order. One request for each 100 parts of elements outside their leaves. @throws PageGone
   */
  async values(elements: readonly Element[]): Promise<Json[]> {
    const keys = elements.flatMap((element) =>
      "text" in element
        ? []
        : Array.from({ length: element.parts }, (_, part) => listElementKey(this.partition, element.ref, part)),
    );
    const items = keys.length === 0 ? [] : await this.#table.getMany(keys);
    const texts = new Map(items.map((item) => [item.sk, String(item["text"])]));
    return elements.map((element) => {
      if ("text" in element) return parseText(element.text) as Json;
      const parts = Array.from({ length: element.parts }, (_, part) =>
        texts.get(listElementKey(this.partition, element.ref, part).sk),
      );
      if (parts.includes(undefined)) throw new PageGone();
      return parseText(parts.join("")) as Json;
    });
  }

  #remember(item: Item): void {
    const node = nodeFromItem(item);
    this.#known.set(node.id, node);
  }
}
