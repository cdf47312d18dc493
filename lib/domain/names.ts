const OPAQUE_ID = /^[A-Za-z0-9._~-]{1,128}$/;
const CONTROL = /\p{Cc}/u;

/** True for an id from outside: 1 to 128 of `[A-Za-z0-9._~-]`. */
export function isOpaqueId(text: string): boolean {
  return OPAQUE_ID.test(text);
}

/** True for a property name: 1 to 256 bytes of UTF-8, no `/`, no control characters. */
export function isPropertyName(text: string): boolean {
  return (
    text !== "" && text.isWellFormed() && Buffer.byteLength(text) <= 256 && !text.includes("/") && !CONTROL.test(text)
  );
}
