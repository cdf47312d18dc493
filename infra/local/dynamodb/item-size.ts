import type { WireItem, WireValue } from "./dynalite.ts";

/** The service's limit for one item, names and values together. */
export const MAX_ITEM_BYTES = 400 * 1024;

/** Bytes of an item as the service counts them: UTF-8 names and values, about half a byte for a digit. */
export function itemBytes(item: WireItem): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueBytes(value);
  return bytes;
}

function valueBytes(value: WireValue): number {
  const [type, content] = Object.entries(value)[0] ?? ["NULL", true];
  switch (type) {
    case "S":
      return Buffer.byteLength(content as string);
    case "N":
      return numberBytes(content as string);
    case "B":
      return Buffer.byteLength(content as string, "base64");
    case "SS":
      return sum(content as string[], (text) => Buffer.byteLength(text));
    case "NS":
      return sum(content as string[], numberBytes);
    case "BS":
      return sum(content as string[], (text) => Buffer.byteLength(text, "base64"));
    case "L":
      return 3 + sum(content as WireValue[], (element) => 1 + valueBytes(element));
    case "M":
      return 3 + Object.keys(content as object).length + itemBytes(content as WireItem);
    default:
      return 1;
  }
}

function numberBytes(number: string): number {
  const digits = number
    .replace(/e.*$/i, "")
    .replace(/[^0-9]/g, "")
    .replace(/^0+|0+$/g, "").length;
  return Math.min(21, Math.ceil(digits / 2) + 1 + (number.startsWith("-") ? 1 : 0));
}

function sum<T>(elements: readonly T[], size: (element: T) => number): number {
  return elements.reduce((bytes, element) => bytes + size(element), 0);
}
