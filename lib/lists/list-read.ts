import type { Json } from "../system/ports.ts";
import { childTotals } from "./list-edit.ts";
import type { Shape } from "./list-edit.ts";
import { PageGone } from "./list-pages.ts";
import type { Element, PageReader } from "./list-pages.ts";

interface Span {
  readonly id: string;
  /** Index of the span's first element. */
  readonly from: number;
  readonly total: number;
}

/** The leaves that hold any of what is wanted, in order. One request per level and 100 inner pages. @throws PageGone */
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

/** Reads the ways to elements together, so that going them one by one costs nothing more. @throws PageGone */
export async function readAhead(pages: PageReader, shape: Shape, indices: readonly number[]): Promise<void> {
  const spans = await leafSpans(pages, shape, ({ from, total }) =>
    indices.some((index) => index >= from && index < from + total),
  );
  await pages.nodes(spans.map((span) => span.id));
}

/**
 * The items from `start` (0 or more) on, at most `limit`. One request per level and 100 pages, and one per 100 big
 * elements. What it returns is of one version only if the head is unchanged afterwards. @throws PageGone
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
