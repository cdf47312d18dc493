/** The newest number in a polled answer that is no JSON: one bad value must not hide how far the publisher is. */

/** What follows the key `sequence`. A number with more digits counts no diffs. */
const SEQUENCE = /^\s*:\s*"?(\d{1,16})"?\s*(?=[,}\]\s])/;

/**
 * The greatest `sequence` among the members of the outermost object; undefined when there is none. The values around it
 * are not parsed: they may be no JSON, no UTF-8, or nest too deep.
 */
export function lenientSequence(body: Uint8Array): number | undefined {
  const text = new TextDecoder("utf-8").decode(body);
  let depth = 0;
  let found: number | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    else if (character === '"') {
      const end = endOfString(text, at);
      if (depth === 1 && text.slice(at + 1, end) === "sequence") {
        const number = Number(SEQUENCE.exec(text.slice(end + 1, end + 64))?.[1] ?? NaN);
        if (Number.isSafeInteger(number)) found = Math.max(found ?? 0, number);
      }
      at = end;
    }
  }
  return found;
}

/** The end of the string that begins at `start`: its closing quotation mark, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
  return text.length;
}
