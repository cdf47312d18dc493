import path from "node:path";
import { build } from "esbuild";
import type { Metafile } from "esbuild";
import { diet, environmentCredentials } from "./bundle-diet.ts";

/** One bundle to make: `dist/<name>/index.mjs` from a file relative to the root. */
export interface Entry {
  readonly name: string;
  readonly file: string;
}

/**
 * Bundles all entries in one call, as Lambda runs them: one minified ES module each, the SDK inside.
 *
 * @returns contents by name relative to `dist/`: each `<name>/index.mjs`, and `bundles.json` with the bytes of
 *   each and of what is in it.
 * @throws when a source does not compile; esbuild has then printed where.
 */
export async function bundle(options: {
  readonly root: string;
  readonly entries: readonly Entry[];
  /** Leave in what these functions never use, as a bundle of anyone else's has it [false]. */
  readonly plain?: boolean;
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
    ...(options.plain === true ? {} : { alias: environmentCredentials, plugins: [...diet] }),
    minify: true,
    legalComments: "none",
  });
  const dist = path.join(options.root, "dist");
  return new Map<string, string | Uint8Array>([
    ...result.outputFiles.map((file) => [path.relative(dist, file.path), file.contents] as const),
    ["bundles.json", JSON.stringify(weights(result.metafile), undefined, 1)],
  ]);
}

/** Bytes of each bundle, and of the packages and folders in it, heaviest first. */
function weights(metafile: Metafile): object {
  const bundles = Object.entries(metafile.outputs).map(([file, output]) => {
    const byOrigin = new Map<string, number>();
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const origin = originOf(input);
      byOrigin.set(origin, (byOrigin.get(origin) ?? 0) + bytesInOutput);
    }
    const origins = [...byOrigin].sort((one, other) => other[1] - one[1]);
    return [path.basename(path.dirname(file)), { bytes: output.bytes, origins: Object.fromEntries(origins) }] as const;
  });
  return Object.fromEntries(bundles);
}

function originOf(input: string): string {
  const inside = input.split("node_modules/").at(-1);
  if (inside === undefined || inside === input) return input.split("/").slice(0, 2).join("/");
  return inside
    .split("/")
    .slice(0, inside.startsWith("@") ? 2 : 1)
    .join("/");
}
