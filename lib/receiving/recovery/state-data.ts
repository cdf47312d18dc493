import { isObject } from "../../domain/json/json.ts";
import { isPeerName } from "../../domain/terms/names.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { StatePart } from "../../peers/publisher.ts";
import type { Json } from "../../system/ports.ts";
import { partOf } from "./part-resync.ts";

/** The parts that the data of a resync callback stands for; names that no copied property can have are left out. */
export function partsOfData(scope: Place, data: Json): readonly StatePart[] {
  if (scope.length > 0 || !isObject(data)) return [partOf(scope, data)];
  return Object.entries(data)
    .filter(([name]) => isPeerName(name))
    .map(([name, value]) => partOf([name], value));
}
