/** The shape of a list's tree, and reads of its elements. */
import type { Json } from "../system/ports.ts";
import { PageGone, type Element, type Inner, type Leaf, type PageReader } from "./list-pages.ts";

/** The shape of a list: what its head says about the pages. */
export interface Shape {
  readonly count: number;
  readonly bytes: number;
  readonly height: number;
  readonly root?: string;
  /** The last leaf, and the inner nodes from the root down to it: one request reads them at any height. */
  readonly last?: string;
  readonly spine?: readonly string[];
}

/** The shape of a list without items. */
export const EMPTY_SHAPE: Shape = { count: 0, bytes: 0, height: 0 };

/** One step down a tree. */
export interface Step {
  readonly node: Inner;
  /** The index of the child that was taken. */
  readonly at: number;
  /** The number of elements under the node. */
  readonly total: number;
}

/** The path from the root to an element. */
export interface Path {
  /** From the root down; none when the root is the leaf. */
  readonly steps: readonly Step[];
  readonly leaf: Leaf;
  /** The index of the element within the leaf. */
  readonly offset: number;
}

/** The number of elements under each child of a node that has `total` under it. */
export function childTotals(node: Inner, total: number): number[] {
  return [...node.counts, total - node.counts.reduce((sum, count) => sum + count, 0)];
}

/** The path to the element at `index` (0 ≤ index < count): one request for each level. @throws PageGone */
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

/** A node, and the elements of the list under it. */
interface Span {
  readonly id: string;
  /** The index of the first element. */
  readonly from: number;
  readonly total: number;
}

/** The leaves below requested spans, in order. One request for each level and 100 inner pages. @throws PageGone */
async function leafSpans(
  pages: PageReader,
  shape: Shape,
  requested: (span: Span) => boolean,
): Promise<readonly Span[]> {
  if (shape.root === undefined) return [];
  let level: Span[] = [{ id: shape.root, from: 0, total: shape.count }];
  for (let height = shape.height; height > 0; height--) {
    const nodes = await pages.nodes(level.map((span) => span.id));
    level = nodes.flatMap((node, index) => {
      const span = level[index];
      if (node.kind !== "inner" || span === undefined) throw new PageGone();
      let from = span.from;
      return childTotals(node, span.total).map((total, child): Span => {
        const below = { id: node.children[child] ?? "", from, total };
        from += total;
        return below;
      });
    });
    level = level.filter(requested);
  }
  return level;
}

/** Reads the paths to elements together, so that `pathTo` needs no request for each. @throws PageGone */
export async function readAhead(pages: PageReader, shape: Shape, indices: readonly number[]): Promise<void> {
  const spans = await leafSpans(pages, shape, ({ from, total }) =>
    indices.some((index) => index >= from && index < from + total),
  );
  await pages.nodes(spans.map((span) => span.id));
}

/**
 * The items from `start` (0 or more) on, at most `limit`. One request for each level and 100 pages, and one for each
 * 100 parts of big elements. The items are of one version only if the head is unchanged afterwards. @throws PageGone
 */
export async function listItems(pages: PageReader, shape: Shape, start: number, limit: number): Promise<Json[]> {
  const end = Math.min(shape.count, start + limit);
  if (start >= end) return [];
  const spans = await leafSpans(pages, shape, (span) => span.from < end && span.from + span.total > start);
  const leaves = await pages.nodes(spans.map((span) => span.id));
  const elements = leaves.flatMap((leaf, index): readonly Element[] => {
    const span = spans[index];
    if (leaf.kind !== "leaf" || span === undefined || leaf.elements.length !== span.total) throw new PageGone();
    return leaf.elements.slice(Math.max(0, start - span.from), end - span.from);
  });
  return pages.values(elements);
}
