import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const CLOCK = "export const at = Date.now();\n";
const TIMERS =
  'import { setTimeout as sleep } from "node:timers/promises";\nawait sleep(1);\nsetTimeout(() => undefined, 1);\n';
const UNAWAITED = "export const work = (): void => {\n  Promise.resolve();\n};\n";
const ANY = 'export const value: string = JSON.parse("1").text;\n';
const TYPES = 'export const count: number = "one";\n';
const ORDER = "export const first = (): number => second;\nexport const now = second;\nconst second = 1;\n";

const FILES: Readonly<Record<string, string>> = {
  "lib/failed-events/clock.ts": CLOCK,
  "lib/failed-events/timers.ts": TIMERS,
  "lib/failed-events/random.ts": "export const number = Math.random();\n",
  "lib/failed-events/unawaited.ts": UNAWAITED,
  "lib/failed-events/any.ts": ANY,
  "lib/failed-events/order.ts": ORDER,
  "lib/failed-events/types.ts": TYPES,
  "test/unit/types.ts": TYPES,
  "lib/compose/clock.ts": CLOCK,
  "lib/compose/order.ts": ORDER,
  "lib/system/platform.ts": CLOCK + TIMERS,
  "lib/failed-events/long.ts": "export {};\n".repeat(301),
  "lib/failed-events/long-enough.ts": "export {};\n".repeat(300),
  "test/unit/any.ts": CLOCK + ANY,
  "test/unit/unawaited.ts": UNAWAITED,
};

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

describe("oxlint, by the project's rules", () => {
  let folder: string;
  let found: readonly Diagnostic[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lint-rules-"));
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    for (const name of ["oxlint.config.ts", "package.json", "tsconfig.json"])
      await cp(join(ROOT, name), join(folder, name));
    for (const [name, text] of Object.entries(FILES)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    const command = [join(ROOT, "node_modules/oxlint/bin/oxlint"), "--format", "json", "lib", "test"];
    const printed = await new Promise<string>((resolve) => {
      // It ends with 1 because it finds something.
      execFile(process.execPath, command, { cwd: folder }, (_error, stdout) => resolve(stdout));
    });
    found = (JSON.parse(printed) as { diagnostics: Diagnostic[] }).diagnostics;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const rulesOf = (file: string): string[] =>
    [...new Set(found.filter(({ filename }) => filename === file).map(({ code }) => code))].sort();

  it.each([
    ["lib/failed-events/clock.ts", ["eslint(no-restricted-properties)"]],
    ["lib/failed-events/timers.ts", ["eslint(no-restricted-globals)", "eslint(no-restricted-imports)"]],
    ["lib/failed-events/random.ts", ["eslint(no-restricted-properties)"]],
    ["lib/compose/clock.ts", ["eslint(no-restricted-properties)"]],
    ["lib/system/platform.ts", []],
  ])("lets one file of lib take clock, randomness and timers from the machine: %s", (file, rules) => {
    expect(rulesOf(file)).toEqual(rules);
  });

  it("lets no constant of compose be used before it is declared", () => {
    expect(rulesOf("lib/compose/order.ts")).toContain("eslint(no-use-before-define)");
    expect(rulesOf("lib/failed-events/order.ts")).not.toContain("eslint(no-use-before-define)");
  });

  it("lets no file of lib have more than 300 lines", () => {
    expect(rulesOf("lib/failed-events/long.ts")).toEqual(["eslint(max-lines)"]);
    expect(rulesOf("lib/failed-events/long-enough.ts")).toEqual([]);
  });

  it("checks the types", () => {
    expect(rulesOf("lib/failed-events/types.ts")).toEqual(["typescript(TS2322)"]);
    expect(rulesOf("test/unit/types.ts")).toEqual(["typescript(TS2322)"]);
  });

  it("judges by the types", () => {
    const unawaited = ["typescript(no-floating-promises)"];
    expect(rulesOf("lib/failed-events/unawaited.ts")).toEqual(unawaited);
    expect(rulesOf("test/unit/unawaited.ts")).toEqual(unawaited);
    expect(rulesOf("lib/failed-events/any.ts")).toEqual([
      "typescript(no-unsafe-assignment)",
      "typescript(no-unsafe-member-access)",
    ]);
  });

  it("lets a test read what it then asserts", () => {
    expect(rulesOf("test/unit/any.ts")).toEqual([]);
  });
});
