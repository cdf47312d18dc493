/**
 * `npm run build`: bundles every function and writes the templates from which the local stack reads its routes. Skips each
 * part whose sources have not changed. Two builds may run at the same time: each file is replaced whole. An argument names
 * another root than this project's, for the build's own test.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { functions } from "./functions.ts";

const root = process.argv[2] ?? fileURLToPath(new URL("../", import.meta.url));
const dist = path.join(root, "dist");

/** The document that the api function serves. */
const OPENAPI = "docs/openapi.json";

/** One part of the build: its sources, and how to make it. */
interface Part {
  readonly name: string;
  /** Files and folders (everything in them, without `infra/local`): a function may import more than code. */
  readonly from: readonly string[];
  make(): Promise<void>;
}

const bundles: Part = {
  name: "bundles",
  from: ["functions", "lib", OPENAPI, "infra/bundle.ts", "infra/build.ts", "package-lock.json", "package.json"],
  async make() {
    const entries = Object.keys(functions).filter((name) => existsSync(path.join(root, "functions", `${name}.ts`)));
    if (entries.length === 0) {
      throw new Error(
        "There is nothing to build: functions/ holds no file named after a function of lib/api/route-table.ts.",
      );
    }
    const { bundle } = await import("./bundle.ts");
    const files = await bundle({
      root,
      entries: entries.map((name) => ({ name, file: `functions/${name}.ts` })),
    });
    for (const [name, contents] of files) await replaceFile(path.join(dist, name), contents);
    const document: unknown = JSON.parse(readFileSync(path.join(root, OPENAPI), "utf8"));
    await replaceFile(path.join(dist, "api/openapi.json"), JSON.stringify(document));
  },
};

const templates: Part = {
  name: "templates",
  from: ["infra", "lib/system/config.ts", "lib/system/metric-names.ts", "package-lock.json", "package.json"],
  async make() {
    const { templatesForLocal } = await import("./local-templates.ts");
    for (const [name, template] of templatesForLocal(path.join(dist, ".cdk"))) {
      await replaceFile(path.join(dist, "template", `${name}.template.json`), JSON.stringify(template, undefined, 1));
    }
  },
};

/** The client as other programs import it: ES modules and their types, file by file, compiled without the types of Node. */
const client: Part = {
  name: "client",
  from: ["lib/client", "tsconfig.client.json", "tsconfig.json", "package-lock.json"],
  async make() {
    const tsc = path.join(root, "node_modules/.bin/tsc");
    const { stdout } = await promisify(execFile)(tsc, ["-p", path.join(root, "tsconfig.client.json")]).catch(
      (error: unknown) => {
        throw new Error("The client does not compile: " + String((error as { stdout?: string }).stdout), {
          cause: error,
        });
      },
    );
    process.stderr.write(stdout);
  },
};

/** Makes the parts whose sources changed. */
async function build(parts: readonly Part[]): Promise<void> {
  for (const part of parts) {
    const stamp = path.join(dist, `.${part.name}`);
    const now = fingerprint(part.from);
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === now) continue;
    await part.make();
    await replaceFile(stamp, now);
  }
}

/** A digest of the contents: after a fresh checkout, or a touched file, nothing is built again. */
function fingerprint(from: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of from.flatMap(sources).sort())
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(path.join(root, file)));
  return hash.digest("hex");
}

function sources(name: string): string[] {
  if (path.extname(name) !== "") return [name];
  return readdirSync(path.join(root, name), { withFileTypes: true }).flatMap((entry) => {
    const inside = `${name}/${entry.name}`;
    if (entry.isDirectory()) return inside === "infra/local" ? [] : sources(inside);
    return [inside];
  });
}

async function replaceFile(file: string, contents: string | Uint8Array): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const fresh = `${file}.${String(process.pid)}.tmp`;
  await writeFile(fresh, contents);
  await rename(fresh, file);
}

try {
  // The templates do not need the functions, so they are built first.
  const parts = [templates, bundles, client].filter(
    ({ name }) => name !== "client" || existsSync(path.join(root, "tsconfig.client.json")),
  );
  await build(parts);
} catch (error) {
  process.stderr.write(`The build failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
