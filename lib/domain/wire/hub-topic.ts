/** URLs of topics: places below an actor's root. */
import { isOwnName, isTarget } from "../terms/names.ts";
import { parsePeerUrl } from "../terms/peer-url.ts";
import { PROPERTIES, type Place } from "../terms/scope.ts";

/** The place below the actor's root that parameters of a path lead to, whether it can exist or not. */
export function topicPath(target: string, path: string | undefined): Place {
  return path === undefined ? [target] : [target, ...path.replace(/\/$/, "").split("/")];
}

/** True for a path that a URL can lead to: the properties or a target, and names below. */
export function isTopicPath([target = "", ...place]: Place): boolean {
  return (target === PROPERTIES || isTarget(target)) && place.every(isTarget);
}

/** The canonical URL of a place below the actor's root. */
export const topicUrl = (root: string, path: Place): string => [root, ...path.map(encodeURIComponent)].join("/");

/** The URL of an actor's hub. */
export const hubUrl = (root: string): string => `${root}/hub`;

/** The links of a topic, as one header has them. */
export const topicLinks = (root: string, path: Place): string =>
  `<${hubUrl(root)}>; rel="hub", <${topicUrl(root, path)}>; rel="self"`;

/**
 * The place that the URL of a topic leads to, whichever way the URL is spelt: percent-encoded bytes, the case of the
 * host, a default port. Undefined for a URL with a query, a fragment or a password, and for one that is not below the root.
 */
export function readTopicUrl(text: string, root: string): Place | undefined {
  const [url, base] = [parsePeerUrl(text), parsePeerUrl(root)];
  if (url === undefined || base === undefined || url.origin !== base.origin) return undefined;
  if (text.includes("?") || text.includes("#")) return undefined;
  const [own, below] = [segmentsOf(base.pathname), segmentsOf(url.pathname.replace(/\/$/, ""))];
  if (own === undefined || below === undefined) return undefined;
  if (!own.every((segment, index) => segment === below[index])) return undefined;
  const path = below.slice(own.length);
  return path.length > 0 && isTopicPath(path) && path.every(isOwnName) ? path : undefined;
}

/** The decoded segments of a path; undefined when it does not decode. */
function segmentsOf(pathname: string): readonly string[] | undefined {
  try {
    return pathname.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
