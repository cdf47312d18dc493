// The project's own rules. oxlint.config.ts has what holds in every TypeScript file.
import * as parser from "@typescript-eslint/parser";
import { defineConfig } from "eslint/config";
import { layers } from "./eslint.layers.ts";
import { numbers } from "./eslint.numbers.ts";

const noEnvironment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: "Read the environment in lib/system/config.ts; take the value as a parameter.",
};
const noScan = {
  selector: "Identifier[name=/^(ScanCommand|paginateScan)$/]",
  message: "No table scans: give the access pattern a key.",
};
const zodMini = {
  selector:
    "ImportDeclaration[source.value=/^zod(\\u002Fv4)?$/], ImportDeclaration[source.value='zod/mini']:not([importKind='type']) > :not(ImportNamespaceSpecifier, Literal)",
  message: 'Write `import * as z from "zod/mini"`: "zod" itself, or a named import, puts far more into every bundle.',
};
const noDefault = {
  selector: "ExportDefaultDeclaration",
  message: "Export by name; only the tools' config files need a default.",
};
const noBarrel = { selector: "ExportAllDeclaration", message: "No barrels: import from the file that holds it." };

const noJsonParse = {
  selector: "MemberExpression[object.name='JSON'][property.name='parse'], VariableDeclarator[init.name='JSON']",
  message:
    "JSON.parse alters whole numbers beyond 2^53: take parseJson of lib/domain/json/json.ts for what comes from outside, parseText of lib/domain/json/json-text.ts for what we wrote ourselves.",
};

const noLiteralSpread = {
  selector: "ObjectExpression > SpreadElement > ObjectExpression",
  message: "Write the members where they belong; the formatter breaks the line.",
};
const noUndefinedSpread = {
  selector:
    "ObjectExpression > SpreadElement > ConditionalExpression[test.right.type='Identifier'][test.right.name='undefined'] > ObjectExpression[properties.length=0]",
  message: "Optional members come by compact (lib/system/compact.ts).",
};

const everywhere = [noScan, zodMini, noDefault, noBarrel];
const outsideTests = [...everywhere, noLiteralSpread, noUndefinedSpread];

export default defineConfig(
  // `npm run openapi` writes the client's types.
  { ignores: ["dist/", "cdk.out/", "coverage/", ".data*/", "node_modules/", "lib/client/openapi.ts"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.ts"],
    languageOptions: { parser },
    plugins: { layers },
    rules: {
      "layers/direction": "error",
      "no-restricted-syntax": ["error", ...everywhere, noEnvironment],
    },
  },
  {
    files: ["lib/**/*.ts", "functions/**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { numbers },
    rules: {
      "numbers/print": "error",
      "no-restricted-syntax": ["error", ...outsideTests, noEnvironment, noJsonParse],
    },
  },
  {
    // The module that all others take instead, and the one that prints for comparing alone.
    files: ["lib/domain/json/json-text.ts"],
    rules: { "no-restricted-syntax": ["error", ...outsideTests, noEnvironment] },
  },
  {
    // Runs in other programs, whose JSON has JavaScript's numbers. JSON.parse is the only parser that a browser has.
    files: ["lib/client/**/*.ts"],
    rules: { "numbers/print": "off", "no-restricted-syntax": ["error", ...outsideTests, noEnvironment] },
  },
  {
    // In a deployer's own file JSON.stringify prints what hooks are given: whole numbers exactly, doubles as they are.
    files: ["lib/domain/json/json-text.ts", "lib/domain/json/canonical-json.ts", "functions/app.ts"],
    rules: { "numbers/print": "off" },
  },
  {
    // The SDK's clients ask lib/aws/environment-credentials.ts for a session's credentials, which are no setting of ours.
    files: ["lib/system/config.ts", "lib/aws/environment-credentials.ts"],
    rules: { "no-restricted-syntax": ["error", ...outsideTests, noJsonParse] },
  },
  { files: ["infra/**/*.ts"], rules: { "no-restricted-syntax": ["error", ...outsideTests] } },
  { files: ["test/**/*.ts"], rules: { "no-restricted-syntax": ["error", ...everywhere] } },
  {
    files: ["*.config.ts", "*.config.js"],
    rules: { "no-restricted-syntax": ["error", noScan, noBarrel] },
  },
);
