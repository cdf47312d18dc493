/** The value index of a list: where the rows that equal a value are. */
import { listBucketKey } from "../dynamodb/keys/replica.ts";
import { always, type Table, type Write } from "../dynamodb/table.ts";
import type { ListEdit } from "./list-edit.ts";
import { elementDigest, SHARDS, shardOf, type Leaf, type ListNode, type PageReader } from "./list-pages.ts";
import { childTotals, type Path, type Shape, type Step } from "./list-read.ts";

/**
 * The index has for each element a string `<digest>~<leaf>` in the set of one of 512 × 8 buckets. Two equal elements of
 * one leaf share a string. The second factor spreads a value that is in very many leaves over eight items. A crash can
 * leave outdated strings behind, so what is found is always checked against the leaf.
 */
const DIGEST_BUCKETS = 512;

const entryOf = (digest: string, leaf: string): string => `${digest.slice(2, 10)}~${leaf}`;

function bucketName(digest: string, shard: number): string {
  const bucket = Buffer.from(digest.slice(0, 4), "base64url").readUInt16BE(0) % DIGEST_BUCKETS;
  return `${String(bucket)}.${String(shard)}`;
}

/** What one bucket gains and loses. */
export interface BucketChange {
  readonly add: Set<string>;
  readonly discard: Set<string>;
}

/** The changes of an edit in the buckets: of pages that are not stored yet (`fresh`), and of the others. */
export function bucketChanges(edit: ListEdit): {
  readonly fresh: Map<string, BucketChange>;
  readonly other: Map<string, BucketChange>;
} {
  const changes = { fresh: new Map<string, BucketChange>(), other: new Map<string, BucketChange>() };
  const note = (into: Map<string, BucketChange>, digest: string, leaf: string, kind: keyof BucketChange): void => {
    const name = bucketName(digest, shardOf(leaf));
    let change = into.get(name);
    if (change === undefined) into.set(name, (change = { add: new Set(), discard: new Set() }));
    change[kind].add(entryOf(digest, leaf));
  };
  for (const page of edit.pages.values()) {
    if (page.kind !== "leaf") continue;
    const before = digestsOf(edit.before.get(page.id));
    const after = digestsOf(page);
    const into = edit.fresh.has(page.id) ? changes.fresh : changes.other;
    for (const digest of after) if (!before.has(digest)) note(into, digest, page.id, "add");
    for (const digest of before) if (!after.has(digest)) note(into, digest, page.id, "discard");
  }
  for (const [id, leaf] of edit.before) {
    if (!edit.dropped.has(id)) continue;
    for (const digest of digestsOf(leaf)) note(changes.other, digest, id, "discard");
  }
  return changes;
}

const digestsOf = (leaf: Leaf | undefined): Set<string> => new Set(leaf?.elements.map(elementDigest));

/**
 * One write for each bucket, for the transaction with the list's head. A bucket that both gains and loses strings is
 * written whole, after one read of all such buckets.
 */
export async function bucketWrites(
  table: Table,
  partition: string,
  changes: ReadonlyMap<string, BucketChange>,
): Promise<Write[]> {
  const mixed = [...changes].filter(([, change]) => change.add.size > 0 && change.discard.size > 0);
  const keys = mixed.map(([name]) => listBucketKey(partition, name));
  const items = keys.length === 0 ? [] : await table.getMany(keys);
  const stored = new Map(items.map((item) => [item.sk, (item["entries"] ?? new Set()) as ReadonlySet<string>]));
  return [...changes].map(([name, change]): Write => {
    const key = listBucketKey(partition, name);
    if (change.discard.size === 0) return { update: key, change: { add: { entries: change.add } }, condition: always };
    if (change.add.size === 0) {
      return { update: key, change: { discard: { entries: change.discard } }, condition: always };
    }
    const entries = new Set([...(stored.get(key.sk) ?? [])].filter((entry) => !change.discard.has(entry)));
    for (const entry of change.add) entries.add(entry);
    return { update: key, change: { set: { entries } }, condition: always };
  });
}

/** One row that equals the sought value. */
export interface Row {
  readonly index: number;
  readonly path: Path;
}

/**
 * The rows whose value has this digest, in order. One request for the index, then one for each 100 leaves and level.
 *
 * @param enough the search may stop once this many rows are known, which are then not the first ones
 */
export async function findRows(
  table: Table,
  pages: PageReader,
  shape: Shape,
  digest: string,
  enough = Infinity,
): Promise<Row[]> {
  if (shape.root === undefined) return [];
  const shards = Array.from({ length: SHARDS }, (_, shard) =>
    listBucketKey(pages.partition, bucketName(digest, shard)),
  );
  const prefix = entryOf(digest, "");
  const leaves = (await table.getMany(shards))
    .flatMap((bucket) => [...((bucket["entries"] ?? new Set()) as ReadonlySet<string>)])
    .filter((entry) => entry.startsWith(prefix))
    .map((entry) => entry.slice(prefix.length));
  const rows: Row[] = [];
  for (let start = 0; start < leaves.length && rows.length < enough; start += 100) {
    rows.push(...(await rowsIn(pages, shape, digest, leaves.slice(start, start + 100))));
  }
  return rows.sort((one, other) => one.index - other.index);
}

async function rowsIn(pages: PageReader, shape: Shape, digest: string, ids: readonly string[]): Promise<Row[]> {
  const leaves = (await pages.existing(ids)).filter((node): node is Leaf => node?.kind === "leaf");
  const matching = leaves.filter((leaf) => leaf.elements.some((element) => elementDigest(element) === digest));
  let level: readonly (ListNode | undefined)[] = matching;
  for (let height = 0; height < shape.height; height++) {
    level = await pages.existing([...new Set(level.flatMap((node) => node?.parent ?? []))]);
  }
  const paths = await Promise.all(matching.map((leaf) => climb(pages, shape, leaf)));
  return paths.flatMap((path) => {
    if (path === undefined) return [];
    const first = path.steps.reduce(
      (sum, { node, at }) => sum + node.counts.slice(0, at).reduce((a, b) => a + b, 0),
      0,
    );
    return path.leaf.elements.flatMap((element, offset) =>
      elementDigest(element) === digest ? [{ index: first + offset, path: { ...path, offset } }] : [],
    );
  });
}

/** The path from the root to a leaf, found from below; undefined when the leaf is not part of the tree. */
async function climb(pages: PageReader, shape: Shape, leaf: Leaf): Promise<Path | undefined> {
  const upwards: { node: Extract<ListNode, { kind: "inner" }>; at: number }[] = [];
  let below: ListNode = leaf;
  while (below.parent !== undefined && upwards.length < shape.height) {
    const [node] = await pages.existing([below.parent]);
    if (node?.kind !== "inner") return undefined;
    const at = node.children.indexOf(below.id);
    if (at < 0) return undefined;
    upwards.push({ node, at });
    below = node;
  }
  if (below.id !== shape.root) return undefined;
  let total = shape.count;
  const steps = upwards.reverse().map(({ node, at }): Step => {
    const step = { node, at, total };
    total = childTotals(node, total)[at] ?? 0;
    return step;
  });
  return { steps, leaf, offset: 0 };
}
