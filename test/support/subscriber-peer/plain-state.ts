import { isObject, type Json } from "../publisher/json.ts";

/** What `GET /properties?format=full` says, lists as plain arrays: comparable with a copy. */
export function plainState(full: Json | undefined): Record<string, Json> {
  if (!isObject(full)) throw new Error(`no state: ${JSON.stringify(full)}`);
  return Object.fromEntries(
    Object.entries(full).map(([name, value]) => [
      name,
      isObject(value) && value["_list"] === true && Array.isArray(value["items"]) ? value["items"] : value,
    ]),
  );
}
