/** A diff under construction: the edits that the changes of one record make, combined in their order. */
import type { Json } from "../../system/ports.ts";
import { isObject, setOwn } from "../json/json.ts";
import { nestedUnder, valueAt, withValueAt } from "../json/json-path.ts";
import type { Place } from "../terms/scope.ts";

/** One statement about a place, relative to the subscription's own place. */
export type Edit =
  /** The place has this value, literally. */
  | { readonly say: "value"; readonly path: Place; readonly value: Json }
  /** The place has nothing any more. */
  | { readonly say: "removed"; readonly path: Place }
  /** The place has an object, whatever is in it. */
  | { readonly say: "object"; readonly path: Place }
  /** The diff has this value at the place: a list operation, or an app event. */
  | { readonly say: "as is"; readonly path: Place; readonly value: Json };

/** The content of a high diff. */
export interface ShapedDiff {
  readonly data: Json;
  /** JSON Pointers to the values within `data` that are literal. */
  readonly overwritten: readonly string[];
}

type Node =
  | { kind: "value" | "as is"; value: Json }
  | { kind: "removed" }
  | { kind: "object"; members: Map<string, Node> };

/** Combines edits, later ones over earlier ones. Undefined when there are none. */
export function combine(edits: readonly Edit[]): ShapedDiff | undefined {
  let root: Node | undefined;
  for (const edit of edits) root = put(root, edit.path, edit);
  if (root === undefined) return undefined;
  const overwritten: string[] = [];
  return { data: written(root, "", overwritten), overwritten };
}

function put(node: Node | undefined, path: Place, edit: Edit): Node {
  if (node?.kind === "value") {
    const value = inLiteral(node.value, path, edit);
    return value === undefined ? { kind: "removed" } : { kind: "value", value };
  }
  const [key, ...deeper] = path;
  if (key === undefined) return atEnd(node, edit);
  if (node?.kind === "removed") {
    if (edit.say === "removed") return node;
    return { kind: "value", value: nestedUnder(path, edit.say === "object" ? {} : edit.value) };
  }
  const members = node?.kind === "object" ? node.members : new Map<string, Node>();
  members.set(key, put(members.get(key), deeper, edit));
  return { kind: "object", members };
}

function atEnd(node: Node | undefined, edit: Edit): Node {
  if (edit.say === "removed") return { kind: "removed" };
  if (edit.say !== "object") return { kind: edit.say, value: edit.value };
  if (node?.kind === "object") return node;
  // A value was removed before this edit, so the object has replaced it: the empty object, literally.
  return node?.kind === "removed" ? { kind: "value", value: {} } : { kind: "object", members: new Map() };
}

function inLiteral(value: Json, path: Place, edit: Edit): Json | undefined {
  if (edit.say === "object") return isObject(valueAt(value, path)) ? value : withValueAt(value, path, {});
  return withValueAt(value, path, edit.say === "removed" ? undefined : edit.value);
}

function written(node: Node, pointer: string, overwritten: string[]): Json {
  switch (node.kind) {
    case "removed":
      return "";
    case "value":
      overwritten.push(pointer);
      return node.value;
    case "as is":
      return node.value;
    case "object": {
      const data: Record<string, Json> = {};
      for (const [key, member] of node.members) {
        setOwn(
          data,
          key,
          written(member, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, overwritten),
        );
      }
      return data;
    }
  }
}
