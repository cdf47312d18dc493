import { compact } from "../../system/compact.ts";
import { isObject, own } from "../../domain/json/json.ts";
import { covers, type Place } from "../../domain/terms/scope.ts";
import type { Json } from "../../system/ports.ts";
import type { PeerReader } from "./peer-reader.ts";

const PAGE = 200;

/**
 * What is stored of a peer at a place now, in the form of a resync: of all properties an object with lists as arrays,
 * without the properties that other subscriptions own (`excludedScopes`); null when nothing is stored there.
 */
export async function storedState(
  reader: Pick<PeerReader, "page" | "property">,
  place: Place,
  excludedScopes: readonly Place[],
): Promise<Json> {
  const [name, ...path] = place;
  if (name !== undefined) {
    let value: Json | undefined = (await reader.property(name))?.value;
    for (const key of path) value = isObject(value) ? own(value, key) : undefined;
    return value ?? null;
  }
  const found: [string, Json][] = [];
  let after: string | undefined;
  do {
    const page = await reader.page(compact({ limit: PAGE, maxBytes: Infinity, after }));
    for (const property of page.properties) {
      if (!excludedScopes.some((other) => covers(other, [property.name]))) found.push([property.name, property.value]);
    }
    after = page.next;
  } while (after !== undefined);
  return Object.fromEntries(found);
}
