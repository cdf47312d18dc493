/**
 * What a head remembers of the newest 16 numbers: for each the digest of the content that the copy contains under it, or
 * a mark that says that the content is not known. One text, oldest first, 12 characters each; the last stands for
 * `lastSeq`. A number whose content is known is contradicted by any other content.
 *
 *   ------------   contained, and numbers are not doubted: a publisher that says positions gives each to one change
 *   ????????????   contained as far as the publisher said by number alone: any content may be another than was read
 */
import { digestOf } from "../../domain/json/digest.ts";
import { isObject } from "../../domain/json/json.ts";
import type { Json } from "../../system/ports.ts";
import type { Head } from "./head.ts";
import type { Polled } from "../../peers/publisher.ts";

/** Numbers that a head remembers. */
export const DIGESTS_KEPT = 16;
export const DIGEST_LENGTH = 12;

/** Contained, whatever it was. */
export const CONTAINED = "-".repeat(DIGEST_LENGTH);
const DOUBTED = "?".repeat(DIGEST_LENGTH);

/** The text after one more number was applied; what undefined content was is not known. */
export function withDigest(digests: string, data: Json | undefined): string {
  const next = data === undefined ? DOUBTED : digestOf(data);
  return (digests + next).slice(-DIGESTS_KEPT * DIGEST_LENGTH);
}

/** True when the copy contains another content than `data` under `sequence`, as far as the head remembers. */
export function contradicts(
  head: Pick<Head, "digests" | "lastSeq">,
  sequence: number,
  data: Json | undefined,
): boolean {
  if (data === undefined || saysNothing(data)) return false;
  const kept = digestAt(head, sequence);
  return kept !== undefined && kept !== CONTAINED && kept !== digestOf(data);
}

/** A number that permissions hide meanwhile is shown without content. */
const saysNothing = (data: Json): boolean => isObject(data) && Object.keys(data).length === 0;

/** What is remembered of a number; undefined beyond the memory. */
function digestAt({ digests, lastSeq }: Pick<Head, "digests" | "lastSeq">, sequence: number): string | undefined {
  const end = digests.length - (lastSeq - sequence) * DIGEST_LENGTH;
  if (end < DIGEST_LENGTH || end > digests.length) return undefined;
  return digests.slice(end - DIGEST_LENGTH, end);
}

/** What a lease notes of the content that it begins to apply; undefined while that is not known. */
export const begunBy = (sequence: number, data: Json | undefined): string | undefined =>
  data === undefined || saysNothing(data) ? undefined : `${String(sequence)}=${digestOf(data)}`;

/** The number that an attempt, cut off before its commit, has begun to apply; 0 when there is none. */
export const begunNumber = ({ begun }: Pick<Head, "begun">): number => (begun === undefined ? 0 : parseInt(begun, 10));

/** True when an earlier attempt, cut off before its commit, has begun to apply another content under that number. */
export function begunOtherwise({ begun }: Pick<Head, "begun">, sequence: number, data: Json | undefined): boolean {
  const mine = begunBy(sequence, data);
  return mine !== undefined && begun?.startsWith(`${String(sequence)}=`) === true && begun !== mine;
}

/** The newest contents that a poll answered, by number: a state that is read afterwards contains them. */
export function knownOf(polled: Polled): string {
  if (polled.is !== "backlog") return "";
  const newest = [...(polled.others ?? []), ...polled.diffs].slice(-2 * DIGESTS_KEPT);
  return newest.flatMap(({ sequence, data }) => begunBy(sequence, data) ?? []).join(" ");
}

/** True when a backlog has, under a number up to `newest`, a content that it lacked when `newest` was its newest number. */
export function knowsOtherwise(earlier: { readonly known: string; readonly newest: number }, later: string): boolean {
  const contents = new Set(["", ...earlier.known.split(" ")]);
  return later.split(" ").some((pair) => !contents.has(pair) && parseInt(pair, 10) <= earlier.newest);
}

/** The newest number of a text from `knownOf`; 0 when there is none. */
export const newestIn = (known: string): number =>
  Math.max(0, ...known.split(" ").map((pair) => (pair === "" ? 0 : parseInt(pair, 10))));

/** The text of a head whose state was replaced at `at`. */
export function digestsAt(
  at: number,
  of: {
    /** From `knownOf`. */
    readonly known: string;
    /** The head before; its numbers are of another life when the publisher counts again. */
    readonly before?: Pick<Head, "digests" | "lastSeq">;
    /** The publisher said positions. */
    readonly positioned: boolean;
  },
): string {
  const known = new Map(of.known.split(" ").map((pair) => pair.split("=", 2) as [string, string]));
  const first = Math.max(1, at - DIGESTS_KEPT + 1);
  const numbers = Array.from({ length: Math.max(0, at - first + 1) }, (_, index) => first + index);
  return numbers
    .map((n) => {
      const kept = known.get(String(n)) ?? (of.before === undefined ? undefined : digestAt(of.before, n));
      return kept ?? (of.positioned ? CONTAINED : DOUBTED);
    })
    .join("");
}
