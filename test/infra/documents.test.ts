/** Compares README, docs/ and comments with the code: links, files, routes, errors, variables, log messages. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { operatorVariables } from "../../infra/operator.ts";
import { routes } from "../../lib/api/route-table.ts";
import { readConfig } from "../../lib/system/config.ts";
import { CATALOGUE } from "../../lib/system/errors.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const under = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

const documents = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...under("docs", ".md")];
/** Without what stands in code blocks. */
const prose = (path: string): string => read(path).replaceAll(/^```.*?^```/gms, "");

/** The anchors that a document's headings make, as GitHub spells them. */
function anchorsOf(path: string): string[] {
  const headings = [...prose(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Relative links, each with the document that has it. */
const links = documents.flatMap((from) =>
  [...prose(from).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, to = "", anchor]) => {
    const file = to === "" ? from : relative(ROOT, join(ROOT, dirname(from), to));
    return { from, file, anchor };
  }),
);

/** The cells of a table row, without code marks. */
const cells = (row: string): string[] =>
  row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.replaceAll("`", "").trim());
const rowsOf = (path: string): string[][] =>
  read(path)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map(cells);

it("test/README.md has the counts of schedules and cases that the tests have", () => {
  const counted = under("test/property", ".test.ts").flatMap((file) =>
    [...read(file).matchAll(/countFrom\("\w+", ([\d_]+), ([\d_]+)\)/g)].map(([, usual = "", heavy = ""]) => ({
      name: basename(file, ".test.ts"),
      counts: [Number(usual.replaceAll("_", "")), Number(heavy.replaceAll("_", ""))],
    })),
  );
  const said = [...read("test/README.md").matchAll(/([a-z-]+) (\d[\d ]*) \((?:heavy )?(\d[\d ]*)\)/g)];
  expect(counted.length).toBeGreaterThan(5);
  expect(
    said.map(([, name, ...numbers]) => ({ name, counts: numbers.map((each) => Number(each.replaceAll(" ", ""))) })),
  ).toEqual(expect.arrayContaining(counted));
});

