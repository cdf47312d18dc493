/** The fields of a PUT that say which events a listener hears, and where it begins: the same for all kinds. */
import * as z from "zod/mini";
import { isTypePattern, type Selection } from "../domain/events/selection.ts";
import { isFault, parsePattern } from "../domain/events/topic.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";

const MOST_TOPICS = 20;
const MOST_TYPES = 20;
const MAX_FROM_LENGTH = 64;

/** A whole number between two, both included. */
export const whole = (least: number, most: number) => z.int().check(z.minimum(least), z.maximum(most));
/** A list of one to `most` texts. */
export const texts = (most: number) => z.array(z.string()).check(z.minLength(1), z.maxLength(most));

/** `from` (`now`, `earliest`, or a position) is used only when the listener is made. */
export const selectionFields = {
  topics: texts(MOST_TOPICS),
  types: z.nullish(texts(MOST_TYPES)),
  from: z.nullish(z.string().check(z.minLength(1), z.maxLength(MAX_FROM_LENGTH))),
};

/** The selection of these fields, sorted so that equal selections are equal texts. @throws ServiceError request.invalid */
export function selectionFrom({
  topics,
  types,
}: {
  readonly topics: readonly string[];
  readonly types?: readonly string[] | null | undefined;
}): Selection {
  const named = types ?? undefined;
  return compact({
    topics: sorted(topics.map(patternOf)),
    types: named === undefined ? undefined : sorted(named.map(typeOf)),
  });
}

function patternOf(text: string, index: number): string {
  const pattern = parsePattern(text);
  if (!isFault(pattern)) return pattern;
  const field = `topics.${String(index)}`;
  throw invalid(field, `The field "${field}" ${pattern.fault}.`);
}

function typeOf(text: string, index: number): string {
  if (isTypePattern(text)) return text;
  const field = `types.${String(index)}`;
  throw invalid(
    field,
    `The field "${field}" must be a type of 1 to 128 of A-Z a-z 0-9 . _ -, or one that ends with ".*".`,
  );
}

const sorted = (all: readonly string[]): readonly string[] => [...new Set(all)].toSorted();

const invalid = (field: string, message: string): ServiceError =>
  new ServiceError("request.invalid", message, { field });
