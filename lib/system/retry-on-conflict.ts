/**
 * The loop of optimistic locking: an attempt on the state that was seen, and another one on the state found instead.
 *
 * @param attempt answers `{ done }`, or `{ found }` when another writer came first
 * @param most attempts at most, at least 1
 * @returns the result; undefined when another writer came first at every attempt
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
