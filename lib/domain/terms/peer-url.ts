/** URLs of peers. */

/** Longest URL of a peer. No URL of the protocol needs more, and log lines and stored callbacks stay small. */
const MAX_URL_LENGTH = 4096;

/** The parsed URL, or undefined when it is no absolute http(s) URL, too long, or carries a user name or password. */
export function parsePeerUrl(text: string): URL | undefined {
  const url = text.length > MAX_URL_LENGTH ? null : URL.parse(text);
  if (url === null) return undefined;
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  if (url.username !== "" || url.password !== "" || url.hostname === "") return undefined;
  return url;
}

/**
 * True when the URL is under the base: it has the same scheme, host and port, and the base's path or one below it, by
 * whole segments. Both are normalised as by WHATWG (backslashes, `%2e%2e`, default ports). A path in which any number
 * of decodings uncovers a dot segment is under no base, because some server behind might resolve it.
 */
export function liesUnder(text: string, baseUri: string): boolean {
  const url = parsePeerUrl(text);
  const base = parsePeerUrl(baseUri);
  if (url === undefined || base === undefined || url.origin !== base.origin) return false;
  if (hidesDotSegment(url.pathname)) return false;
  const prefix = base.pathname.replace(/\/+$/, "");
  return url.pathname === prefix || url.pathname.startsWith(`${prefix}/`);
}

function hidesDotSegment(pathname: string): boolean {
  // Most paths have neither dots nor escapes.
  if (!/[.%]/.test(pathname)) return false;
  let path = pathname;
  for (let round = 0; round < 8; round += 1) {
    if (path.split(/[/\\]/).some((segment) => segment === "." || segment === "..")) return true;
    let decoded: string;
    try {
      decoded = decodeURIComponent(path);
    } catch {
      // A lone % makes the path undecodable as a whole; its decodable parts are judged.
      decoded = path.replace(/%(2e|2f|5c|25)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    }
    if (decoded === path) return false;
    path = decoded;
  }
  return true;
}

/** Characters that a gateway decodes once too often, or takes for the end of a path or a segment. */
const LOST_IN_A_PATH = /[%?/]/;

/**
 * The text as one path segment of a URL; undefined for text that no URL can carry as a segment: the empty text, a dot
 * segment, and what a gateway that decodes before it routes would change (`what?` to `what`).
 */
export function pathSegment(text: string): string | undefined {
  if (text === "" || !text.isWellFormed() || LOST_IN_A_PATH.test(text) || hidesDotSegment(`/${text}`)) return undefined;
  return encodeURIComponent(text);
}
