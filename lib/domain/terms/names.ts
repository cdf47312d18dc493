const OPAQUE_ID = /^[A-Za-z0-9._~-]{1,128}$/;
const CONTROL = /\p{Cc}/u;

/** True for an id from outside: 1 to 128 of `[A-Za-z0-9._~-]`. */
export function isOpaqueId(text: string): boolean {
  return OPAQUE_ID.test(text);
}

/** What a gateway decodes, or cuts a path at: a name that holds one cannot be addressed by a path. */
const CHANGED_ON_THE_WAY = /[%?]/;

/** True for the name of a peer's property: 1 to 256 bytes of UTF-8, no `/`, no control characters. */
export function isPeerName(text: string): boolean {
  return (
    text !== "" && text.isWellFormed() && Buffer.byteLength(text) <= 256 && !text.includes("/") && !CONTROL.test(text)
  );
}

/**
 * True for a name of our own, of a property, a list, a target, a subtarget or a key of a path: as a peer's, without `%` and
 * `?`. API Gateway decodes a path, sometimes twice, before it chooses a route, so neither would arrive as it was sent.
 */
export function isOwnName(text: string): boolean {
  return isPeerName(text) && !CHANGED_ON_THE_WAY.test(text);
}

/** True for a target: a name of our own that can stand as a path segment, so neither `.` nor `..`. */
export function isTarget(text: string): boolean {
  return isOwnName(text) && text !== "." && text !== "..";
}

/** What a name of our own may be, for messages. */
export const OWN_NAME_RULE = "1 to 256 bytes of UTF-8 without / % ? and control characters";
