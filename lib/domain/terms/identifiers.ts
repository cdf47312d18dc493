/** Ids in paths and headers. */
import { isOpaqueId } from "./names.ts";

/** True for an id from outside that can be a path segment, so neither `.` nor `..`, which URLs resolve away. */
export function isOutsideId(text: string): boolean {
  return isOpaqueId(text) && text !== "." && text !== "..";
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[0-9a-z-]{1,128})?$/;

/** True for a W3C `traceparent`. */
export const isTraceparent = (text: string): boolean => TRACEPARENT.test(text);
