import type { Json } from "../ports.ts";
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

/**
 * The items from `start` (0 or more) on, at most `limit`. One request per level and 100 pages, and one per 100 big
 * elements. What it returns is of one version only if the head is unchanged afterwards. @throws PageGone
 */
export async function listItems(pages: PageReader, shape: Shape, start: number, limit: number): Promise<Json[]> {
  const end = Math.min(shape.count, start + limit);
  if (shape.root === undefined || start >= end) return [];
  const wanted = (span: Span): boolean => span.from < end && span.from + span.total > start;
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
    level = level.filter(wanted);
  }
  const leaves = await pages.nodes(level.map((span) => span.id));
  const elements = leaves.flatMap((leaf, index): readonly Element[] => {
    const span = level[index];
    if (leaf.kind !== "leaf" || span === undefined || leaf.elements.length !== span.total) throw new PageGone();
    return leaf.elements.slice(Math.max(0, start - span.from), end - span.from);
  });
  return pages.values(elements);
}
