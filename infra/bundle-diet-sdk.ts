import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/** Most of a client's errors are one class written out again and again, 16 KB in each bundle. */
const ERRORS = /[\\/]@aws-sdk[\\/]client-[\w-]+[\\/]dist-es[\\/]models[\\/]errors\.js$/;

/** One such class, without fields of its own. */
const PLAIN_CLASS = new RegExp(
  [
    "export class (?<name>\\w+) extends __BaseException \\{",
    'static shapeId = "(?<shape>[\\w.]+#)\\k<name>";',
    'name = "\\k<name>";',
    '\\$fault = "(?<fault>\\w+)";',
    "constructor\\(opts\\) \\{",
    'super\\(\\{ name: "\\k<name>", \\$fault: "\\k<fault>", \\.\\.\\.opts, \\}\\);',
    "Object\\.setPrototypeOf\\(this, \\k<name>\\.prototype\\);",
    "\\} \\}",
  ]
    .join(" ")
    .replaceAll(" ", "\\s+"),
  "g",
);

/** What makes such a class. */
const MAKER = `const plainError = (shape, name, fault) => {
  const made = { [name]: class extends __BaseException {
    static shapeId = shape + name;
    name = name;
    $fault = fault;
    constructor(opts) {
      super({ name, $fault: fault, ...opts });
      Object.setPrototypeOf(this, made.prototype);
    }
  } }[name];
  return made;
};`;

/** Has one function make them: the classes stay what they are, name for name. */
export const errorsInShort: Plugin = {
  name: "errors-in-short",
  setup(build) {
    build.onLoad({ filter: ERRORS }, async ({ path }) => ({ contents: shortened(await readFile(path, "utf8")) }));
  },
};

function shortened(source: string): string {
  let shape = "";
  const short = source.replace(PLAIN_CLASS, (whole, name: string, prefix: string, fault: string) => {
    if (shape === "") shape = prefix;
    if (prefix !== shape) return whole;
    return `export const ${name} = /* @__PURE__ */ plainError(SHAPE, "${name}", "${fault}");`;
  });
  return short.replace(/^(?=export )/m, `const SHAPE = "${shape}";\n${MAKER}\n`);
}

/** Each client knows the errors of every operation there is, those that make tables and empty queues too: 4 KB more. */
const SCHEMAS = /[\\/]@aws-sdk[\\/]client-(dynamodb|sqs)[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/;
const REGISTERED =
  /^export var (?<name>\w+)\$ = \[-3, n0, [^;]*?\n\];\nn0_registry\.registerError\(\k<name>\$, \k<name>\);\n/gm;
/** Whose operations no function calls. What the SDK gets to know besides stays in. */
const OF_OTHERS = new RegExp(
  [
    // DynamoDB: backups, exports and imports, global tables, replicas, policies, indexes, tables.
    "Backup|^Export|^Import|^GlobalTable|^Replica(Already|Not)|^Policy|^Index|PointInTime|^Invalid(Export|Restore)",
    "^Table|^ResourceInUse|^LimitExceeded|^DuplicateItem",
    // SQS: attributes of queues, receiving, moving and purging.
    "^InvalidAttribute|^InvalidIdFormat|^MessageNotInflight|^OverLimit|^PurgeQueue|^QueueDeleted|^QueueName|^ReceiptHandle",
  ].join("|"),
);

/**
 * The shape of a message some of whose fields are named by a constant, `{ [_xN]: _AN }`: for all esbuild knows, reading
 * that name might do something, so it keeps the shapes of operations nobody calls, and every name in them.
 */
const SHAPE = /^(?<start>(?:export )?var [\w$]+ = )(?<shape>\[(?!-3,)[^;]*\{ \[[^;]*\]);$/gm;

/**
 * Leaves those errors out: one that came after all would be the client's general error, by its name and with its message.
 * Says of the shapes that making them does nothing else, so that only those in use stay.
 */
export const onlySchemasInUse: Plugin = {
  name: "only-schemas-in-use",
  setup(build) {
    build.onLoad({ filter: SCHEMAS }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const known = source.replace(REGISTERED, (whole, name: string) => (OF_OTHERS.test(name) ? "" : whole));
      return { contents: known.replace(SHAPE, "$<start>/* @__PURE__ */ (() => $<shape>)();") };
    });
  },
};

/** The document client's readers of all pages. They are made when it is loaded, used or not, and hold what scans: 1.5 KB. */
const PAGINATORS = /[\\/]@aws-sdk[\\/]lib-dynamodb[\\/]dist-es[\\/]pagination[\\/](Query|Scan)Paginator\.js$/;

/** Says that making one does nothing else, so that they stay only where they are used. */
export const onlyPaginatorsInUse: Plugin = {
  name: "only-paginators-in-use",
  setup(build) {
    build.onLoad({ filter: PAGINATORS }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace("= createPaginator(", "= /* @__PURE__ */ createPaginator("),
    }));
  },
};
