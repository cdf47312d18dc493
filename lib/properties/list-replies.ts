/** Answers that show an actor's own lists. */
import { ServiceError } from "../system/errors.ts";
import { json, text, type Reply } from "../http/reply.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { itemPage, pageLimit, pageStart, type ItemReads } from "./list-reads.ts";
import { indexFrom, indexOf, ITEMS, METADATA, noSuchItem } from "./list-requests.ts";
import { listBytes, listMetadata, type OwnList } from "./own-list.ts";

/** Shows lists as requests ask for them. */
export class ListReplies {
  readonly #items: ItemReads;
  readonly #most: number;

  /** `most`: bytes of items that are worth reading for one answer. */
  constructor(items: ItemReads, most: number) {
    this.#items = items;
    this.#most = most;
  }

  /**
   * The list, a page of it, its metadata, its items with their indices or one item, as path and query say. Undefined when
   * the list has changed since its head was read, so that the head must be read again.
   *
   * @throws ServiceError resource.not_found, request.invalid for what is no index, resource.conflict for a page of another
   *   version, request.too_large
   */
  async show(list: OwnList, path: readonly string[], query: URLSearchParams): Promise<Reply | undefined> {
    const [key] = path;
    const item = query.get("index");
    if (key === undefined)
      return item === null ? await this.#whole(list, query) : await this.#one(list, indexFrom(item));
    if (path.length === 1 && key === METADATA) return json(200, listMetadata(list));
    if (path.length === 1 && key === ITEMS) return await this.#numbered(list);
    return await this.#one(list, indexOf(path));
  }

  async #one(list: OwnList, index: number): Promise<Reply | undefined> {
    if (index >= list.shape.count) throw noSuchItem();
    const found = await this.#items(list, index, 1);
    const item = found?.[0];
    if (item === undefined) return undefined;
    return typeof item === "string" ? text(200, item) : json(200, item);
  }

  /** The list as `?format=full` shows it among all properties, with the items if they are known; undefined as for `show`. */
  async full(list: OwnList, known?: readonly Json[]): Promise<JsonObject | undefined> {
    const items = known ?? (await this.#items(list, 0, list.shape.count));
    const { description, explanation, shape } = list;
    return items === undefined ? undefined : { _list: true, count: shape.count, items, description, explanation };
  }

  async #whole(list: OwnList, query: URLSearchParams): Promise<Reply | undefined> {
    if (query.get("format") === "short") return json(200, listMetadata(list));
    const [after, limit] = [query.get("after"), query.get("limit")];
    if (after !== null || limit !== null) {
      const page = await itemPage(this.#items, list, pageStart(after), pageLimit(limit));
      return page === undefined ? undefined : json(200, { ...page });
    }
    const items = await this.#all(list);
    return items === undefined ? undefined : { ...json(200, items), tooLarge: TOO_LARGE };
  }

  /** All items, each with its index. */
  async #numbered(list: OwnList): Promise<Reply | undefined> {
    const items = await this.#all(list);
    if (items === undefined) return undefined;
    const numbered = items.map((item, index) => ({ index, item }));
    return { ...json(200, { items: numbered, count: items.length }), tooLarge: TOO_LARGE };
  }

  async #all(list: OwnList): Promise<readonly Json[] | undefined> {
    if (listBytes(list) > this.#most) throw new ServiceError("request.too_large", TOO_LARGE);
    return await this.#items(list, 0, list.shape.count);
  }
}

/** The form of a list in `?metadata=true`. */
export function listTotals(lists: readonly OwnList[]): JsonObject {
  return Object.fromEntries(
    lists.map((list) => {
      const { name, shape, description, explanation } = list;
      return [name, { count: shape.count, total_bytes: listBytes(list), description, explanation }];
    }),
  );
}

const TOO_LARGE = "The list is too large for one answer: read it in pages, with ?limit= and then ?after=<next>.";
