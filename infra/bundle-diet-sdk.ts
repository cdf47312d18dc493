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
    return `export const ${name} = plainError(SHAPE, "${name}", "${fault}");`;
  });
  return short.replace(/^(?=export )/m, `const SHAPE = "${shape}";\n${MAKER}\n`);
}
