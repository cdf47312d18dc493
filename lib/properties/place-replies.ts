/** Answers that show an actor's own properties to one caller. */
import type { Place } from "../domain/terms/scope.ts";
import { json, text, type Reply } from "../http/reply.ts";
import { changed, isPageToken } from "./list-reads.ts";
import type { ListReplies } from "./list-replies.ts";
import { ALL_TOO_LARGE, type OwnProperties, type ShowList } from "./own-properties.ts";
import { noSuchProperty } from "./property-item.ts";
import { untilStill } from "./until-still.ts";

/**
 * The answer that shows all properties, each list by its length, or as `show` shows it.
 * @throws ServiceError request.too_large over `most` bytes, counted as in a function's result
 */
export async function allReply(properties: OwnProperties, most: number, show?: ShowList): Promise<Reply> {
  const body = await untilStill(async () => await properties.allText(most, show));
  return { status: 200, headers: { "content-type": "application/json" }, body, tooLarge: ALL_TOO_LARGE };
}

/**
 * The answer that shows one place: of a list what the query asks for.
 * @throws ServiceError resource.not_found when the caller sees nothing there; as `ListReplies.show`
 */
export async function placeReply(
  { properties, lists }: { readonly properties: OwnProperties; readonly lists: ListReplies },
  place: Place,
  query: URLSearchParams,
): Promise<Reply> {
  const [name = "", ...path] = place;
  const isWhole = path.length === 0;
  return await untilStill(async () => {
    const property = await properties.find(name);
    if (property?.list !== undefined) return await lists.show(property.list, path, query);
    const isItem = isWhole && query.get("index") !== null;
    const value = property === undefined || isItem ? undefined : properties.visible(property, place);
    if (value === undefined) throw noSuchProperty();
    // A client that pages through a list would take a value that replaced the list for its next page.
    if (isWhole && isPageToken(query.get("after"))) throw changed();
    return typeof value === "string" ? text(200, value) : json(200, value);
  });
}
