/**
 * Optimistic locking's loop: an attempt on what was seen, and another one on what was found instead.
 *
 * @param attempt answers `{ done }`, or `{ found }` when another writer came first
 * @param most attempts at most, at least 1
 * @returns what is done; undefined when every attempt met another writer
 */
export async function retryOnConflict<Seen, Done>(
  seen: Seen,
  most: number,
  attempt: (seen: Seen) => Promise<{ readonly done: Done } | { readonly found: Seen }>,
): Promise<Done | undefined> {
  let now = seen;
  for (let made = 0; made < most; made += 1) {
    const result = await attempt(now);
    if ("done" in result) return result.done;
    now = result.found;
  }
  return undefined;
}
