/**
 * Topics and patterns. A topic names what an event is about: tokens joined by dots. A pattern is a topic in which whole
 * tokens may be `*` (exactly one token) and the last one may be `>` (one or more tokens). Both are compared as text, token
 * by token, in the encoding of `topicOf`.
 */
import { isOwnName, isTarget } from "../terms/names.ts";
import type { Scope } from "../terms/scope.ts";
import { compact } from "../../system/compact.ts";

/** Most tokens of a pattern, and of a topic. */
const MAX_TOKENS = 16;
/** Most bytes of a pattern, and of a topic that is published over HTTP. */
export const MAX_TOPIC_BYTES = 512;
/** The first token of the service's own events. */
export const SYS = "$sys";

/** The characters that `tokenOf` encodes: controls, white space, `.`, `*`, `>`, `%`. */
const ENCODED = /[\0- \x7f-\x9f\s.*>%]/gu;
/** Characters that an encoded text must not have; `%` is checked by `BAD_PERCENT`. */
const RAW = /[\0- \x7f-\x9f\s]/u;
const BAD_PERCENT = /%(?![0-9A-Fa-f]{2})/;
const BY_HEX = /(?:%[0-9A-F]{2})+/g;

/** The rule that a text breaks, such as `must be …`: it completes a sentence that begins with "The pattern". */
export interface TopicFault {
  readonly fault: string;
}

/** True when a parser has returned a fault instead of a topic, a pattern or a place. */
export const isFault = (parsed: unknown): parsed is TopicFault =>
  typeof parsed === "object" && parsed !== null && "fault" in parsed;

/** A name as one token of a topic. */
export function tokenOf(name: string, place: "first" | "later" = "later"): string {
  const token = name.replace(ENCODED, hexOf);
  return place === "first" && token.startsWith("$") ? `%24${token.slice(1)}` : token;
}

const hexOf = (text: string): string =>
  Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");

/** The name that a token encodes; undefined when its bytes are not UTF-8. */
function nameOf(token: string): string | undefined {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return token.replace(BY_HEX, (hex) => decoder.decode(Buffer.from(hex.replaceAll("%", ""), "hex")));
  } catch {
    return undefined;
  }
}

/**
 * The topic of a place at a target of the application: `<target>[.<subtarget>[.<resource>]]`, where each segment of the
 * resource is a token. When there are more than 16 tokens, the last ones are joined to the 16th by `%2F`.
 */
export function topicOf({ target, subtarget, resource }: Scope): string {
  const names = [
    ...(subtarget === undefined ? [] : [subtarget]),
    ...(resource === undefined ? [] : resource.split("/")),
  ];
  const tokens = [tokenOf(target, "first"), ...names.map((name) => tokenOf(name))];
  if (tokens.length <= MAX_TOKENS) return tokens.join(".");
  return [...tokens.slice(0, MAX_TOKENS - 1), tokens.slice(MAX_TOKENS - 1).join("%2F")].join(".");
}

/**
 * The place that a topic names, as the inverse of `topicOf`. A topic that `topicOf` would write differently is a fault, and
 * so is one with names that a place at a target of the application cannot have.
 */
export function scopeOfTopic(topic: string): Scope | TopicFault {
  const tokens = topic.split(".");
  const names = tokens.map((token) => nameOf(token));
  const [target, subtarget, ...rest] = names as readonly string[];
  if (names.includes(undefined) || target === undefined) return { fault: "must encode names as UTF-8" };
  const resource = rest.join("/");
  if (!isTarget(target) || !(subtarget === undefined || isOwnName(subtarget))) return { fault: NAMES };
  if (rest.length > 0 && !resource.split("/").every(isOwnName)) return { fault: NAMES };
  const scope = compact({ target, subtarget, resource: rest.length > 0 ? resource : undefined });
  if (topicOf(scope) !== topic) {
    return { fault: `must encode only what needs it, in upper-case hex: ${JSON.stringify(topicOf(scope))}` };
  }
  return scope;
}

const NAMES = "must have names of 1 to 256 bytes without / % ? and control characters in its tokens";

/** Reads a topic from outside, which must not have wildcards; `/` is read as `.`. */
export function parseTopic(text: string): string | TopicFault {
  const topic = text.replaceAll("/", ".");
  const fault = faultOf(topic);
  if (fault !== undefined) return { fault };
  return /[*>]/.test(topic) ? { fault: "must not have wildcards" } : topic;
}

/**
 * Reads a pattern from outside. `/` is read as `.`, a final `/**` as `.>`, and `**` alone as `>`.
 *
 * @returns the pattern in the form in which patterns are compared
 */
export function parsePattern(text: string): string | TopicFault {
  const dotted = text.replaceAll("/", ".");
  const pattern = text === "**" ? ">" : text.endsWith("/**") ? `${dotted.slice(0, -2)}>` : dotted;
  const fault = faultOf(pattern);
  if (fault !== undefined) return { fault };
  const tokens = pattern.split(".");
  const isWhole = (token: string, index: number): boolean =>
    token === "*" || (token === ">" && index === tokens.length - 1) || !/[*>?]/.test(token);
  if (!tokens.every(isWhole)) {
    return { fault: "must have * only as a whole token, > only as the last one, and no other wildcard" };
  }
  return pattern;
}

/** The first rule for topics and patterns alike that the text breaks. */
function faultOf(text: string): string | undefined {
  const tokens = text.split(".");
  if (tokens.length > MAX_TOKENS || tokens.includes("")) {
    return `must be 1 to ${String(MAX_TOKENS)} tokens joined by dots, none of them empty`;
  }
  if (!text.isWellFormed() || Buffer.byteLength(text) > MAX_TOPIC_BYTES) {
    return `must take at most ${String(MAX_TOPIC_BYTES)} bytes as UTF-8`;
  }
  if (RAW.test(text)) return "must have white space and control characters as % and two hex digits for each byte";
  if (BAD_PERCENT.test(text)) return "must have two hex digits after each %";
  const [first = ""] = tokens;
  return first.startsWith("$") && first !== SYS ? `must not begin with $, unless the first token is ${SYS}` : undefined;
}

/** True when the pattern matches the topic. A wildcard as first token does not match `$sys`. */
export function matches(pattern: string, topic: string): boolean {
  const parts = pattern.split(".");
  const tokens = topic.split(".");
  for (const [index, part] of parts.entries()) {
    const token = tokens[index];
    if (token === undefined || !fits(part, token, index)) return false;
    if (part === ">") return true;
  }
  return parts.length === tokens.length;
}

/** True when a token of a pattern matches the token of a topic at the same index. */
const fits = (part: string, token: string, index: number): boolean =>
  part === token || ((part === "*" || part === ">") && !(index === 0 && token.startsWith("$")));

/**
 * Orders patterns, the most specific first: token by token a literal before `*` before `>`, then the longer before the
 * shorter. 0: the patterns are equally specific; if both match one topic, they are the same pattern.
 */
export function bySpecificity(one: string, other: string): number {
  const [ones, others] = [one.split("."), other.split(".")];
  for (let index = 0; index < Math.min(ones.length, others.length); index += 1) {
    const difference = rankOf(ones[index]) - rankOf(others[index]);
    if (difference !== 0) return difference;
  }
  return others.length - ones.length;
}

const rankOf = (token: string | undefined): number => (token === ">" ? 2 : token === "*" ? 1 : 0);
