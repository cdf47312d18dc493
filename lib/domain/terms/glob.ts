/** Globs on the paths of properties: `*` stands for any run of characters, `/` included, and `?` for one. */
import type { Place } from "./scope.ts";

/** True when one of the globs covers the place. It then covers all below it too, and `name/*` covers `name` itself. */
export function coveredByAny(patterns: readonly string[], place: Place): boolean {
  if (place.length === 0) return patterns.includes("*");
  return patterns.some((pattern) => {
    const whole = pattern.endsWith("/*") ? pattern.slice(0, -2) : pattern;
    return place.some((_, index) => {
      const path = place.slice(0, index + 1).join("/");
      return matchesGlob(pattern, path) || matchesGlob(whole, path);
    });
  });
}

/** True when one of the globs matches some place below this one. */
export function reachesBelow(patterns: readonly string[], place: Place): boolean {
  const prefix = place.map((key) => `${key}/`).join("");
  return patterns.some((pattern) => readGlob(pattern, prefix) !== undefined);
}

/** True when the glob matches the whole text. Takes at most pattern × text steps. */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = readGlob(pattern, text);
  if (at === undefined) return false;
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

/**
 * The position in the glob after reading the text; undefined when the glob matches nothing that begins with the text.
 * After a mismatch only the last star needs to take more: the stars before it could take nothing that it cannot.
 */
function readGlob(pattern: string, text: string): number | undefined {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let read = 0; read < text.length;) {
    if (at < pattern.length && pattern[at] === "*") {
      star = at;
      resume = read;
      at += 1;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[read])) {
      at += 1;
      read += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      read = resume;
    } else return undefined;
  }
  return at;
}
