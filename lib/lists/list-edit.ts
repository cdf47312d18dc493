import { compact } from "../system/compact.ts";
import { cutElements, cutEvenly, fits } from "./list-cuts.ts";
import { elementBytes, FANOUT, LEAF_ELEMENTS, PageGone, shardOf } from "./list-pages.ts";
import type { Element, Inner, Leaf, ListNode, PageReader } from "./list-pages.ts";

/** The shape of a list: what its head says of the pages. */
export interface Shape {
  readonly count: number;
  readonly bytes: number;
  readonly height: number;
  readonly root?: string;
  /** The last leaf, and the inner nodes from the root down to it: they are found in one request at any height. */
  readonly last?: string;
  readonly spine?: readonly string[];
}

export const EMPTY_SHAPE: Shape = { count: 0, bytes: 0, height: 0 };

/**
 * So many fresh leaves of one edit, one after another, share a shard of the value index: 10 000 items then join about 512
 * of its buckets instead of 4 000. Longer lists still spread over all shards.
 */
const SHARD_RUN = 512;

/** What one step down a tree went through. */
export interface Step {
  readonly node: Inner;
  /** Which child was taken. */
  readonly at: number;
  /** Elements under the node. */
  readonly total: number;
}

export interface Path {
  /** From the root down. */
  readonly steps: readonly Step[];
  readonly leaf: Leaf;
  /** The place of the sought element in the leaf. */
  readonly offset: number;
}

/** The elements under each child of a node that holds `total`. */
export function childTotals(node: Inner, total: number): number[] {
  return [...node.counts, total - node.counts.reduce((sum, count) => sum + count, 0)];
}

/** Finds the leaf with the element at `index` (0 ≤ index < count): one request a level. @throws PageGone */
export async function pathTo(pages: Pick<PageReader, "node">, shape: Shape, index: number): Promise<Path> {
  const steps: Step[] = [];
  let node = await pages.node(shape.root ?? "");
  let offset = index;
  let total = shape.count;
  while (node.kind === "inner") {
    const totals = childTotals(node, total);
    let at = 0;
    while (at < totals.length - 1 && offset >= (totals[at] ?? 0)) offset -= totals[at++] ?? 0;
    steps.push({ node, at, total });
    total = totals[at] ?? 0;
    node = await pages.node(node.children[at] ?? "");
  }
  if (offset >= node.elements.length) throw new PageGone();
  return { steps, leaf: node, offset };
}

/** A child's place in its parent, as it is to be: an id and the elements under it. */
interface Child {
  readonly id: string;
  readonly count: number;
}

/**
 * One change of a list's tree, worked out in memory, of one splice or several one after another. Pages that are written
 * get into `pages`; nothing is stored here. Pages split when too full and go when empty; they are not joined.
 */
export class ListEdit {
  readonly #reader: PageReader;
  readonly #newId: () => string;
  #shape: Shape;
  /** Pages to write, as they are to be. */
  readonly pages = new Map<string, ListNode>();
  /** Those of them that did not exist before. */
  readonly fresh = new Set<string>();
  /** Pages to delete. */
  readonly dropped = new Set<string>();
  /** Pages of which only the parent changes. */
  readonly reparented = new Map<string, string>();
  /** Leaves that were changed or dropped, as they are stored; a fresh one is not among them. */
  readonly before = new Map<string, Leaf>();
  /** All that went, also what no more than an earlier splice had made. */
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
   * Takes out `remove` elements (0 or 1) at `start` and puts `insert` there. At most one request when it stays within
   * the last page, else one a level. `known` is the way there in the list as it is stored: for a first splice only.
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

  /** Puts `children` in the place of the child that the last step took, and so on upwards. */
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

  /** Makes `children` the top of the tree, with as many levels above them as they need. */
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

  /** Whether the way along the end of the tree, the last leaf included, is another than it was. */
  #endMoved(way: readonly string[]): boolean {
    return way.some((id, level) => {
      const page = this.pages.get(id);
      const moved = page?.kind === "inner" && page.children.at(-1) !== way[level + 1];
      return moved || this.#removed.has(id) || (level === 0 && id !== this.#shape.root);
    });
  }

  /** After the end of the tree changed: which leaf is the last one now, and the way there. */
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

  /** What is written whole carries its parent with it. */
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
    // What no more than an earlier splice had made is not stored.
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
