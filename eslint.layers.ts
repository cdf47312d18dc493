// The dependency direction of this project as one lint rule: functions → lib's subjects → lib/domain. The edges
// (dynamodb, queue, …) implement small interfaces; only they know the SDK.
import path from "node:path";
import type { Rule } from "eslint";

/** Packages that belong to building, deploying and testing, never to what runs in a function. */
const TOOLS = [
  "dynalite",
  "aws-cdk-lib",
  "aws-cdk",
  "constructs",
  "cdk-nag",
  "esbuild",
  "vitest",
  "fast-check",
  "autocannon",
];
/** The only modules outside its folder that an ordinary subject may take from `lib/dynamodb`. */
const TABLE_PORT = /^lib\/dynamodb\/(table|keys(-[a-z-]+)?)\.ts$/;
/** What puts adapters and subjects together: nothing else in lib knows both, and no subject takes these. */
const COMPOSITION = ["lib/compose/runtime.ts", "lib/compose/service.ts"];
/** What the pure part may take besides itself. */
const DOMAIN_MAY = ["lib/system/compact.ts", "lib/system/errors.ts", "lib/system/ports.ts"];

const inside = (file: string, folder: string): boolean => file.startsWith(`${folder}/`);
const fromPackage = (specifier: string, name: string): boolean =>
  specifier === name || specifier.startsWith(`${name}/`);

/** Why this import may not be, or undefined. `from` and `to` are relative to the project; `to` is a package when not ours. */
function objection(
  from: string,
  to: string,
  how: { readonly ours: boolean; readonly typeOnly: boolean },
): string | undefined {
  const { ours, typeOnly } = how;
  const production = inside(from, "lib") || inside(from, "functions");
  if (!ours) {
    if (production && TOOLS.some((tool) => fromPackage(to, tool)))
      return `${to} is a tool, not part of what runs in a function`;
    const sdk = to.startsWith("@aws-sdk/") || to.startsWith("@smithy/");
    const edge = inside(from, "lib/dynamodb") || inside(from, "lib/queue");
    if (production && sdk && !edge) return "only lib/dynamodb and lib/queue know the SDK";
    if (inside(from, "lib/domain") && to !== "node:crypto") return "lib/domain is pure: it imports no package";
    return undefined;
  }
  if (inside(to, "test") && !inside(from, "test")) return "nothing outside test/ imports from it";
  if (inside(from, "lib")) {
    if (inside(to, "infra") || inside(to, "functions")) return "lib knows nothing of infra and functions";
  }
  if (inside(from, "functions") && inside(to, "infra") && !(to === "lib/api/route-table.ts" && typeOnly)) {
    return "functions take nothing from infra but the types of lib/api/route-table.ts";
  }
  if (inside(from, "lib/domain") && inside(to, "lib") && !inside(to, "lib/domain")) {
    if (!DOMAIN_MAY.includes(to)) return "lib/domain is pure: it imports lib/domain and the types of lib/system/ports.ts";
  }
  const edge = inside(from, "lib/dynamodb") || inside(from, "lib/queue") || COMPOSITION.includes(from);
  const subject = inside(from, "lib") && !edge;
  if (subject && COMPOSITION.includes(to) && !typeOnly) return "only functions take the whole service";
  if (subject && !typeOnly) {
    if (inside(to, "lib/queue")) return "take the DelayQueue of lib/system/ports.ts; functions pass the adapter in";
    if (inside(to, "lib/dynamodb") && !TABLE_PORT.test(to)) {
      return "take the Table of lib/dynamodb/table.ts and the keys of keys.ts; functions pass the adapter in";
    }
  }
  return undefined;
}

interface Importing {
  readonly source?: { readonly value?: unknown } | null;
  readonly importKind?: string;
  readonly exportKind?: string;
}

const direction: Rule.RuleModule = {
  meta: { type: "problem", schema: [], messages: { wrong: "{{from}} may not import {{to}}: {{why}}." } },
  create(context) {
    const relative = (file: string): string => path.relative(context.cwd, file).split(path.sep).join("/");
    const from = relative(context.filename);
    const check = (node: Rule.Node): void => {
      const { source, importKind, exportKind } = node as Importing;
      const specifier = source?.value;
      if (typeof specifier !== "string") return;
      const ours = specifier.startsWith(".");
      const to = ours ? relative(path.resolve(path.dirname(context.filename), specifier)) : specifier;
      const why = objection(from, to, { ours, typeOnly: importKind === "type" || exportKind === "type" });
      if (why !== undefined) context.report({ node, messageId: "wrong", data: { from, to, why } });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

/** The plugin with this one rule, for eslint.config.js. */
export const layers = { rules: { direction } };
