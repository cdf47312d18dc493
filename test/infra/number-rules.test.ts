import { fileURLToPath } from "node:url";
import * as parser from "@typescript-eslint/parser";
import { ESLint, Linter } from "eslint";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { numbers } from "../../eslint.numbers.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const linter = new Linter({ cwd: root });

interface Configured {
  readonly rules: Linter.RulesRecord;
}
const configured = async (file: string): Promise<Configured> =>
  (await new ESLint({ cwd: root }).calculateConfigForFile(file)) as Configured;

describe("JSON.parse", () => {
  const complaints = async (file: string, code: string): Promise<number> => {
    const rule = (await configured(file)).rules["no-restricted-syntax"];
    const config = { files: ["**/*.ts"], rules: { "no-restricted-syntax": rule } } as Linter.Config;
    return linter.verify(code, [config], { filename: root + file }).length;
  };

  it.each([
    ["lib/domain/json/digest.ts", "JSON.parse(text);"],
    ["lib/system/config.ts", "JSON.parse(text);"],
    ["lib/aws/environment-credentials.ts", "JSON.parse(text);"],
    ["functions/app.ts", "texts.map(JSON.parse);"],
    ["lib/domain/json/digest.ts", "const { parse } = JSON;"],
  ])("is called by no other module of lib and functions: %s", async (file, code) => {
    expect(await complaints(file, code)).toBe(1);
  });

  it("is called by the module that keeps whole numbers exact", async () => {
    expect(await complaints("lib/domain/json/json-text.ts", "JSON.parse(text);")).toBe(0);
  });
});

describe("JSON.stringify", () => {
  const json = 'import type { Json } from "../../system/ports.ts";\n';
  const REFUSED = [
    "export const text = (value: Json): string => JSON.stringify(value);",
    "export const text = (value: readonly { readonly data?: Json }[]): string => JSON.stringify({ value });",
    "export const text = (value: { readonly [name: string]: Json }): string => JSON.stringify(value);",
  ];
  const OWN = "export const text = (at: number, place: string[]): string => JSON.stringify([place, { at }]);";
  const codes = new Map([...REFUSED, OWN].map((code, at) => [`${root}lib/domain/json/case-${String(at)}.ts`, code]));

  /** All texts in the place of modules of lib/domain: one program, because its types take most of the time. */
  const programOf = (): ts.Program => {
    const options = { target: ts.ScriptTarget.ES2024, strict: true, allowImportingTsExtensions: true, noEmit: true };
    const host = ts.createCompilerHost(options);
    const getSourceFile: ts.CompilerHost["getSourceFile"] = (name, ...rest) => {
      const code = codes.get(name);
      return code === undefined ? host.getSourceFile(name, ...rest) : ts.createSourceFile(name, json + code, rest[0]);
    };
    return ts.createProgram([...codes.keys()], options, { ...host, getSourceFile });
  };
  let program: ts.Program | undefined;

  /** The rule's messages for one of the texts, with its types. */
  function complaints(code: string): number {
    program ??= programOf();
    const file = [...codes.keys()].find((name) => codes.get(name) === code) ?? "";
    const config: Linter.Config = {
      files: ["**/*.ts"],
      languageOptions: { parser, parserOptions: { programs: [program] } },
      plugins: { numbers },
      rules: { "numbers/print": "error" },
    };
    const found = linter.verify(json + code, [config], { filename: file });
    expect(found.filter(({ ruleId }) => ruleId !== "numbers/print")).toEqual([]);
    return found.length;
  }

  it.each(REFUSED)("prints nothing that may come from outside: %s", (code) => {
    expect(complaints(code)).toBe(1);
  });

  it("prints our own values", () => {
    expect(complaints(OWN)).toBe(0);
  });

  it("is watched in lib and functions, but for the two modules that print numbers themselves", async () => {
    const level = async (of: string): Promise<unknown> => [(await configured(of)).rules["numbers/print"]].flat()[0];
    expect([await level("lib/http/reply.ts"), await level("functions/api.ts")]).toEqual([2, 2]);
    expect([await level("lib/domain/json/json-text.ts"), await level("lib/domain/json/canonical-json.ts")]).toEqual([
      0, 0,
    ]);
    // A deployer's own file prints what its hooks are given.
    expect(await level("functions/app.ts")).toBe(0);
  });
});
