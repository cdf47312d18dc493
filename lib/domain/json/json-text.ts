/**
 * JSON text and values, with whole numbers exact: the only module of lib and functions that calls `JSON.parse`. A whole
 * number, written without fraction and exponent, is a `number` up to 2^53 − 1 in size and a `bigint` beyond; every
 * other number is a double. (`-0` is the whole number 0.)
 */
import { ServiceError } from "../../system/errors.ts";

/** Most digits of a whole number: Python reads no more. */
export const MAX_DIGITS = 4_300;

/** Parts of the language that its type declarations lack. */
interface JsonWithSource {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
  isRawJSON(value: unknown): value is { readonly rawJSON: string };
}
const json = JSON as unknown as JsonWithSource;

const WHOLE = /^-?\d+$/;

/**
 * Parses a JSON text that we wrote ourselves: it checks nothing but the number of digits. Texts from outside go through
 * `parseJson`.
 * @throws SyntaxError when it is not JSON; ServiceError request.invalid for a whole number of over 4 300 digits
 */
export function parseText(text: string): unknown {
  // With a reviver parsing takes several times as long, so it is only used where a number may need its source.
  return holdsLongNumber(text) ? json.parse(text, exact) : JSON.parse(text);
}

function exact(_key: string, value: unknown, { source = "" }: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !WHOLE.test(source)) return value;
  checkDigits(source);
  return BigInt(source);
}

/**
 * The JSON text of a value, as by `JSON.stringify`, with whole numbers exact and other numbers printed so that they
 * parse as doubles again (`1e20`, whose digits would be a whole number). It does not need `printBigintsExactly`.
 * @throws ServiceError request.invalid for a whole number of over 4 300 digits
 */
export function printJson(value: unknown): string {
  const text = plainText(value);
  return text === undefined || holdsLongNumber(text) ? JSON.stringify(value, printed) : text;
}

function plainText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // A bigint without `toJSON`; any other reason fails again in the second attempt.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function printed(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return json.rawJSON(checkDigits(String(value)));
  // A bigint whose `toJSON` was called before.
  if (json.isRawJSON(value)) return checkDigits(value.rawJSON) && value;
  // From 1e21 on `JSON.stringify` prints an exponent.
  return isLongDouble(value) && Math.abs(value) < 1e21 ? json.rawJSON(value.toExponential().replace("e+", "e")) : value;
}

/**
 * A number in a form whose text is equal for equal numbers: `1.0` and `1`, also `1e20` and its digits. For the replacer
 * of `JSON.stringify`; undefined when the value is no number that needs it.
 */
export function comparable(value: unknown): object | undefined {
  if (typeof value === "number") return isLongDouble(value) ? json.rawJSON(String(BigInt(value))) : undefined;
  if (typeof value === "bigint") return json.rawJSON(String(value));
  return json.isRawJSON(value) ? value : undefined;
}

/** A double that is whole and beyond 2^53 − 1. */
const isLongDouble = (value: unknown): value is number => Number.isInteger(value) && !Number.isSafeInteger(value);

function checkDigits(whole: string): string {
  const digits = whole.startsWith("-") ? whole.length - 1 : whole.length;
  if (digits <= MAX_DIGITS) return whole;
  throw new ServiceError("request.invalid", `A whole number has at most ${MAX_DIGITS} digits.`);
}

/** 2^53: the smallest whole number that a double may alter. It has 16 digits. */
const FIRST_LONG = "9007199254740992";

/**
 * Whether the text may have a number of 2^53 or more, so at least 16 digits in a row. Every such run covers one of the
 * positions 15, 31, 47, …, so only these are tested.
 */
function holdsLongNumber(text: string): boolean {
  for (let at = 15; at < text.length; at += 16) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let [start, end] = [at, at + 1];
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start -= 1;
    while (end < text.length && isDigit(text.charCodeAt(end))) end += 1;
    const length = end - start;
    if (length > 16 || (length === 16 && text.slice(start, end) >= FIRST_LONG)) {
      // After any other character the digits are in a string, or behind a decimal point.
      if (start === 0 || "-:,[ \n\r\t".includes(text.charAt(start - 1))) return true;
    }
    at = end;
  }
  return false;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/**
 * Makes every `JSON.stringify` print a bigint as its digits, also in hooks: without this a bigint has no JSON text.
 * Called where the service is composed; another call changes nothing.
 */
export function printBigintsExactly(): void {
  Object.defineProperty(BigInt.prototype, "toJSON", {
    value: function toJSON(this: bigint) {
      return json.rawJSON(String(this));
    },
    writable: true,
    configurable: true,
  });
}
