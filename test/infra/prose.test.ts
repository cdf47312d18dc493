/** Comments, titles of tests and documents do without some words for which the field has a noun or a verb. */
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Each with what to write instead. */
const REFUSED: readonly { readonly words: RegExp; readonly instead: string }[] = [
  { words: /\b(whoever|nobody)\b/i, instead: "name who acts: the peer, the owner, another writer" },
  { words: /\banew\b/i, instead: "again" },
  { words: /\bof (its|their) own accord\b/i, instead: "name what starts it: the sweep, a timer" },
  { words: /\b(is|are|was|were|be|been|being) told\b/i, instead: "notified, rendered, sent, called with" },
  { words: /\b(comes|came) to (its|their|an) end\b/i, instead: "ends" },
  { words: /\b(go|goes|went) on (with|where|after|from|until)\b/i, instead: "continue" },
  { words: /^\W*what [^.;:]* (comes?|came) to\b/i, instead: "the result of" },
  { words: /\bso many (times|ms|milliseconds)\b/i, instead: "this many" },
];

const CODE = ["lib", "functions", "infra", "test"];
const TOP_LEVEL = ["README.md", "CONTRIBUTING.md", "SECURITY.md"];

const filesBelow = (folder: string, names: RegExp): readonly string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && names.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    // Its words are those of infra/openapi.
    .filter((file) => file !== "lib/client/openapi.ts");

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** The text of a comment on one line, so that a break hides no pair of words. */
const unwrapped = (comment: string): string => comment.replace(/\s*\n\s*(\*(?!\/)|\/\/)?\s*/g, " ");

const isTitle = (node: ts.Node): boolean => {
  if (!ts.isCallExpression(node.parent) || node.parent.arguments[0] !== node) return false;
  return /^(describe|it|test)\b/.test(node.parent.expression.getText());
};

/** How files are parsed for their titles: `COMMENT` finds the comments. */
const WITHOUT_COMMENTS = {
  languageVersion: ts.ScriptTarget.Latest,
  jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
};

/** Comments that begin a line; line comments that follow one another are one. */
const COMMENT = /^[ \t]*(?:\/\*[\s\S]*?\*\/|\/\/.*(?:\n[ \t]*\/\/.*)*)/gm;

/** Every comment, and every title of a test. */
function proseOf(source: string): readonly string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) && isTitle(node)) titles.push(node.getText());
    ts.forEachChild(node, visit);
  };
  if (/\b(describe|it|test)[.(]/.test(source)) visit(ts.createSourceFile("a.ts", source, WITHOUT_COMMENTS, true));
  return [...[...source.matchAll(COMMENT)].map(([comment]) => unwrapped(comment)), ...titles];
}

const faultsIn = (text: string): readonly string[] =>
  REFUSED.flatMap(({ words, instead }) => {
    const found = words.exec(text)?.[0];
    return found === undefined ? [] : [`"${found}" (instead: ${instead}) in ${text.slice(0, 200)}`];
  });

it("no comment and no title of a test has a refused word", () => {
  const files = CODE.flatMap((folder) => filesBelow(folder, /\.m?ts$/));
  const faults = files.flatMap((file) =>
    proseOf(read(file))
      .flatMap(faultsIn)
      .map((fault) => `${file}: ${fault}`),
  );
  expect(faults).toEqual([]);
});

it("no document has a refused word", () => {
  const files = [...TOP_LEVEL, ...["docs", "test", ".github"].flatMap((folder) => filesBelow(folder, /\.md$/))];
  const faults = files.flatMap((file) =>
    read(file)
      .split(/\n\n|\n(?=[-|#])/)
      .flatMap((part) => faultsIn(unwrapped(part)))
      .map((fault) => `${file}: ${fault}`),
  );
  expect(faults).toEqual([]);
});

it.each([
  "/** Whoever reads it first. */",
  "// The peer is\n// told of it.",
  'it("goes on where it stopped", () => undefined);',
  "/** What a run came to. */",
])("the check would find the word in %j", (source) => {
  expect(proseOf(source).flatMap(faultsIn)).toHaveLength(1);
});

it.each(["// The peer is notified.", 'const told = "whoever";', "/** A state goes out. */"])(
  "the check accepts %j",
  (source) => {
    expect(proseOf(source).flatMap(faultsIn)).toEqual([]);
  },
);
