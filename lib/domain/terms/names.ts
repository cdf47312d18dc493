/** Rules for ids and names. */
const OPAQUE_ID = /^[A-Za-z0-9._~-]{1,128}$/;
const CONTROL = /\p{Cc}/u;

/** True for an id from outside: 1 to 128 of `[A-Za-z0-9._~-]`. */
export function isOpaqueId(text: string): boolean {
  return OPAQUE_ID.test(text);
}

/** Characters at which a gateway decodes or cuts a path: no path can address a name with one. */
const CHANGED_ON_THE_WAY = /[%?]/;

/** True for a name that a replicated property can have: 1 to 256 bytes of UTF-8, no `/`, no control characters. */
export function isPeerName(text: string): boolean {
  return (
    text !== "" && text.isWellFormed() && Buffer.byteLength(text) <= 256 && !text.includes("/") && !CONTROL.test(text)
  );
}

/**
 * True for a name of our own (of a property, a list, a target, a subtarget, or a key in a path): the name of a peer's
 * property without `%` and `?`. API Gateway decodes a path, sometimes twice, before it chooses a route, so these two
 * characters would not arrive as they were sent.
 */
export function isOwnName(text: string): boolean {
  return isPeerName(text) && !CHANGED_ON_THE_WAY.test(text);
}

/** True for a target: a name of our own that can be a path segment, so neither `.` nor `..`. */
export function isTarget(text: string): boolean {
  return isOwnName(text) && text !== "." && text !== "..";
}

/** The rule for names of our own, as part of a message. */
export const OWN_NAME_RULE = "1 to 256 bytes of UTF-8 without / % ? and control characters";
