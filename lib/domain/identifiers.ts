/** Ids from outside, and relationship names: 1 to 128 of these. They are opaque, and safe in paths and keys. */
const OUTSIDE_ID = /^[A-Za-z0-9._~-]{1,128}$/;

/** True when a peer, a person or a path may use this as an id. `.` and `..` are not: URLs swallow them. */
export function isOutsideId(id: string): boolean {
  return OUTSIDE_ID.test(id) && id !== "." && id !== "..";
}
