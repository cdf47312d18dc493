import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { bundle, type BundleWeight } from "../../infra/bundle.ts";
import { functions } from "../../infra/functions.ts";
import { median } from "./pace.ts";

/** The budget of a cold import, as a multiple of importing the document client alone. */
export const MOST_RATIO = 1.6;

const root = fileURLToPath(new URL("../../", import.meta.url));
const BASELINE = "document-client-only";
/** Prints the milliseconds of user CPU time that one import takes: those of another process do not count in it. */
const IMPORT = `
const before = process.cpuUsage();
await import(process.argv[1]);
console.log(process.cpuUsage(before).user / 1000);
process.exit();`;
const run = promisify(execFile);

/** One function's bundle: how big it is, and how much CPU time importing it takes in a fresh process. */
export interface ImportTime {
  readonly name: string;
  readonly bytes: number;
  /** Median over all rounds, milliseconds of user CPU time. */
  readonly medianMs: number;
  /** That median over the baseline's. */
  readonly ratio: number;
}

/** What is measured: the functions' bundles as the build makes them, and the document client's alone, in a folder of their own. */
export class ImportTimes implements AsyncDisposable {
  /** What each function's bundle consists of. */
  readonly weights: Readonly<Record<string, BundleWeight>>;
  readonly #folder: string;
  readonly #bundles: readonly { name: string; file: string; bytes: number; times: number[] }[];

  private constructor(folder: string, files: ReadonlyMap<string, string | Uint8Array>) {
    this.#folder = folder;
    this.weights = JSON.parse(String(files.get("bundles.json"))) as typeof this.weights;
    this.#bundles = [BASELINE, ...Object.keys(functions)].map((name) => ({
      name,
      file: path.join(folder, name, "index.mjs"),
      bytes: files.get(`${name}/index.mjs`)?.length ?? 0,
      times: [],
    }));
  }

  /** Bundles them all. */
  static async open(): Promise<ImportTimes> {
    const entries = Object.keys(functions).map((name) => ({ name, file: `functions/${name}.ts` }));
    const baseline = { name: BASELINE, file: `test/bench/${BASELINE}.ts` };
    const files = new Map([
      // Whole, the search for credentials included: the budget was set by the document client as a plain bundle has it.
      ...(await bundle({ root, entries: [baseline], plain: true })),
      ...(await bundle({ root, entries })),
    ]);
    const made = new ImportTimes(await mkdtemp(path.join(tmpdir(), "import-time-")), files);
    for (const { name, file } of made.#bundles) {
      await mkdir(path.dirname(file));
      await writeFile(file, files.get(`${name}/index.mjs`) ?? "");
    }
    return made;
  }

  /**
   * Imports every bundle this many times more, by turns, so that other load on the machine affects all alike.
   * Each import takes about 0.2 s.
   *
   * @returns what all rounds until now say of the functions, and first of the baseline (ratio 1)
   */
  async measure(rounds: number): Promise<readonly ImportTime[]> {
    for (let round = 0; round < rounds; round += 1) {
      for (const { file, times } of this.#bundles) times.push(await importOnce(file));
    }
    const baseline = median(this.#bundles[0]?.times ?? []);
    return this.#bundles.map(({ name, bytes, times }) => {
      const medianMs = median(times);
      return { name, bytes, medianMs, ratio: medianMs / baseline };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** One import in a process of its own, without this one's environment. */
async function importOnce(file: string): Promise<number> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", IMPORT, pathToFileURL(file).href], {
    env: { AWS_REGION: "eu-north-1" },
  });
  return Number(stdout);
}
