// Which part of the project may import which, as one lint rule and as data for `npm run graph`. Rooms are the folders of
// lib; functions and lib's barrel stand before them. A room may import the rooms of later rows and nothing else, and so may
// the folders inside a room. Thus there is no cycle.
import path from "node:path";
import type { Rule } from "eslint";
import manifest from "./package.json" with { type: "json" };

/** From the outside in. Rooms of one row do not know each other. */
export const ROWS: readonly (readonly string[])[] = [
  ["functions"],
  ["api", "index"],
  ["compose"],
  ["scheduler", "operations", "application"],
  ["publishing", "receiving", "listeners"],
  ["engine"],
  ["failed-events"],
  ["properties"],
  ["trust"],
  ["peers"],
  ["actors"],
  ["change-log"],
  ["lists"],
  ["http"],
  ["dynamodb", "queue", "bus"],
  ["aws"],
  ["domain"],
  ["system"],
  // What other programs install: the service knows nothing of it, and it knows nothing of the service.
  ["client"],
];

/** The folders of a room in the same order; `.` holds the files of the room itself. */
export const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  publishing: ["delivery", "snapshots", "subscribers"],
  receiving: ["subscriptions", "intake", "recovery", "hooks", "stream", "replica"],
  listeners: ["groups", "webhooks", "websub", "event-hooks", "readers", "."],
  dynamodb: ["keys", "."],
  peers: [".", "http"],
  domain: ["events", "wire", "log", "diff", "policy", "terms", "json"],
};

/** Packages of what runs in a function; all others belong to building, deploying and testing. `aws-lambda` has types alone. */
const RUNNING = new Set([...Object.keys(manifest.dependencies), "aws-lambda"]);
/** What a room may take from dynamodb: the port and the keys. The adapters are for compose alone. */
const TABLE_PORT = /^lib\/dynamodb\/(table|lease|paging|outcomes|keys\/[a-z-]+)\.ts$/;

const inside = (file: string, folder: string): boolean => file.startsWith(`${folder}/`);
/** The package of a specifier such as `zod/mini` or `@aws-sdk/client-sqs`. */
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

/** Where a file of functions or lib stands. */
export interface Standing {
  readonly room: string;
  readonly folder: string;
}

/** Where a file stands, by its path relative to the project; undefined for what is not in functions or lib. */
export function standingOf(file: string): Standing | undefined {
  const [top = "", first = "", ...rest] = file.split("/");
  if (top === "functions") return { room: "functions", folder: "." };
  if (top !== "lib") return undefined;
  if (rest.length === 0) return { room: first.replace(/\.ts$/, ""), folder: "." };
  return { room: first, folder: rest.length > 1 ? (rest[0] ?? ".") : "." };
}

/** Why one part of lib may not import another, or undefined. */
function wrongWay(from: Standing, to: Standing): string | undefined {
  if (from.room === to.room) {
    if (from.folder === to.folder) return undefined;
    const order = FOLDERS[from.room] ?? [];
    const [mine, other] = [order.indexOf(from.folder), order.indexOf(to.folder)];
    if (mine >= 0 && mine < other) return undefined;
    return `the folders of lib/${from.room} stand in the order ${order.join(", ")}`;
  }
  const row = ({ room }: Standing): number => ROWS.findIndex((rooms) => rooms.includes(room));
  const [mine, other] = [row(from), row(to)];
  if (mine < 0 || other < 0) return "a room that eslint.layers.ts does not list";
  if (mine === other) return `${from.room} and ${to.room} do not know each other`;
  return mine < other ? undefined : `${to.room} is built on what ${from.room} gives, not the other way round`;
}

/** Why this import may not be, or undefined. `from` and `to` are relative to the project; `to` is a package when not ours. */
function objection(
  from: string,
  to: string,
  how: { readonly ours: boolean; readonly typeOnly: boolean },
): string | undefined {
  const { ours, typeOnly } = how;
  const standing = standingOf(from);
  if (!ours) return standing === undefined ? undefined : packageObjection(from, to);
  if (inside(to, "test") && !inside(from, "test")) return "nothing outside test/ imports from it";
  if (standing === undefined) return undefined;
  if (inside(to, "infra")) return "what runs in a function takes nothing from infra";
  const target = standingOf(to);
  if (target?.room === "client" && standing.room !== "client") return "lib/client is for other programs";
  const wrong = target === undefined ? undefined : wrongWay(standing, target);
  if (wrong !== undefined) return wrong;
  if (standing.room === "api" && standing.folder === "." && /route-table\.ts$/.test(from)) {
    return "the route table is data and imports nothing";
  }
  const composing = ["compose", "functions", "dynamodb", "queue", "bus"].includes(standing.room);
  if (composing || typeOnly) return undefined;
  if (target?.room === "aws") return "only the adapters of AWS's services speak to them";
  if (target?.room === "bus") return "take the EventBus of lib/system/ports.ts; compose passes the transport in";
  if (target?.room === "queue") return "take the DelayQueue of lib/system/ports.ts; compose passes the adapter in";
  if (target?.room === "dynamodb" && !TABLE_PORT.test(to)) {
    return "take the Table of lib/dynamodb/table.ts and the keys; compose passes the adapter in";
  }
  return undefined;
}

function packageObjection(from: string, to: string): string | undefined {
  if (!to.startsWith("node:") && !RUNNING.has(packageOf(to)))
    return `${to} is no dependency of what runs in a function`;
  if (inside(from, "lib/client") && to !== "openapi-fetch")
    return "lib/client runs where there is no Node, and is small";
  const edge = inside(from, "lib/dynamodb") || inside(from, "lib/queue");
  const sdk = to.startsWith("@aws-sdk/") || to.startsWith("@smithy/");
  if (sdk && !edge) return "only lib/dynamodb and lib/queue know the SDK";
  if (inside(from, "lib/domain") && to !== "node:crypto") return "lib/domain is pure: it imports no package";
  return undefined;
}

interface Importing {
  readonly type: string;
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
      const { type, source, importKind, exportKind } = node as Importing;
      const specifier = source?.value;
      if (typeof specifier !== "string") return;
      const ours = specifier.startsWith(".");
      const to = ours ? relative(path.resolve(path.dirname(context.filename), specifier)) : specifier;
      const typeOnly = type === "TSImportType" || importKind === "type" || exportKind === "type";
      const why = objection(from, to, { ours, typeOnly });
      if (why !== undefined) context.report({ node, messageId: "wrong", data: { from, to, why } });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      TSImportType: check,
    };
  },
};

/** The plugin with this one rule, for eslint.config.js. */
export const layers = { rules: { direction } };
