import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../infra/bundle.ts";
import { areas } from "../../lib/api/route-table.ts";
import { MOST_BYTES } from "../bench/import-time.ts";

const names = Object.keys(areas);
let files: ReadonlyMap<string, string | Uint8Array>;

beforeAll(async () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const entries = names
    .map((name) => ({ name, file: `functions/${name}.ts` }))
    .filter(({ file }) => existsSync(root + file));
  files = await bundle({ root, entries });
});

describe("the bundles", () => {
  it.each(names)("of %s is small enough for a quick cold start", (name) => {
    const bytes = files.get(`${name}/index.mjs`)?.length ?? Number.POSITIVE_INFINITY;
    expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
  });

  it.each(names)("of %s holds nothing of building, testing or deploying", (name) => {
    const weights = JSON.parse(String(files.get("bundles.json"))) as Record<
      string,
      { origins: Record<string, number> }
    >;
    const origins = Object.keys(weights[name]?.origins ?? {});
    expect(origins.length).toBeGreaterThan(0);
    expect(origins.filter((origin) => /^infra\/|^test\/|dynalite|aws-cdk|vitest|esbuild/.test(origin))).toEqual([]);
  });
});
