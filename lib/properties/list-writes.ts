/** Steps on a list as writes of the transaction that changes the list's head. */
import { createHash } from "node:crypto";
import { ownListPartition } from "../dynamodb/keys/replica.ts";
import { ownPropertyKey } from "../dynamodb/keys/publishing.ts";
import { always, itemExists, type Item, type Key, type Table, type Write } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { editWrites, elementsOf, orphanedParts, TooWide } from "../lists/list-commit.ts";
import { ListEdit } from "../lists/list-edit.ts";
import { announceLaid, BUILDING_DELAY_MS, garbageItem, LEFT_DELAY_MS, type Generation } from "../lists/list-garbage.ts";
import { PageReader } from "../lists/list-pages.ts";
import { EMPTY_SHAPE, listItems, readAhead } from "../lists/list-read.ts";
import type { Clock } from "../system/ports.ts";
import { afterSteps, type ListStep } from "./list-steps.ts";
import type { OwnList } from "./own-list.ts";

/** The largest list that is rebuilt as a whole when a change touches too many of its pages. */
const MOST_REBUILT = { count: 20_000, bytes: 8 * 1_024 * 1_024 };
/**
 * Writes beside that of the head, whatever a change does: of the garbage that it leaves, and of the garbage that it
 * links.
 */
export const GARBAGE_WRITES = 2;

/** What a change makes of a list. */
export interface ListWrites {
  /** The list afterwards; undefined when it is deleted. */
  readonly next: OwnList | undefined;
  /** The writes that go into the transaction of the head. */
  readonly writes: readonly Write[];
  /** Items that nothing refers to any more after the commit. */
  readonly orphans: readonly Key[];
}

/** How the new pages of a list come about. */
export interface Layout {
  readonly pages: PageReader;
  readonly newId: () => string;
  /** What the transaction still takes: writes, and bytes of pages. */
  readonly room: { readonly writes: number; readonly bytes: number };
  /** Gets the keys of what is laid out beforehand in the list's own generation. */
  readonly laid: Key[];
}

export interface ListWriteDeps {
  readonly table: Table;
  readonly clock: Clock;
}

/**
 * Ids of pages: equal for the same change of the same list, so that what an earlier attempt laid out is found again.
 * The part before the dot identifies the change.
 */
export function pageIds(seed: string, list: Named & Pick<OwnList, "last">): () => string {
  const hash = createHash("sha256")
    .update(JSON.stringify([seed, list.name, list.generation, list.last]))
    .digest("base64url")
    .slice(0, 16);
  let next = 0;
  return () => `${hash}.${(next++).toString(36)}`;
}

/** The due work for a generation that its list leaves. */
export function leftGeneration(clock: Clock, actorId: string, list: Named): Item {
  return garbageItem(generationOf(actorId, list), clock.now() + LEFT_DELAY_MS);
}

/** A generation of the list of that name. */
type Named = Pick<OwnList, "name" | "generation">;

/**
 * The writes of the steps, at most `room`. Big items, and pages that do not fit, are laid out beforehand, where nothing
 * refers to them yet. At most one request when the steps stay within the last page, else one for each level.
 *
 * @throws ServiceError request.too_large when a change touches more pages than fit, of a list too large to be rebuilt;
 *   PageGone when the list has changed since its head was read
 */
export async function listWrites(
  deps: ListWriteDeps,
  actorId: string,
  list: OwnList,
  steps: readonly ListStep[],
  { pages, newId, room, laid }: Layout,
): Promise<ListWrites> {
  const { table, clock } = deps;
  const leave: Write = { put: leftGeneration(clock, actorId, list), condition: always };
  const edit = new ListEdit(pages, list.shape, newId);
  const parts: Item[] = [];
  let next = list;
  const starts = steps.flatMap((step) => (step.do === "splice" && step.path === undefined ? [step.start] : []));
  if (starts.length > 1) await readAhead(pages, list.shape, starts);
  for (const step of steps) {
    if (step.do === "words") next = { ...next, ...step.words };
    if (step.do === "drop") return { next: undefined, writes: [leave], orphans: [] };
    if (step.do === "clear") {
      return { next: { ...next, generation: newId(), shape: EMPTY_SHAPE }, writes: [leave], orphans: [] };
    }
    if (step.do !== "splice") continue;
    await edit.splice(step.start, step.remove, elementsOf(pages.partition, step.insert, newId, parts), step.path);
  }
  try {
    const writes = await editWrites(table, pages.partition, edit, {
      room: Math.max(0, room.writes),
      bytes: room.bytes,
      parts,
      laid,
      announce: async () =>
        list.last === 0
          ? await announceBuilt(deps, actorId, list)
          : await announceLaid(table, generationOf(actorId, list), newId().split(".", 1)[0] ?? "", clock.now()),
    });
    return { next: { ...next, shape: edit.shape }, writes, orphans: orphanedParts(pages.partition, edit) };
  } catch (error) {
    if (!(error instanceof TooWide)) throw error;
  }
  const built = await rebuild(deps, actorId, list, steps, { pages, newId });
  return { next: { ...next, ...built.next }, writes: [leave, ...built.writes], orphans: [] };
}

/** Lays out the whole list after the steps beforehand, as a new generation. */
async function rebuild(
  deps: ListWriteDeps,
  actorId: string,
  list: OwnList,
  steps: readonly ListStep[],
  { pages, newId }: Pick<Layout, "pages" | "newId">,
): Promise<{ readonly next: Pick<OwnList, "generation" | "shape">; readonly writes: readonly Write[] }> {
  if (list.shape.count > MOST_REBUILT.count || list.shape.bytes > MOST_REBUILT.bytes) {
    throw new ServiceError("request.too_large", "This changes too many items of a long list at once; change fewer.");
  }
  const { table } = deps;
  const items = afterSteps(await listItems(pages, list.shape, 0, list.shape.count), steps);
  const generation = newId();
  const partition = ownListPartition(actorId, generation);
  const linked = await announceBuilt(deps, actorId, { name: list.name, generation });
  const edit = new ListEdit(new PageReader(table, partition), EMPTY_SHAPE, newId);
  const parts: Item[] = [];
  await edit.splice(0, 0, elementsOf(partition, items, newId, parts));
  const writes = await editWrites(table, partition, edit, { room: 0, parts });
  return { next: { generation, shape: edit.shape }, writes: [linked, ...writes] };
}

/**
 * Announces a new generation to the sweep before anything of it is there. @returns a write for the commit that links it
 */
async function announceBuilt({ table, clock }: ListWriteDeps, actorId: string, named: Named): Promise<Write> {
  const building = garbageItem(generationOf(actorId, named), clock.now() + BUILDING_DELAY_MS);
  await table.put(building, always);
  return { delete: { pk: building.pk, sk: building.sk }, condition: itemExists };
}

function generationOf(actorId: string, { name, generation }: Named): Generation {
  const pages = ownListPartition(actorId, generation);
  return { actorId, generation, pages, head: ownPropertyKey(actorId, name) };
}
