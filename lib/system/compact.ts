/** What `compact` gives: members whose type includes undefined become optional without it, the others stay. */
export type Compact<T extends object> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/**
 * A copy of `members` without those that are undefined: `compact({ a: 1, b: undefined })` is `{ a: 1 }`. Use it where a
 * field is optional. Do not use it where undefined must override a value that is spread before it.
 */
export function compact<const T extends object>(members: T): Compact<T> {
  // A loop, and assignment where that is right: most requests come here dozens of times.
  const kept: Partial<Record<string, unknown>> = {};
  for (const name of Object.keys(members)) {
    const value: unknown = members[name as keyof T];
    if (value === undefined) continue;
    if (name === "__proto__") Object.defineProperty(kept, name, { ...OWN_MEMBER, value });
    else kept[name] = value;
  }
  return kept as Compact<T>;
}

const OWN_MEMBER = { writable: true, enumerable: true, configurable: true };
