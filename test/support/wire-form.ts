/** Requests and answers of DynamoDB with plain values in place of the wire's, such as `1` for `{ N: "1" }`. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { convertToNative, marshall } from "@aws-sdk/util-dynamodb";

const TYPES = new Set(["S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS"]);
/** Fields of answers that hold items, keys, or lists of them, at any depth. */
const ITEMS = new Set(["Attributes", "Item", "Items", "LastEvaluatedKey", "Responses", "Keys", "Key"]);

/** A request with plain values. */
export function plainForm(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainForm);
  if (typeof value !== "object" || value === null || value instanceof Set) return value;
  const names = Object.keys(value);
  if (names.length === 1 && TYPES.has(names[0] ?? "")) {
    return convertToNative(value as AttributeValue, { wrapNumbers: Number });
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainForm(member)]));
}

/** An answer whose items have plain values, as it comes over the wire. */
export function wireForm(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(wireForm);
  if (typeof answer !== "object" || answer === null) return answer;
  const fields = Object.entries(answer).map(([name, value]) => [
    name,
    ITEMS.has(name) ? items(value) : wireForm(value),
  ]);
  return Object.fromEntries(fields) as unknown;
}

function items(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(items);
  if (typeof value !== "object" || value === null) return value;
  if ("pk" in value) return marshall(value);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, items(member)]));
}
