import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";
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

/** Time, randomness and timers come from the ports, so that a test can stand in for them. */
const MACHINE =
  "takes from the machine what the ports give: take the clock, random, sleep or after of lib/system/ports.ts.";
const noMachine = {
  "no-restricted-properties": [
    "error",
    { object: "Math", property: "random", message: `Math.random ${MACHINE}` },
    { object: "Date", property: "now", message: `Date.now ${MACHINE}` },
  ],
  "no-restricted-globals": [
    "error",
    ...["setTimeout", "setInterval", "setImmediate"].map((name) => ({ name, message: `${name} ${MACHINE}` })),
  ],
  "no-restricted-imports": [
    "error",
    ...["node:timers/promises", "node:timers"].map((name) => ({ name, message: `${name} ${MACHINE}` })),
  ],
};

const everywhere = [noScan, zodMini, noDefault, noBarrel];

export default defineConfig(
  // `npm run openapi` writes the client's types.
  { ignores: ["dist/", "cdk.out/", "coverage/", ".data*/", "node_modules/", "lib/client/openapi.ts"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { layers },
    rules: {
      "layers/direction": "error",
      "no-restricted-syntax": ["error", ...everywhere, noEnvironment],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "prefer-const": "error",
      "no-var": "error",
      "no-duplicate-imports": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      // tsc reports these two already.
      "@typescript-eslint/no-unused-vars": "off",
      "no-unused-vars": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      // An item's attribute may be an object by type; which one it is, the reader of that item knows.
      "@typescript-eslint/no-base-to-string": "off",
      // An adapter's method may be async because its interface is.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      "@typescript-eslint/no-extraneous-class": "off",
      // These two took almost half of the time. tsc forbids enums (erasableSyntaxOnly), and refuses a literal for a class
      // with private fields.
      "@typescript-eslint/no-unsafe-enum-assignment": "off",
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      // `Map<string, T>` would be wrong for what index signatures describe: attributes by name.
      "@typescript-eslint/no-dynamic-delete": "off",
    },
  },
  {
    files: ["lib/**/*.ts", "functions/**/*.ts"],
    plugins: { numbers },
    rules: {
      "numbers/print": "error",
      "no-console": "error",
      "no-restricted-syntax": ["error", ...everywhere, noEnvironment, noJsonParse],
    },
  },
  {
    files: ["lib/**/*.ts"],
    // A socket's own time limits are timers of the socket.
    ignores: ["lib/system/platform.ts", "lib/peers/http/*.ts", "lib/client/**"],
    rules: noMachine,
  },
  {
    // The order of the constants is the order in which the service is put together.
    files: ["lib/compose/**/*.ts"],
    rules: {
      "@typescript-eslint/no-use-before-define": ["error", { functions: false, classes: true, variables: true }],
    },
  },
  {
    // The module that all others take instead, and the one that prints for comparing alone.
    files: ["lib/domain/json/json-text.ts"],
    rules: { "no-restricted-syntax": ["error", ...everywhere, noEnvironment] },
  },
  {
    // Runs in other programs, whose JSON has JavaScript's numbers. JSON.parse is the only parser that a browser has.
    files: ["lib/client/**/*.ts"],
    rules: { "numbers/print": "off", "no-restricted-syntax": ["error", ...everywhere, noEnvironment] },
  },
  {
    // In a deployer's own file JSON.stringify prints what hooks are given: whole numbers exactly, doubles as they are.
    files: ["lib/domain/json/json-text.ts", "lib/domain/json/canonical-json.ts", "functions/app.ts"],
    rules: { "numbers/print": "off" },
  },
  {
    // The SDK's clients ask lib/aws/environment-credentials.ts for a session's credentials, which are no setting of ours.
    files: ["lib/system/config.ts", "lib/aws/environment-credentials.ts"],
    rules: { "no-restricted-syntax": ["error", ...everywhere, noJsonParse] },
  },
  {
    files: ["infra/**/*.ts", "test/**/*.ts"],
    rules: { "no-restricted-syntax": ["error", ...everywhere] },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      // Templates, JSON and recorded traffic have the shape the test then asserts.
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-floating-promises": "error",
      // Looks up every name. What a test takes of a deprecated library, it takes from the library that lib has.
      "@typescript-eslint/no-deprecated": "off",
    },
  },
  {
    files: ["*.config.ts", "*.config.js"],
    rules: { "no-restricted-syntax": ["error", noScan, noBarrel] },
  },
);
