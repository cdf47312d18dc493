/** More than any URL of the protocol needs; keeps log lines and stored callbacks small. */
const MAX_URL_LENGTH = 4096;

/** The parsed URL, or undefined when it is no absolute http(s) URL, too long, or carries a user name or password. */
export function parsePeerUrl(text: string): URL | undefined {
  if (text.length > MAX_URL_LENGTH || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  if (url.username !== "" || url.password !== "" || url.hostname === "") return undefined;
  return url;
}

/**
 * True when the URL lies under the base: the same scheme, host and port, and the base's path or one below it, by whole
 * segments. Both are normalised as WHATWG says (backslashes, `%2e%2e`, default ports). A path in which any number of
 * decodings uncovers a dot segment is under nothing: some server behind might resolve it.
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
  let path = pathname;
  for (let round = 0; round < 8; round += 1) {
    if (path.split(/[/\\]/).some((segment) => segment === "." || segment === "..")) return true;
    let decoded: string;
    try {
      decoded = decodeURIComponent(path);
    } catch {
      // A lone % is a literal; but then what is left cannot be told apart, so it is judged by its decodable parts.
      decoded = path.replace(/%(2e|2f|5c|25)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    }
    if (decoded === path) return false;
    path = decoded;
  }
  return true;
}

/** What a gateway decodes too often, cuts a path at, or takes for the end of a segment. */
const LOST_IN_A_PATH = /[%?/]/;

/**
 * One path segment for a URL, or undefined for text that no URL can carry as a segment: empty, or one that reads as a
 * dot segment, or one that would arrive as another behind a gateway that decodes before it routes (`what?` as `what`).
 */
export function pathSegment(text: string): string | undefined {
  if (text === "" || !text.isWellFormed() || LOST_IN_A_PATH.test(text) || hidesDotSegment(`/${text}`)) return undefined;
  return encodeURIComponent(text);
}
