/** JSON Pointers (RFC 6901). */
import type { Json } from "../../system/ports.ts";
import { isArray, isObject, own } from "./json.ts";

/**
 * The segments of a JSON Pointer; `""` is the whole document and gives `[]`. Undefined for a text that is no pointer.
 */
export function parsePointer(text: string): readonly string[] | undefined {
  if (text === "") return [];
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split("/")
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** True when the path leads to a value within `data`; own members and existing indices only. */
export function pointsInto(data: Json, path: readonly string[]): boolean {
  let at: Json | undefined = data;
  for (const segment of path) {
    if (isArray(at)) at = /^(0|[1-9]\d*)$/.test(segment) ? at[Number(segment)] : undefined;
    else if (isObject(at)) at = own(at, segment);
    else return false;
    if (at === undefined) return false;
  }
  return true;
}
