/**
 * The names of docs/glossary.md stay: an identifier, a file name or a quoted name with a word that the glossary replaced is
 * refused. A word that is English or the protocol's besides is refused only where it has the meaning that was replaced.
 */
import { readFileSync, readdirSync } from "node:fs";
import { basename, join, relative } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Refused in every name, as one of its words. */
const WORDS = new Set(
  [
    "clockwork duties fence fenced claim claims claimed turn turns turned hold holding held releasing fate fated",
    "want wants wanted owe owes owed slot slots unkeep hole holes carve carved recarve reown bury buried",
    "walk walks peek peeked circumstances told tell tells untold notice notices news upkeep trimmed",
    "senders spread spreading bare wish wishes wished sink sinks suspect suspected wm marks mover heard learn",
    "looked parked park forwarded",
  ].flatMap((words) => words.split(" ")),
);

/** Refused in every name, as words of it one after another. */
const PHRASES = ["pass over", "time left", "log pass", "hold end"];

/** Refused as the whole name: parts of other names, or local English, where they mean something else. */
const WHOLE = [
  {
    names: "look take settle Moved Passed Gone Timers asRead logged mayBegin notBefore",
    where: /^(lib|functions|infra)\//,
  },
  { names: "Trim LogTrim KnownPeers Senders timers", where: /^(lib|functions|infra)\// },
  {
    names: "view views viewOf seen",
    where: /^lib\/(domain\/(?!subscription-backlog)|publishing\/snapshots|properties)/,
  },
  { names: "pending hole keep unkeep kept", where: /^lib\/(domain\/sequencing|receiving\/stream\/(?!digests))/ },
  { names: "trim", where: /^lib\/(publishing|change-log|compose)\// },
].map(({ names, where }) => ({ names: new Set(names.split(" ")), where }));

/** Where a word of the list is the route's, the wire's, the library's, or another program's. */
const ALLOWED: readonly { readonly name: RegExp; readonly where: RegExp; readonly because: string }[] = [
  { name: /^\/\{actorId\}\/parked/, where: /^lib\/api\/route-table\.ts$/, because: "the route" },
  { name: /\/\{actorId\}\/parked/, where: /^(functions|lib\/api)\//, because: "the route" },
  {
    name: /^parked$/,
    where: /^(lib\/domain\/terms\/own-paths|test\/infra\/routes\.test)\.ts$/,
    because: "a reserved path",
  },
  {
    name: /^parked$/,
    where:
      /^lib\/(failed-events\/(failed-event|failed-event-store|hook-runs)|receiving\/(recovery\/stale-reads|stream\/stale-parts))\.ts$/,
    because: "the status of an event that waits for a person",
  },
  {
    name: /^(parked|held)$/,
    where: /^(lib\/operations|test\/integration\/operating)\/failed-events\./,
    because: "the wire's words for a status",
  },
  {
    name: /^(park|parked|held|(\$sys\.)?event\.parked)$/,
    where: /^(lib\/listeners|test\/integration\/(app|groups|webhooks)|test\/support\/demo)\//,
    because: "a verdict of the library, the wire's words for a setting and a count, and a status",
  },
  {
    name: /^(parkedKeepDays|PARKED_KEEP_DAYS)$/,
    where: /^(lib\/(compose|system)|test\/infra)\//,
    because: "a variable of the operator, named like the route",
  },
  { name: /^pending$/, where: /^lib\/receiving\/stream\/sequencer\.ts$/, because: "the answer's word for buffered" },
  { name: /^park$/, where: /^(lib\/domain|test\/.*)\/events\//, because: "the wire's word for a setting" },
  { name: /^park$/, where: /^lib\/failed-events\/hook-(event|runs)\.ts$/, because: "a verdict of the library" },
  { name: /^parked$/, where: /^lib\/api\/webhooks\.ts$/, because: "the wire's word" },
  { name: /^park$/, where: /^lib\/api\/groups\.ts$/, because: "a verdict on the wire" },
  { name: /^parked$/, where: /^lib\/domain\/events\/group-verdicts\.ts$/, because: "an outcome on the wire" },
  {
    name: /^(fenced|held|\/parked\?source=group:billing)$/,
    where: /^(lib\/system\/errors|test\/(integration\/groups\/.*|e2e\/pulling\.test))\.ts$/,
    because: "the wire's codes of two errors, and the route",
  },
  {
    name: /^parkedAt$/,
    where: /^(lib\/listeners|test\/integration|infra\/openapi)\/(groups|event-schemas)/,
    because: "the wire's word for the actors with parked events",
  },
  { name: /^(park|parked|held|fenced)$/, where: /^infra\/openapi\//, because: "the wire's words" },
  {
    name: /^(x-forwarded-(for|port|proto)|forwarded)$/,
    where: /^(infra|test\/integration)\/local\/gateway/,
    because: "HTTP",
  },
  {
    name: /^(Fenced|fenced|Held|held|park)$/,
    where: /^(lib|test\/unit|test\/e2e)\/client[/.]/,
    because: "the wire's words for a verdict and two refusals, and the errors named after them",
  },
  { name: /^node:timers/, where: /./, because: "Node" },
  {
    name: /^(\/?parked(\/|\/\{eventId\}|\?source=[a-z:-]*)?|park|toPark)$/,
    where: /^test\//,
    because: "the route, a status, a verdict",
  },
];

/** Refused in the titles of tests. */
const TITLE = /\b(clockwork|upkeep|fence|carved|circumstances|bare stream|held event|parked event|claim fence|sink)\b/;

/** This file names what it refuses. */
const SELF = "test/infra/words.test.ts";

const files = (folder: string): readonly string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.m?[jt]s$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    // Its names are those of infra/openapi.
    .filter((file) => file !== "lib/client/openapi.ts");

const wordsOf = (name: string): readonly string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.toLowerCase());

const known = new Map<string, boolean>();
/** Whether a word or phrase of the name is refused everywhere. Most names occur in many files, and are taken apart once. */
function hasRefusedWord(name: string): boolean {
  const has = known.get(name) ?? isRefusedAnywhere(wordsOf(name));
  known.set(name, has);
  return has;
}

const isRefusedAnywhere = (words: readonly string[]): boolean =>
  words.some((word) => WORDS.has(word)) || PHRASES.some((phrase) => ` ${words.join(" ")} `.includes(` ${phrase} `));

function isRefused(name: string, file: string): boolean {
  const asWhole = (): boolean => WHOLE.some(({ names, where }) => names.has(name) && where.test(file));
  if (!hasRefusedWord(name) && !asWhole()) return false;
  return !ALLOWED.some((allowed) => allowed.name.test(name) && allowed.where.test(file));
}

interface Named {
  readonly names: readonly string[];
  readonly titles: readonly string[];
}

/** How files are parsed: names in comments are prose. */
const WITHOUT_COMMENTS = {
  languageVersion: ts.ScriptTarget.Latest,
  jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
};

/** Every identifier, every quoted name (a text without a space), and every title of a test. */
function namesIn(text: string): Named {
  const names: string[] = [];
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.push(node.text);
    else if (ts.isPrivateIdentifier(node)) names.push(node.text.slice(1));
    else if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      const isPath = /^\.{1,2}\//.test(node.text);
      if (!isPath && !/\s/.test(node.text)) names.push(node.text);
      if (/\s/.test(node.text) && ts.isCallExpression(node.parent)) titles.push(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("a.ts", text, WITHOUT_COMMENTS, true));
  return { names, titles };
}

const parsed = new Map<string, Named>();
/** The names of a file, which is parsed once. */
function read(file: string): Named {
  const named = parsed.get(file) ?? namesIn(readFileSync(join(ROOT, file), "utf8"));
  parsed.set(file, named);
  return named;
}

it("no name of lib, functions, infra or the tests has a word that the glossary replaced", () => {
  const all = ["lib", "functions", "infra", "test"].flatMap(files).filter((file) => file !== SELF);
  const refused = all.flatMap((file) => {
    const names = [basename(file).replace(/\.m?ts$/, ""), ...read(file).names];
    return [...new Set(names.filter((name) => isRefused(name, file)))].map((name) => `${file}: ${name}`);
  });
  expect(refused).toEqual([]);
});

it("every allowance is needed", () => {
  const all = ["lib", "functions", "infra", "test"].flatMap(files).filter((file) => file !== SELF);
  const isNeeded = ({ name, where }: (typeof ALLOWED)[number]): boolean =>
    all.some((file) => where.test(file) && read(file).names.some((each) => name.test(each)));
  expect(ALLOWED.filter((allowed) => !isNeeded(allowed))).toEqual([]);
});

it("no test file and no title of a test has a word that the glossary replaced", () => {
  const refused = files("test").flatMap((file) => {
    const name = wordsOf(basename(file)).some((word) => WORDS.has(word)) ? [file] : [];
    return [
      ...name,
      ...read(file)
        .titles.filter((title) => TITLE.test(title))
        .map((title) => `${file}: ${title}`),
    ];
  });
  expect(refused).toEqual([]);
});

it.each([
  ["claimToken", "lib/receiving/stream/head.ts"],
  ["PARKED#", "lib/dynamodb/keys/streams.ts"],
  ["parkedKey", "lib/dynamodb/keys/streams.ts"],
  ["bare-sink", "lib/receiving/intake/bare-sink.ts"],
  ["look", "lib/publishing/delivery/refused-heads.ts"],
  ["wm", "lib/receiving/replica/replica-entry.ts"],
  ["parked", "lib/publishing/delivery/fan-out.ts"],
  ["passOverState", "lib/receiving/recovery/state-replacement.ts"],
])("%s is refused in %s", (name, file) => {
  expect(isRefused(name, file)).toBe(true);
});

it.each([
  ["/{actorId}/parked", "lib/api/route-table.ts"],
  ["parked", "lib/failed-events/failed-event.ts"],
  ["trimStart", "lib/http/body.ts"],
  ["leaseToken", "lib/dynamodb/lease.ts"],
])("%s is fine in %s", (name, file) => {
  expect(isRefused(name, file)).toBe(false);
});
