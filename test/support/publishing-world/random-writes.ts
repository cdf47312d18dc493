/** Random changes of an actor's properties, as requests of its owner. Every one carries a mark that no other has. */
import type { Json } from "../../../lib/system/ports.ts";

/** One request. */
export interface Intent {
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  readonly json?: Json;
}

/** The properties there may be. */
export const NAMES: readonly string[] = ["a", "b", "private"];
const KEYS = ["x", "y", "ssn"] as const;
/** The lists there may be. */
export const LISTS = ["rows", "log"] as const;
/** The route of all properties. */
export const PROPERTIES = "/{actorId}/properties";

export function randomIntent(
  random: () => number,
  mark: string,
  { lists, names }: { readonly lists: boolean; readonly names: readonly string[] },
): Intent {
  const below = (count: number): number => Math.floor(random() * count);
  const pick = <T>(all: readonly T[]): T => all[below(all.length)] as T;
  const name = pick(names);
  const path = Array.from({ length: 1 + below(2) }, () => pick(KEYS)).join("/");
  const value = (): Json => {
    const kind = random();
    if (kind < 0.3) return mark;
    if (kind < 0.45) return `text ${mark}`;
    if (kind < 0.5) return {};
    if (kind < 0.55) return [mark, ""];
    return Object.fromEntries(
      KEYS.filter(() => random() < 0.6).map((key) => [key, random() < 0.3 ? { x: mark, ssn: mark } : mark]),
    );
  };
  if (lists && random() < 0.35) return listIntent(pick(LISTS), mark, below);
  const kind = random();
  if (kind < 0.35) return { route: `PUT ${PROPERTIES}/{name}`, params: { name }, json: value() };
  if (kind < 0.6) return { route: `PUT ${PROPERTIES}/{name}/{path+}`, params: { name, path }, json: value() };
  if (kind < 0.7) return { route: `DELETE ${PROPERTIES}/{name}/{path+}`, params: { name, path } };
  if (kind < 0.8) return { route: `DELETE ${PROPERTIES}/{name}`, params: { name } };
  if (kind < 0.84) return { route: `DELETE ${PROPERTIES}`, params: {} };
  const some = names.filter(() => random() < 0.6);
  return { route: `POST ${PROPERTIES}`, params: {}, json: Object.fromEntries(some.map((each) => [each, value()])) };
}

function listIntent(name: string, mark: string, below: (count: number) => number): Intent {
  const kind = below(13);
  const item = below(3) === 0 ? "same" : { mark };
  const index = String(below(3));
  const items = (json: Json): Intent => ({
    route: `POST ${PROPERTIES}/{name}/{path+}`,
    params: { name, path: "items" },
    json,
  });
  if (kind < 2)
    return {
      route: `POST ${PROPERTIES}`,
      params: {},
      json: { [name]: { _type: "list", description: "a list" } },
    };
  if (kind < 6) return { route: `POST ${PROPERTIES}/{name}`, params: { name }, json: item };
  if (kind === 6) return { route: `PUT ${PROPERTIES}/{name}/{path+}`, params: { name, path: index }, json: item };
  if (kind === 7) return { route: `DELETE ${PROPERTIES}/{name}/{path+}`, params: { name, path: index } };
  if (kind === 8) return items({ operation: "insert", index: 0, item });
  if (kind === 9) return items({ operation: "extend", items: [item, mark] });
  if (kind === 10) return items({ operation: below(2) === 0 ? "pop" : "clear" });
  if (kind === 11) {
    // One entry bears the mark, for each is a record of its own.
    const entries = [{ index: below(3) }, { index: below(3), mark }, { index: below(3) }];
    return { route: `POST ${PROPERTIES}`, params: {}, json: { [name]: { items: entries } } };
  }
  return below(3) === 0
    ? { route: `DELETE ${PROPERTIES}/{name}`, params: { name } }
    : items({ operation: "remove", item: "same" });
}
