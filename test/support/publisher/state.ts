import { at, sameJson, withAt, type Json, type JsonObject } from "./json.ts";

/** The ten list operations as they travel; `length` is the list's after the operation. */
export type ListOperation =
  | { operation: "append"; item: Json }
  | { operation: "insert"; index: number; item: Json }
  | { operation: "update"; index: number; item: Json }
  | { operation: "delete"; index: number }
  | { operation: "pop"; index?: number }
  | { operation: "extend"; items: Json[] }
  | { operation: "clear" }
  | { operation: "remove"; item: Json }
  | { operation: "delete_all" }
  | { operation: "metadata"; description?: string; explanation?: string };

/** One change of the published state, at a place named by property and path inside it. */
export type Change =
  | { kind: "value"; path: string[]; before: Json | undefined; after: Json | undefined }
  | { kind: "list"; name: string; wire: JsonObject };

export interface PublishedList {
  items: Json[];
  description: string;
  explanation: string;
  /** Counts its changes. */
  version: number;
}

/** What this actor publishes: properties and list properties. Every mutation returns the changes it made. */
export class PublishedState {
  readonly values = new Map<string, Json>();
  readonly lists = new Map<string, PublishedList>();

  /** Sets the whole property, or a place inside it. `undefined` and `""` delete. Several at once are one change each. */
  set(path: string[], value: Json | undefined): Change[] {
    const [name, ...rest] = path;
    if (name === undefined) throw new Error("a change needs a property name");
    const before = at(this.values.get(name), rest);
    const after = value === "" || value === null ? undefined : value;
    const whole = withAt(this.values.get(name), rest, after);
    if (whole === undefined) this.values.delete(name);
    else this.values.set(name, whole);
    return [{ kind: "value", path, before, after }];
  }

  /** Makes the list when it is not there, applies the operation, and gives it in wire form. */
  list(name: string, operation: ListOperation): Change[] {
    const list = this.lists.get(name) ?? { items: [], description: "", explanation: "", version: 0 };
    this.lists.set(name, list);
    const extra = applyTo(list, operation);
    list.version += 1;
    if (operation.operation === "delete_all") this.lists.delete(name);
    const wire: JsonObject = { list: name, ...operation, ...extra, length: list.items.length };
    return [{ kind: "list", name, wire }];
  }

  /** Name to value for everything, lists as plain arrays: what a subscriber's copy must equal. */
  snapshot(): Record<string, Json> {
    const lists = [...this.lists].map(([name, list]) => [name, structuredClone(list.items)] as const);
    return { ...structuredClone(Object.fromEntries(this.values)), ...Object.fromEntries(lists) };
  }

  /** The value at a place, lists included; undefined when there is none. */
  read(path: readonly string[]): Json | undefined {
    const [name, ...rest] = path;
    const list = name === undefined ? undefined : this.lists.get(name);
    if (!list) return name === undefined ? undefined : at(this.values.get(name), rest);
    if (rest.length === 0) return list.items;
    return list.items[Number(rest[0])];
  }
}

function applyTo(list: PublishedList, change: ListOperation): JsonObject {
  const { items } = list;
  switch (change.operation) {
    case "append":
      items.push(change.item);
      return {};
    case "insert":
      items.splice(change.index, 0, change.item);
      return {};
    case "update": {
      const old = items[change.index];
      if (old === undefined) throw new Error(`nothing at index ${change.index}`);
      items[change.index] = change.item;
      return { old_item: old };
    }
    case "delete":
      if (change.index >= items.length) throw new Error(`nothing at index ${change.index}`);
      items.splice(change.index, 1);
      return {};
    case "pop":
      items.splice(change.index ?? -1, 1);
      return {};
    case "extend":
      items.push(...change.items);
      return {};
    case "remove": {
      const index = items.findIndex((item) => sameJson(item, change.item));
      if (index < 0) throw new Error("nothing equal in the list");
      items.splice(index, 1);
      return {};
    }
    case "clear":
    case "delete_all":
      items.length = 0;
      return {};
    case "metadata":
      list.description = change.description ?? list.description;
      list.explanation = change.explanation ?? list.explanation;
      return {};
  }
}
