/** Changes of a list's tree, worked out in memory. */
import { compact } from "../system/compact.ts";
import { cutElements, cutEvenly, fits } from "./list-cuts.ts";
import {
  elementBytes,
  FANOUT,
  LEAF_ELEMENTS,
  PageGone,
  shardOf,
  type Element,
  type Inner,
  type Leaf,
  type ListNode,
  type PageReader,
} from "./list-pages.ts";
import { childTotals, pathTo, type Path, type Shape, type Step } from "./list-read.ts";

/**
 * Consecutive fresh leaves of one edit that share a shard of the value index: 10 000 items then join about 512 of its
 * buckets instead of 4 000. Longer lists still spread over all shards.
 */
const SHARD_RUN = 512;

/** A child of a node after the edit: its id, and the number of elements under it. */
interface Child {
  readonly id: string;
  readonly count: number;
}

/**
 * One change of a list's tree: one splice, or several one after another. Nothing is stored here; `editWrites` makes the
 * writes of what the edit has collected.
 *
 * A page of the edit is in one of these states: untouched (in none of the collections); changed (in `pages`); fresh (in
 * `pages` and `fresh`: it is not stored yet); reparented (in `reparented`: only its parent changes); dropped (in
 * `dropped`). A splice changes pages, splits them when too full, and drops them when empty; pages are never joined.
 * Invariants: a page is in at most one of `pages`, `reparented` and `dropped`; a fresh page that is dropped is in none,
 * because it was never stored; `shape` describes the tree after the splices so far.
 */
export class ListEdit {
  readonly #reader: PageReader;
  readonly #newId: () => string;
  #shape: Shape;
  /** Pages to write, as they are after the edit. */
  readonly pages = new Map<string, ListNode>();
  /** Those of `pages` that are not stored yet. */
  readonly fresh = new Set<string>();
  /** Pages to delete. */
  readonly dropped = new Set<string>();
  /** The new parents of pages of which nothing else changes. */
  readonly reparented = new Map<string, string>();
  /** Leaves that were changed or dropped, as they are stored; fresh leaves are not among them. */
  readonly before = new Map<string, Leaf>();
  /** All pages that were dropped, fresh ones too. */
  readonly #removed = new Set<string>();
  #leaves = 0;
  #shard = 0;

  constructor(reader: PageReader, shape: Shape, newId: () => string) {
    this.#reader = reader;
    this.#shape = shape;
    this.#newId = newId;
  }

  get shape(): Shape {
    return this.#shape;
  }

  /** A page as the splices so far leave it. @throws PageGone */
  async node(id: string): Promise<ListNode> {
    const edited = this.pages.get(id);
    if (edited !== undefined) return edited;
    const stored = await this.#reader.node(id);
    const parent = this.reparented.get(id);
    return parent === undefined ? stored : { ...stored, parent };
  }

  /**
   * Removes `remove` elements at `start` and inserts `insert` there. At most one request when that stays within the
   * last page, else one for each level.
   *
   * @param known the path to `start` in the list as it is stored; for the first splice only
   * @throws PageGone
   */
  async splice(start: number, remove: 0 | 1, insert: readonly Element[], known?: Path): Promise<void> {
    const { count, last, root } = this.#shape;
    if (root === undefined || last === undefined) return this.#begin(insert);
    const atEnd = start === count;
    if (known === undefined && start >= count - LEAF_ELEMENTS) {
      const tail = await this.node(last);
      if (tail.kind !== "leaf") throw new PageGone();
      const offset = start - (count - tail.elements.length);
      if (offset >= 0) {
        const elements = tail.elements.toSpliced(offset, remove, ...insert);
        if (fits(elements) && elements.length > 0) return this.#rewrite(tail, elements);
        await this.#reader.existing(this.#shape.spine ?? []);
      }
    }
    const path = known ?? (await pathTo(this, this.#shape, atEnd ? count - 1 : start));
    const offset = atEnd ? path.leaf.elements.length : path.offset;
    const elements = path.leaf.elements.toSpliced(offset, remove, ...insert);
    const groups = elements.length === 0 ? [] : fits(elements) ? [elements] : cutElements(elements, !atEnd);
    this.#account(path.leaf.elements, elements);
    if (groups.length === 0) this.#drop(path.leaf);
    const children = groups.map((group, index): Child => {
      const id = index === 0 ? path.leaf.id : this.#createLeaf();
      if (index === 0) this.#keep(path.leaf);
      const parent = path.leaf.parent;
      this.#write(compact({ kind: "leaf", id, elements: group, parent }));
      return { id, count: group.length };
    });
    this.#replace(path.steps, children, atEnd);
    if (this.#endMoved([...(this.#shape.spine ?? []), last])) await this.#findLast();
  }

  /** The first elements of an empty list. */
  async #begin(insert: readonly Element[]): Promise<void> {
    if (insert.length === 0) return;
    const children = cutElements(insert, false).map((elements): Child => {
      const id = this.#createLeaf();
      this.#write({ kind: "leaf", id, elements });
      return { id, count: elements.length };
    });
    this.#shape = { ...this.#shape, height: 0 };
    this.#account([], insert);
    this.#root(children);
    await this.#findLast();
  }

  #rewrite(leaf: Leaf, elements: readonly Element[]): void {
    this.#account(leaf.elements, elements);
    this.#keep(leaf);
    this.#write({ ...leaf, elements });
  }

  /** Replaces the child that the last step took by `children`, and then the nodes above it. */
  #replace(steps: readonly Step[], children: readonly Child[], atEnd: boolean): void {
    const step = steps.at(-1);
    if (step === undefined) return this.#root(children);
    const above = steps.slice(0, -1);
    const { node, at, total } = step;
    const next = childTotals(node, total)
      .map((count, index): Child => ({ id: node.children[index] ?? "", count }))
      .toSpliced(at, 1, ...children);
    if (next.length === 0) {
      this.#drop(node);
      return this.#replace(above, [], atEnd);
    }
    const groups = next.length <= FANOUT ? [next] : cutEvenly(next, FANOUT, !atEnd);
    const nodes = groups.map((group, index): Child => {
      const id = index === 0 ? node.id : this.#create();
      const written = this.#inner(id, group, node.parent);
      if (index > 0 || differs(node, written)) this.#write(written);
      for (const child of group) if (index > 0 || this.fresh.has(child.id)) this.#setParent(child.id, id);
      return { id, count: totalOf(group) };
    });
    this.#replace(above, nodes, atEnd);
  }

