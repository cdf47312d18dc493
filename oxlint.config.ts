// What holds in every TypeScript file, most of it by the types. eslint.config.js has the project's own rules.
import { defineConfig, type OxlintConfig } from "oxlint";

/** Time, randomness and timers come from the ports, so that a test can stand in for them. */
const MACHINE =
  "takes from the machine what the ports give: take the clock, random, sleep or after of lib/system/ports.ts.";
const fromMachine = (name: string) => ({ name, message: `${name} ${MACHINE}` });
const noMachine: OxlintConfig["rules"] = {
  "no-restricted-properties": [
    "error",
    { object: "Math", property: "random", message: `Math.random ${MACHINE}` },
    { object: "Date", property: "now", message: `Date.now ${MACHINE}` },
  ],
  "no-restricted-globals": ["error", ...["setTimeout", "setInterval", "setImmediate"].map(fromMachine)],
  "no-restricted-imports": ["error", ...["node:timers/promises", "node:timers"].map(fromMachine)],
};
const anyMachine: OxlintConfig["rules"] = {
  "no-restricted-properties": "off",
  "no-restricted-globals": "off",
  "no-restricted-imports": "off",
};

export default defineConfig({
  plugins: ["typescript"],
  categories: { correctness: "off" },
  // Its type check is the one of `npm run typecheck`: types and rules are judged in one pass.
  options: { typeAware: true, typeCheck: true, reportUnusedDisableDirectives: "error" },
  // Plain JavaScript has no types; `npm run openapi` writes the client's.
  ignorePatterns: ["**/*.{js,mjs}", "lib/client/openapi.ts"],
  rules: {
    eqeqeq: ["error", "always", { null: "ignore" }],
    "no-array-constructor": "error",
    "no-duplicate-imports": "error",
    "no-unused-expressions": "error",
    "no-useless-constructor": "error",
    "no-var": "error",
    "prefer-const": "error",
    "prefer-rest-params": "error",
    "prefer-spread": "error",

    // Promises and errors.
    "typescript/await-thenable": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/only-throw-error": "error",
    "typescript/prefer-promise-reject-errors": "error",
    "typescript/return-await": ["error", "error-handling-correctness-only"],
    "typescript/use-unknown-in-catch-callback-variable": "error",

    // What the types would let through.
    "typescript/ban-ts-comment": ["error", { minimumDescriptionLength: 10 }],
    "typescript/no-array-delete": "error",
    "typescript/no-deprecated": "error",
    "typescript/no-empty-object-type": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-for-in-array": "error",
    "typescript/no-implied-eval": "error",
    "typescript/no-invalid-void-type": "error",
    "typescript/no-misused-new": "error",
    "typescript/no-misused-spread": "error",
    "typescript/no-non-null-asserted-nullish-coalescing": "error",
    "typescript/no-non-null-asserted-optional-chain": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/no-unsafe-argument": "error",
    "typescript/no-unsafe-assignment": "error",
    "typescript/no-unsafe-call": "error",
    "typescript/no-unsafe-declaration-merging": "error",
    "typescript/no-unsafe-enum-comparison": "error",
    "typescript/no-unsafe-function-type": "error",
    "typescript/no-unsafe-member-access": "error",
    "typescript/no-unsafe-return": "error",
    "typescript/no-unsafe-unary-minus": "error",
    "typescript/related-getter-setter-pairs": "error",
    "typescript/restrict-plus-operands": [
      "error",
      {
        allowAny: false,
        allowBoolean: false,
        allowNullish: false,
        allowNumberAndString: false,
        allowRegExp: false,
      },
    ],
    "typescript/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
    "typescript/unbound-method": "error",

    // What says nothing, or says it twice.
    "typescript/no-duplicate-enum-values": "error",
    "typescript/no-duplicate-type-constituents": "error",
    "typescript/no-extra-non-null-assertion": "error",
    "typescript/no-meaningless-void-operator": "error",
    "typescript/no-redundant-type-constituents": "error",
    "typescript/no-unnecessary-boolean-literal-compare": "error",
    "typescript/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
    "typescript/no-unnecessary-template-expression": "error",
    "typescript/no-unnecessary-type-arguments": "error",
    "typescript/no-unnecessary-type-assertion": "error",
    "typescript/no-unnecessary-type-constraint": "error",
    "typescript/no-unnecessary-type-conversion": "error",
    "typescript/no-unnecessary-type-parameters": "error",
    "typescript/no-useless-default-assignment": "error",
    "typescript/unified-signatures": "error",

    // One way to write it.
    "typescript/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
    "typescript/no-mixed-enums": "error",
    "typescript/no-namespace": "error",
    "typescript/no-require-imports": "error",
    "typescript/no-this-alias": "error",
    "typescript/no-wrapper-object-types": "error",
    "typescript/prefer-as-const": "error",
    "typescript/prefer-literal-enum-member": "error",
    "typescript/prefer-namespace-keyword": "error",
    "typescript/prefer-reduce-type-parameter": "error",
    "typescript/prefer-return-this-type": "error",
    "typescript/triple-slash-reference": "error",
  },
  overrides: [
    { files: ["lib/**/*.ts", "functions/**/*.ts"], rules: { "no-console": "error", "max-lines": ["error", 300] } },
    { files: ["lib/**/*.ts"], rules: noMachine },
    // A socket's own time limits are timers of the socket; the client has no ports.
    { files: ["lib/system/platform.ts", "lib/peers/http/*.ts", "lib/client/**/*.ts"], rules: anyMachine },
    {
      // The order of the constants is the order in which the service is put together.
      files: ["lib/compose/**/*.ts"],
      rules: { "no-use-before-define": ["error", { functions: false, classes: true, variables: true }] },
    },
    {
      files: ["test/**/*.ts"],
      rules: {
        "typescript/no-non-null-assertion": "off",
        // Templates, JSON and recorded traffic have the shape the test then asserts.
        "typescript/no-explicit-any": "off",
        "typescript/no-unsafe-assignment": "off",
        "typescript/no-unsafe-member-access": "off",
        "typescript/no-unsafe-argument": "off",
        "typescript/no-unsafe-return": "off",
        "typescript/no-unsafe-call": "off",
        // What a test takes of a deprecated library, it takes from the library that lib has.
        "typescript/no-deprecated": "off",
      },
    },
  ],
});