describe("the documents", () => {
  it("lead with every relative link to a file, and to a heading where they name one", () => {
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter(({ file }) => !existsSync(join(ROOT, file)))).toEqual([]);
    const lost = links.filter(({ file, anchor }) => anchor !== undefined && !anchorsOf(file).includes(anchor));
    expect(lost).toEqual([]);
  });

  it("call a file in a link by the end of its path", () => {
    const misnamed = documents.flatMap((from) =>
      [...read(from).matchAll(/\[([\w./-]+\.ts)\]\(([^)\s#]+)/g)].filter(
        ([, text = "", target]) => !target?.endsWith(text),
      ),
    );
    expect(misnamed.map(([link]) => link)).toEqual([]);
  });

  it("are all reached from the README", () => {
    const reached = new Set(["README.md"]);
    for (const from of reached) for (const link of links) if (link.from === from) reached.add(link.file);
    expect(documents.filter((path) => !reached.has(path))).toEqual([]);
  });

  it("name only files of the project that exist", () => {
    const named = documents.flatMap((from) =>
      [...read(from).matchAll(/\b(?:lib|infra|functions|test)\/[\w./-]+\.m?ts\b/g)].map(([path]) => ({ from, path })),
    );
    // In a command that runs one test file any name will do.
    const examples = ["test/unit/foo.test.ts"];
    expect(named.filter(({ path }) => !examples.includes(path) && !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it("name, right after a link to a file of the code, what that file declares or does itself", () => {
    const named = documents.flatMap((from) =>
      [...read(from).matchAll(/\]\(([^)\s#]+\.ts)\)[:,]?\s+`#?([A-Za-z]\w*)`/g)].map(([, to = "", name = ""]) => {
        return { from, file: join(dirname(from), to), name };
      }),
    );
    expect(named.length).toBeGreaterThan(50);
    const ownText = (file: string): string => read(file).replaceAll(/^import [^;]*;$/gm, "");
    expect(named.filter(({ file, name }) => !new RegExp(`\\b${name}\\b`).test(ownText(file)))).toEqual([]);
  });

  it("begin with a README of at most 150 lines", () => {
    expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(150);
  });
});

describe("the comments of the code", () => {
  it("name only files of the project that exist", () => {
    const code = ["lib", "functions", "infra"].flatMap((folder) => under(folder, ".ts"));
    const all = [...code, ...under("test", ".ts"), ...documents];
    const named = code.flatMap((file) =>
      [...read(file).matchAll(/^\s*(?:\/?\*|\/\/).*$/gm)].flatMap(([line]) =>
        [...line.matchAll(/[\w./-]*[\w-]\.(?:ts|md)\b/g)].map(([name]) => ({ file, name })),
      ),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ name }) => !all.some((file) => `/${file}`.endsWith(`/${name}`)))).toEqual([]);
  });
});

describe("the route tables of the wire", () => {
  /** What each word of the column "who" stands for. */
  const WHO: Readonly<Record<string, readonly string[]>> = {
    anyone: ["anyone"],
    creator: ["creator"],
    owner: ["creator", "trustee"],
    admin: ["admin"],
    peer: ["peer"],
    pending: ["pending"],
    hook: ["hook"],
  };

  it("name every route there is, and no other, with who may call it", () => {
    const named = rowsOf("docs/protocol.md")
      .filter(([, path]) => path?.startsWith("/") === true)
      .flatMap(([methods = "", path = "", who = ""]) => {
        const access = who.split(", ").flatMap((word) => WHO[word] ?? [`unknown: ${word}`]);
        return methods.split(" ").map((method) => `${method} ${path}: ${access.toSorted().join(", ")}`);
      });
    const there = routes.map(({ method, path, access }) => `${method} ${path}: ${access.toSorted().join(", ")}`);
    expect(named.toSorted()).toEqual(there.toSorted());
  });
});

describe("the table of errors", () => {
  it("names every code that the service answers, with its status, and no other", () => {
    const rows = read("docs/protocol.md")
      .split("\n## Errors\n")[1]
      ?.split("\n## ")[0]
      ?.matchAll(/^\| ([\d, ]+) \| (.*) \|$/gm);
    const statuses = new Map(
      [...(rows ?? [])].flatMap(([, status = "", codes = ""]) =>
        [...codes.matchAll(/`(\w+)`/g)].map(([, code = ""]) => [code, status.split(", ")] as const),
      ),
    );
    const there = [...Object.values(CATALOGUE), [500, "internal_error"] as const];
    expect([...statuses.keys()].toSorted()).toEqual(there.map(([, code]) => code).toSorted());
    for (const [status, code] of there)
      expect([code, statuses.get(code)]).toEqual([code, expect.arrayContaining([String(status)])]);
  });
});

describe("the tables of operator variables", () => {
  const tuning = read("docs/tuning.md");
  const own = tuning.split("\n## Only the local server\n")[0] ?? "";
  const variables = own
    .split("\n")
    .filter((line) => /^\| `[A-Z_]+` \|/.test(line))
    .map(cells);
  const config = (given: Record<string, string> = {}) =>
    readConfig({ BASE_URL: "https://a.example", TABLE_NAME: "t", ...given });

  it("name every variable there is, and no other", () => {
    const there = new Set<string>([...operatorVariables, "ACTOR_CREATION_TOKEN", "OPERATOR_TOKEN"]);
    expect(variables.map(([name]) => name).toSorted()).toEqual([...there].toSorted());
  });

  it("say the default of each", () => {
    const defaults = new Map(Object.entries(config()));
    const known: readonly string[] = [...operatorVariables, "ACTOR_CREATION_TOKEN", "OPERATOR_TOKEN"];
    for (const [name = "", said = ""] of variables) {
      if (name === "BASE_URL" || !known.includes(name)) continue;
      const value: unknown = defaults.get(
        name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      );
      const none = value === undefined || (Array.isArray(value) && value.length === 0);
      expect([name, said.split(";")[0]]).toEqual([name, none ? "none" : String(value)]);
    }
  });

  it("give the allowed values of each like the service itself", () => {
    for (const [name = "", , allowed = ""] of variables) {
      const range = /^([\d.]+) to ([\d.]+)$/.exec(allowed);
      if (range === null) continue;
      const [, least = "", most = ""] = range;
      const reading = (value: string) => () => config({ [name]: value });
      expect(reading(least), `${name}=${least}`).not.toThrow();
      expect(reading(most), `${name}=${most}`).not.toThrow();
      expect(reading(`${most}1`), `${name}=${most}1`).toThrow(name);
    }
  });

  it("come with a sentence on the effect of each", () => {
    const explained = [...own.matchAll(/^- `([A-Z_]+)`: \S/gm)].map(([, name = ""]) => name);
    expect(explained).toEqual(variables.map(([name]) => name));
  });
});

describe("the table of log messages", () => {
  it("names only messages that the service logs", () => {
    const section = read("docs/operations.md").split("\n## Logs\n")[1]?.split("\n## ")[0] ?? "";
    const rows = section.split("\n").filter((line) => line.startsWith("| `"));
    const messages = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, of]) => of));
    expect(messages.length).toBeGreaterThan(10);
    const sources = [...under("lib", ".ts"), ...under("functions", ".ts")].map(read).join("\n");
    expect(messages.filter((message) => !sources.includes(`"${message ?? ""}`))).toEqual([]);
  });
});
