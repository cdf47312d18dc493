/** More tags than any version of the protocol has. */
const MAX_TAGS = 100;

/** Reads a peer's comma-separated list of what it supports: trimmed, sorted, each once; odd entries are dropped. */
export function parseSupported(list: string): readonly string[] {
  const tags = list
    .split(",")
    .map((tag) => tag.trim().toLowerCase())
    .filter((tag) => /^[a-z0-9][a-z0-9._:-]{0,63}$/.test(tag));
  return [...new Set(tags)].sort().slice(0, MAX_TAGS);
}
