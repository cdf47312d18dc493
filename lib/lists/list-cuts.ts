/** Cuts of what is too much for one page of a list. */
import { inlineBytes, LEAF_BYTES, LEAF_ELEMENTS, type Element } from "./list-pages.ts";

/** Whether elements fit into one leaf. */
export function fits(elements: readonly Element[]): boolean {
  if (elements.length > LEAF_ELEMENTS) return false;
  return elements.length <= 1 || elements.reduce((sum, element) => sum + inlineBytes(element), 0) <= LEAF_BYTES;
}

/**
 * Groups that fit into leaves: filled one after another, or (`evenly`) of about equal size, so that the next insertion
 * there does not split again.
 */
export function cutElements(elements: readonly Element[], evenly: boolean): Element[][] {
  const sizes = elements.map(inlineBytes);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const most = evenly ? Math.min(LEAF_ELEMENTS, Math.ceil(elements.length / 2)) : LEAF_ELEMENTS;
  const room = evenly ? Math.min(LEAF_BYTES, Math.ceil(total / 2)) : LEAF_BYTES;
  const groups: Element[][] = [];
  let group: Element[] = [];
  let bytes = 0;
  elements.forEach((element, index) => {
    const size = sizes[index] ?? 0;
    if (group.length > 0 && (group.length >= most || bytes + size > room)) {
      groups.push(group);
      group = [];
      bytes = 0;
    }
    group.push(element);
    bytes += size;
  });
  // Leaves room in the last page, so that the next append does not split it.
  const half = Math.ceil(group.length / 2);
  if (!evenly && groups.length > 0 && group.length > LEAF_ELEMENTS / 2) groups.push(group.splice(0, half));
  groups.push(group);
  return groups;
}

/** Groups of at most `most` items: each full but the last, or (`evenly`) of about equal size. */
export function cutEvenly<T>(items: readonly T[], most: number, evenly: boolean): T[][] {
  const size = evenly ? Math.ceil(items.length / Math.ceil(items.length / most)) : most;
  const groups: T[][] = [];
  for (let start = 0; start < items.length; start += size) groups.push(items.slice(start, start + size));
  return groups;
}
