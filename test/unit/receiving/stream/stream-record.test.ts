/** The stream record has one owner: no other file spells its attributes in a write. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";
import { outboundHeadKey } from "../../../../lib/dynamodb/keys/streams.ts";
import { readHead } from "../../../../lib/receiving/stream/head.ts";

const LIB = fileURLToPath(new URL("../../../../lib", import.meta.url));
const OWNER = "receiving/stream";
/** Rooms that cannot know the record, with records of their own. */
const APART = ["publishing", "change-log", "properties", "lists", "actors", "dynamodb", "domain", "http", "system"];

/** Attributes that records beside it have too, or that are no names of their own. */
const SHARED = [
  "key",
  "actorId",
  "peerId",
  "subscriptionId",
  "scope",
  "createdAt",
  "live",
  "starts",
  "dueAt",
  "version",
];
const STORED_ONLY = ["doneToken", "authRevision", "problemCode", "problemSince", "gapSince", "begun", "auth"];
const OPTIONAL = ["recoveryRequested", "replacedFrom", "recovery", "pausedUntil", "reconcileAt"];
const ATTRIBUTES = new Set([
  ...Object.keys(
    readHead({ ...outboundHeadKey({ actorId: "actor", peerId: "peer", subscriptionId: "sub" }), state: "live" }),
  ),
  ...STORED_ONLY,
  ...OPTIONAL,
]);
for (const name of SHARED) ATTRIBUTES.delete(name);

/** Members of a `Change`, and functions that make conditions. */
const MEMBERS = new Set(["set", "setIfMissing", "add", "discard", "remove"]);
const CONDITIONS = new Set(
  "equals differs exists missing above atLeast atMost below contains sizeBelow sizeEquals".split(" "),
);

/** The attributes of the record that a source spells in a change or a condition. */
function spelled(source: string): string[] {
  const found: string[] = [];
  const note = (name: string): void => {
    if (ATTRIBUTES.has(name)) found.push(name);
  };
  const visit = (node: ts.Node): void => {
    const named = ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node) ? node.name.getText() : "";
    if (MEMBERS.has(named) && "initializer" in node && node.initializer !== undefined) {
      const literals = (part: ts.Node): void => {
        if (ts.isPropertyAssignment(part) || ts.isShorthandPropertyAssignment(part)) note(part.name.getText());
        if (ts.isStringLiteral(part)) note(part.text);
        ts.forEachChild(part, literals);
      };
      literals(node.initializer as ts.Node);
    }
    if (ts.isCallExpression(node) && CONDITIONS.has(node.expression.getText())) {
      const [name] = node.arguments;
      if (name !== undefined && ts.isStringLiteral(name)) note(name.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("a.ts", source, ts.ScriptTarget.Latest, true));
  return found;
}

const files = readdirSync(LIB, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && !name.startsWith(OWNER) && !APART.includes(name.split("/")[0] ?? ""),
);

it("is written by its owner alone", () => {
  expect(files.length).toBeGreaterThan(100);
  const elsewhere = files.map((name) => ({ name, spelled: spelled(readFileSync(join(LIB, name), "utf8")) }));
  expect(elsewhere.filter((file) => file.spelled.length > 0)).toEqual([]);
});

it.each([
  "const change = { set: { hooksPaused: true } };",
  "const set = { lastSeq: 0 };",
  'const change = { remove: ["buffered", "x"] };',
  'const condition = all(missing("replacing"));',
])("would see %s", (source) => {
  expect(spelled(source)).toHaveLength(1);
});
