import { isBuiltin } from "node:module";
import path from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";

/** One bundle: `dist/<name>/index.mjs` from a file relative to the root. */
export interface Entry {
  readonly name: string;
  readonly file: string;
}

/**
 * Packages that the SDK loads only on demand, and a function never demands: the search for credentials, because every client
 * gets them (lib/aws/environment-credentials.ts), and event streams, because no operation in use has one. esbuild would
 * bundle them, which takes a quarter of the cold import (docs/decisions/0001-functions.md). An SDK that needs one rejects with
 * "Cannot find package".
 */
export const LEFT_OUT: readonly string[] = [
  "@aws-sdk/credential-provider-http",
  "@aws-sdk/credential-provider-ini",
  "@aws-sdk/credential-provider-process",
  "@aws-sdk/credential-provider-sso",
  "@aws-sdk/credential-provider-web-identity",
  "@smithy/credential-provider-imds",
  "@smithy/core/event-streams",
];

/**
 * Takes Node's own modules as objects. An import statement reads every name that a module exports, and reading some loads much:
 * those of `node:http` load `fetch`, which takes half of the cold import (docs/decisions/0001-functions.md).
 */
const builtinsAsObjects: Plugin = {
  name: "builtins-as-objects",
  setup(plugins) {
    const namespace = "builtin";
    plugins.onResolve({ filter: /^(node:)?[a-z_/0-9]+$/ }, ({ path: name }) =>
      isBuiltin(name) ? { path: name, namespace } : undefined,
    );
    plugins.onLoad({ filter: /./, namespace }, ({ path: name }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(name)});`,
    }));
  },
};

/**
 * Bundles all entries in one call, as Lambda runs them: one minified ES module each, with the SDK as published
 * but for LEFT_OUT and Node's own modules.
 *
 * @returns contents by name relative to `dist/`: each `<name>/index.mjs`, and `bundles.json` with the bytes of each bundle
 *   and of its parts, and with its imports.
 * @throws when a source does not compile; esbuild has then printed where.
 */
export async function bundle(options: {
  readonly root: string;
  readonly entries: readonly Entry[];
  /** Leaves out nothing and keeps every import as written [false]: a bundle to compare with. */
  readonly plain?: boolean;
  /** Keeps names and lines, for profiles [false]. */
  readonly readable?: boolean;
}): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const result = await build({
    absWorkingDir: options.root,
    entryPoints: options.entries.map((entry) => ({ in: entry.file, out: `${entry.name}/index` })),
    outdir: "dist",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    target: "node24",
    mainFields: ["module", "main"],
    ...(options.plain === true ? {} : { external: [...LEFT_OUT], plugins: [builtinsAsObjects] }),
    minify: options.readable !== true,
    legalComments: "none",
  });
  const dist = path.join(options.root, "dist");
  return new Map<string, string | Uint8Array>([
    ...result.outputFiles.map((file) => [path.relative(dist, file.path), file.contents] as const),
    ["bundles.json", JSON.stringify(weights(result.metafile), undefined, 1)],
  ]);
}

/** The entry of a bundle in `bundles.json`. */
export interface BundleWeight {
  readonly bytes: number;
  /** Bytes of the packages and folders in the bundle, largest first. */
  readonly origins: Readonly<Record<string, number>>;
  /** `<kind> <module>` of each import that remains: none of Node's own modules. */
  readonly imports: readonly string[];
}

function weights(metafile: Metafile): Readonly<Record<string, BundleWeight>> {
  const bundles = Object.entries(metafile.outputs).map(([file, output]) => {
    const byOrigin = new Map<string, number>();
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const origin = originOf(input);
      byOrigin.set(origin, (byOrigin.get(origin) ?? 0) + bytesInOutput);
    }
    const origins = [...byOrigin].sort((one, other) => other[1] - one[1]);
    const weight: BundleWeight = {
      bytes: output.bytes,
      origins: Object.fromEntries(origins),
      imports: importsOf(output),
    };
    return [path.basename(path.dirname(file)), weight] as const;
  });
  return Object.fromEntries(bundles);
}

function importsOf({ imports }: Metafile["outputs"][string]): readonly string[] {
  return [...new Set(imports.map((each) => `${each.kind} ${each.path}`))].sort();
}

function originOf(input: string): string {
  const inside = input.split("node_modules/").at(-1);
  if (inside === undefined || inside === input) return input.split("/").slice(0, 2).join("/");
  return inside
    .split("/")
    .slice(0, inside.startsWith("@") ? 2 : 1)
    .join("/");
}
