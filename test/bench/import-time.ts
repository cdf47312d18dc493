import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { bundle } from "../../infra/bundle.ts";
import { areas } from "../../lib/api/route-table.ts";

/** Most bytes of one function's minified bundle: a guard against what slips in. What counts is the time that an import takes. */
export const MOST_BYTES = 640_000;
/** The most an import may take, as a multiple of importing the document client alone. */
export const MOST_RATIO = 1.6;

const root = fileURLToPath(new URL("../../", import.meta.url));
const BASELINE = "document-client-only";
const IMPORT = `const begun = performance.now(); await import(process.argv[1]); console.log(performance.now() - begun);`;
const run = promisify(execFile);

/** One function's bundle: how big it is, and how long importing it takes in a fresh process. */
export interface ImportTime {
  readonly area: string;
  readonly bytes: number;
  /** Median over the rounds, milliseconds. */
  readonly medianMs: number;
  /** The fastest round, milliseconds: what is left when nothing else runs on the machine. */
  readonly leastMs: number;
  /** The fastest round over the baseline's fastest. */
  readonly ratio: number;
}

/**
 * Bundles every area as the build does, and a bundle that holds only the document client, and imports them by turns in
 * fresh processes, so that whatever else the machine does meets all of them alike. Takes about 0.2 s for each import.
 *
 * @returns the areas, and first the baseline (ratio 1).
 */
export async function measureImportTimes(rounds = 7): Promise<readonly ImportTime[]> {
  const entries = Object.keys(areas).map((area) => ({ name: area, file: `functions/${area}.ts` }));
  const baseline = { name: BASELINE, file: `test/bench/${BASELINE}.ts` };
  // The document client as the SDK ships it, credentials search included: what the budget was set by.
  const files = new Map([
    ...(await bundle({ root, entries: [baseline], plain: true })),
    ...(await bundle({ root, entries })),
  ]);
  const folder = await mkdtemp(path.join(tmpdir(), "import-time-"));
  try {
    const bundles = [];
    for (const { name } of [baseline, ...entries]) {
      const file = path.join(folder, name, "index.mjs");
      const contents = files.get(`${name}/index.mjs`) ?? "";
      await mkdir(path.dirname(file));
      await writeFile(file, contents);
      bundles.push({ name, file, bytes: contents.length, times: [] as number[] });
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const { file, times } of bundles) times.push(await importOnce(file));
    }
    const least = Math.min(...(bundles[0]?.times ?? []));
    return bundles.map(({ name, bytes, times }) => ({
      area: name,
      bytes,
      medianMs: median(times),
      leastMs: Math.min(...times),
      ratio: Math.min(...times) / least,
    }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Milliseconds one import takes in a process of its own, without this one's environment. */
async function importOnce(file: string): Promise<number> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", IMPORT, pathToFileURL(file).href], {
    env: { AWS_REGION: "eu-north-1" },
  });
  return Number(stdout);
}

function median(times: readonly number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