  /** Makes `children` the top of the tree, with as many levels above them as they need. None: the tree is empty. */
  #root(children: readonly Child[]): void {
    let level = children;
    let { height } = this.#shape;
    while (level.length > 1) {
      height += 1;
      level = cutEvenly(level, FANOUT, false).map((group): Child => {
        const id = this.#create();
        this.#write(this.#inner(id, group));
        for (const child of group) this.#setParent(child.id, id);
        return { id, count: totalOf(group) };
      });
    }
    const { root: _root, last: _last, spine: _spine, ...shape } = this.#shape;
    const [top] = level;
    this.#shape = top === undefined ? { ...shape, height: 0 } : { ...this.#shape, height, root: top.id };
  }

  /** Whether the path along the end of the tree, from the root to the last leaf, has changed. */
  #endMoved(way: readonly string[]): boolean {
    return way.some((id, level) => {
      const page = this.pages.get(id);
      const moved = page?.kind === "inner" && page.children.at(-1) !== way[level + 1];
      return moved || this.#removed.has(id) || (level === 0 && id !== this.#shape.root);
    });
  }

  /** Finds the last leaf, and the path to it, after the end of the tree changed. */
  async #findLast(): Promise<void> {
    if (this.#shape.root === undefined) return;
    const spine: string[] = [];
    let id = this.#shape.root;
    for (;;) {
      const node = await this.node(id);
      if (node.kind === "leaf") break;
      spine.push(id);
      id = node.children.at(-1) ?? "";
    }
    this.#shape = { ...this.#shape, last: id, spine };
  }

  #inner(id: string, group: readonly Child[], parent?: string): Inner {
    return compact({
      kind: "inner",
      id,
      children: group.map((child) => child.id),
      counts: group.slice(0, -1).map((child) => child.count),
      parent,
    });
  }

  #create(id = this.#newId()): string {
    this.fresh.add(id);
    return id;
  }

  #createLeaf(): string {
    let id = this.#newId();
    if (this.#leaves++ % SHARD_RUN === 0) this.#shard = shardOf(id);
    while (shardOf(id) !== this.#shard) id = this.#newId();
    return this.#create(id);
  }

  /** A page that is written whole carries its parent with it. */
  #write(page: ListNode): void {
    this.pages.set(page.id, page);
    this.reparented.delete(page.id);
  }

  #keep(leaf: Leaf): void {
    if (!this.fresh.has(leaf.id) && !this.before.has(leaf.id)) this.before.set(leaf.id, leaf);
  }

  #drop(node: ListNode): void {
    if (node.kind === "leaf") this.#keep(node);
    this.#removed.add(node.id);
    this.pages.delete(node.id);
    this.reparented.delete(node.id);
    // A fresh page is not stored, so there is nothing to delete.
    if (!this.fresh.delete(node.id)) this.dropped.add(node.id);
  }

  #setParent(id: string, parent: string): void {
    const page = this.pages.get(id);
    if (page === undefined) this.reparented.set(id, parent);
    else this.pages.set(id, { ...page, parent });
  }

  #account(before: readonly Element[], after: readonly Element[]): void {
    const bytes = (elements: readonly Element[]): number =>
      elements.reduce((sum, element) => sum + elementBytes(element), 0);
    this.#shape = {
      ...this.#shape,
      count: this.#shape.count + after.length - before.length,
      bytes: this.#shape.bytes + bytes(after) - bytes(before),
    };
  }
}

const totalOf = (children: readonly Child[]): number => children.reduce((sum, child) => sum + child.count, 0);

function differs(one: Inner, other: Inner): boolean {
  return (
    one.children.length !== other.children.length ||
    one.children.some((child, index) => child !== other.children[index]) ||
    one.counts.some((count, index) => count !== other.counts[index])
  );
}
