import { isOpaqueId } from "./names.ts";

/** True for an id from outside that can be a path segment, so neither `.` nor `..`, which URLs resolve away. */
export function isOutsideId(text: string): boolean {
  return isOpaqueId(text) && text !== "." && text !== "..";
}
