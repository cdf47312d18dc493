/**
 * Topics and patterns. A topic names what an event is about: tokens joined by dots. A pattern is a topic in which whole
 * tokens may be `*` (exactly one token) and the last may be `>` (one or more). Both are compared as text, token by token, in
 * the one encoded form that `topicOf` writes.
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

/** What a token cannot hold as it is: controls, white space, `.`, `*`, `>`, `%`. */
const ENCODED = /[\0- \x7f-\x9f\s.*>%]/gu;
/** The same for a text that should be encoded already, in which `%` is checked apart. */
const RAW = /[\0- \x7f-\x9f\s]/u;
const BAD_PERCENT = /%(?![0-9A-Fa-f]{2})/;
const BY_HEX = /(?:%[0-9A-F]{2})+/g;

/** The rule that a text breaks, as the end of "The pattern …": `must be …`. */
export interface TopicFault {
  readonly fault: string;
}

/** True for what a parser returned instead of a topic. */
export const isFault = (parsed: unknown): parsed is TopicFault =>
  typeof parsed === "object" && parsed !== null && "fault" in parsed;

/** A name as one token of a topic. */
export function tokenOf(name: string, place: "first" | "later" = "later"): string {
  const token = name.replace(ENCODED, hexOf);
  return place === "first" && token.startsWith("$") ? `%24${token.slice(1)}` : token;
}

const hexOf = (text: string): string =>
  Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");

/** The name in a token; undefined when the bytes are no UTF-8. */
function nameOf(token: string): string | undefined {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return token.replace(BY_HEX, (hex) => decoder.decode(Buffer.from(hex.replaceAll("%", ""), "hex")));
  } catch {
    return undefined;
  }
}

/**
 * The topic of a place at a target of the application: `<target>[.<subtarget>[.<resource>]]`. The segments of a resource
 * beyond the 16th token are joined to the last one by `%2F`.
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
 * The place that a topic names. It is the inverse of `topicOf`: a topic in another form than that of `topicOf` is a fault,
 * and so is one with names that a target of the application cannot have.
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

/** Reads a topic without wildcards, as somebody outside wrote it; `/` is read as `.`. */
export function parseTopic(text: string): string | TopicFault {
  const topic = text.replaceAll("/", ".");
  const fault = faultOf(topic);
  if (fault !== undefined) return { fault };
  return /[*>]/.test(topic) ? { fault: "must not have wildcards" } : topic;
}

/**
 * Reads a pattern. `/` is read as `.`, and a final `/**`, or `**` alone, as `.>` and `>`.
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

/** The faults that topics and patterns share. */
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
  return first.startsWith("$") && first !== SYS ? `must begin with no $ but that of ${SYS}` : undefined;
}

/** True when the pattern matches the topic. A wildcard in the first token matches nothing of `$sys`. */
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

/** Whether one token of a pattern lets a token of a topic through. */
const fits = (part: string, token: string, index: number): boolean =>
  part === token || ((part === "*" || part === ">") && !(index === 0 && token.startsWith("$")));

/**
 * Orders patterns, the most specific first: token by token a literal before `*` before `>`, the longer before the shorter.
 * 0 stands for equally specific patterns; two of these that match one topic are the same pattern.
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
