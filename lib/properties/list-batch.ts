/** Batches: values of a POST that change items of a list. */
import { isIndex } from "../domain/diff/list-operations.ts";
import { isArray, isObject, own } from "../domain/json/json.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { MAX_PROPERTIES_AT_ONCE } from "./limits.ts";
import type { OwnList } from "./own-list.ts";

/**
 * The entries of a batch: an object whose only key is `items`, an array of objects that each have an integer `index`.
 * Undefined for every other value, which is the value of a property.
 */
export function batchOf(value: Json): readonly JsonObject[] | undefined {
  const items = isObject(value) && Object.keys(value).length === 1 ? own(value, "items") : undefined;
  if (items === undefined || !isArray(items)) return undefined;
  const entries = items.filter((each) => isObject(each) && isInteger(own(each, "index")));
  return entries.length === items.length ? (entries as readonly JsonObject[]) : undefined;
}

/** An integer that is too large to be an index makes a faulty batch, not a value of another kind. */
const isInteger = (value: unknown): boolean => Number.isInteger(value) || typeof value === "bigint";

/**
 * The requests of a batch, as `listSteps` takes them: the updates by ascending index, then the deletions, highest index
 * first. Indices are those before the batch; the length of the list appends. Among several entries for one index the
 * last update counts, and a deletion only if there is no update.
 *
 * @throws ServiceError request.invalid for an index beyond the length, request.too_large for more than 90 entries
 */
export function batch(entries: readonly JsonObject[], list: OwnList): readonly JsonObject[] {
  if (entries.length > MAX_PROPERTIES_AT_ONCE) {
    const most = String(MAX_PROPERTIES_AT_ONCE);
    throw new ServiceError("request.too_large", `One request changes at most ${most} items of a list.`);
  }
  const updates = new Map<number, JsonObject>();
  const deletions = new Set<number>();
  for (const entry of entries) {
    const index = own(entry, "index");
    if (!isIndex(index)) throw beyondTheList(list);
    const item = Object.fromEntries(Object.entries(entry).filter(([key]) => key !== "index"));
    if (Object.keys(item).length === 0) deletions.add(index);
    else updates.set(index, item);
  }
  let { count } = list.shape;
  const changed = [...updates]
    .sort(([one], [other]) => one - other)
    .map(([index, item]): JsonObject => {
      if (index > count) throw beyondTheList(list);
      if (index < count) return { operation: "update", index, item };
      count += 1;
      return { operation: "append", item };
    });
  const left = [...deletions].filter((index) => !updates.has(index)).sort((one, other) => other - one);
  if (left.some((index) => index >= list.shape.count)) throw beyondTheList(list);
  return [...changed, ...left.map((index) => ({ operation: "delete", index }))];
}

const beyondTheList = ({ name, shape }: OwnList): ServiceError => {
  const message = `An index in the items for ${name} is not in the list, which has ${String(shape.count)} items.`;
  return new ServiceError("request.invalid", message, { field: `${name}.items` });
};

/** The error for a batch whose name is no list: stored as a value it would hide that no item was changed. */
export const noListForBatch = (name: string): ServiceError =>
  new ServiceError(
    "request.invalid",
    `The value of ${name} changes items of a list, and there is no list of that name; PUT it to have it as a value.`,
    { field: name },
  );
