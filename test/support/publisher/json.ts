/** JSON values as this peer keeps them, and the few moves along paths it needs. Written apart from the service on purpose. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `nest(["a", "b"], 1)` is `{a: {b: 1}}`; an empty path gives the value itself. */
export function nest(path: readonly string[], value: Json): Json {
  return path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value);
}

/** The value at a path inside objects, or undefined when something on the way is missing or no object. */
export function at(value: Json | undefined, path: readonly string[]): Json | undefined {
  let here = value;
  for (const key of path) {
    if (!isObject(here) || !Object.hasOwn(here, key)) return undefined;
    here = here[key];
  }
  return here;
}

/** A copy of `value` with `leaf` at `path`; undefined takes the place away. What is on the way becomes an object. */
export function withAt(value: Json | undefined, path: readonly string[], leaf: Json | undefined): Json | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return leaf;
  const copy: JsonObject = isObject(value) ? { ...value } : {};
  const inner = withAt(copy[key], rest, leaf);
  if (inner === undefined) delete copy[key];
  else copy[key] = inner;
  return copy;
}

/** The JSON Pointer of a path: `""` for the whole. */
export function pointer(path: readonly string[]): string {
  return path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** Equality of JSON, whatever the order of keys. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === undefined) return "nothing";
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(",")}}`;
}
