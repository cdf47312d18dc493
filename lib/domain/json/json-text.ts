/**
 * JSON text and values, with whole numbers exact: the only module of lib and functions that calls `JSON.parse`. A whole
 * number, written without fraction and exponent, is a `number` up to 2^53 − 1 in size and a `bigint` beyond; every other
 * number is a double. (`-0` is the whole number 0.)
 */
import { ServiceError } from "../../system/errors.ts";

/** Most digits of a whole number: what Python reads. */
export const MAX_DIGITS = 4_300;

/** What the language has and its type declarations do not. */
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
 * The value of a JSON text. It checks nothing but the digits: for texts that we wrote ourselves. What comes from outside
 * goes through `parseJson`.
 * @throws SyntaxError when it is not JSON; ServiceError request.invalid for a whole number of over 4 300 digits
 */
export function parseText(text: string): unknown {
  // The source of each number is asked for only where one may need it: it takes several times as long.
  return holdsLongNumber(text) ? json.parse(text, exact) : JSON.parse(text);
}

function exact(_key: string, value: unknown, { source = "" }: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !WHOLE.test(source)) return value;
  checkDigits(source);
  return BigInt(source);
}

/**
 * The JSON text of a value, as `JSON.stringify` gives it, with whole numbers exact and other numbers printed so that they
 * are read as doubles again (`1e20`, whose digits would be a whole number). It does not need `printBigintsExactly`.
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
    // A bigint without a `toJSON`; the second attempt says what else it was.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function printed(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return json.rawJSON(checkDigits(String(value)));
  // A bigint whose `toJSON` has been called already.
  if (json.isRawJSON(value)) return checkDigits(value.rawJSON) && value;
  // From 1e21 on the usual text has an exponent.
  return isLongDouble(value) && Math.abs(value) < 1e21 ? json.rawJSON(value.toExponential().replace("e+", "e")) : value;
}

/**
 * What a value of any kind is in a text for comparing: equal numbers become equal there, `1.0` and `1`, also `1e20` and
 * its digits. For `JSON.stringify` with a function; undefined when the value is no number that needs it.
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

/** 2^53: the first with 16 digits that a double may alter. */
const FIRST_LONG = "9007199254740992";

/**
 * Whether the text may hold a number that begins with 2^53 or more: 16 digits in a row. It looks at each sixteenth
 * character, which every such run covers.
 */
function holdsLongNumber(text: string): boolean {
  for (let at = 15; at < text.length; at += 16) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let [start, end] = [at, at + 1];
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start -= 1;
    while (end < text.length && isDigit(text.charCodeAt(end))) end += 1;
    const length = end - start;
    if (length > 16 || (length === 16 && text.slice(start, end) >= FIRST_LONG)) {
      // After any other character than these the digits are in a string, or behind a point.
      if (start === 0 || "-:,[ \n\r\t".includes(text.charAt(start - 1))) return true;
    }
    at = end;
  }
  return false;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/**
 * Lets every `JSON.stringify` print a bigint as its digits, a hook's too: without it a bigint has no JSON text. To be called
 * where the service is composed; calling it again changes nothing.
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
