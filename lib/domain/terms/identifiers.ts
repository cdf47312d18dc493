import { isOpaqueId } from "./names.ts";

/** True for an id from outside that can also stand as a path segment: `.` and `..` cannot, URLs swallow them. */
export function isOutsideId(text: string): boolean {
  return isOpaqueId(text) && text !== "." && text !== "..";
}
