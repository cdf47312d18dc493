import { globSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Compiled modules stay here, for vitest's own processes too. */
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url));

/** The large runs (`npm run test:heavy`): what takes its sizes from test/support/sizes.ts, and what lets real time pass. */
const HEAVY = process.env["TEST_SIZE"] === "heavy";

/** Files of these folders leave nothing behind, so they share processes: each module is loaded once for all of them. */
const SHARING = ["unit", "contract", "integration", "property", "e2e", "infra"];
/** Files of these have a process each: they let real time pass. */
const APART = HEAVY ? ["slow"] : [];
/** A sharing folder's files that replace modules or timers, or start the local stack, have a process each too. */
const isApart = (file: string): boolean =>
  file.startsWith("test/integration/local/") || /vi\.(mock|useFakeTimers)\(/.test(readFileSync(file, "utf8"));

/** What one test may take on a machine that does much else: an end for what hangs, and no measure of speed. */
const MOST_SECONDS = HEAVY ? 7200 : 600;

const isRun = (file: string): boolean =>
  !HEAVY || file.startsWith("test/slow/") || readFileSync(file, "utf8").includes("support/sizes.ts");
const filesOf = (folder: string): string[] => globSync(`test/${folder}/**/*.test.ts`).filter(isRun).sort();

/** What the end-to-end tests exchange with a service is checked against the OpenAPI document. */
const CHECKED = "test/support/openapi/checked-wire.ts";

function project(name: string, include: string[], isolate: boolean) {
  const setupFiles = name.startsWith("e2e") ? [CHECKED] : [];
  return { extends: true as const, test: { name, include, isolate, setupFiles } };
}

const projects = [
  ...APART.map((folder) => project(folder, filesOf(folder), true)),
  ...SHARING.flatMap((folder) => {
    const files = filesOf(folder);
    return [
      project(`${folder} apart`, files.filter(isApart), true),
      project(
        folder,
        files.filter((file) => !isApart(file)),
        false,
      ),
    ];
  }),
];

export default defineConfig({
  test: {
    environment: "node",
    pool: "forks",
    // Node strips the types itself: without Vite's transformation, and its getters for every import, a sixth of the time.
    experimental: { viteModuleRunner: false },
    // For two cores: one of three waits most of the time, for a process, a pause or a time limit.
    maxWorkers: 3,
    testTimeout: MOST_SECONDS * 1000,
    hookTimeout: MOST_SECONDS * 1000,
    passWithNoTests: true,
    setupFiles: ["test/support/fixed-seed.ts"],
    // `.ci/run` reads the closing lines of this reporter.
    reporters: ["default"],
    restoreMocks: true,
    projects: projects.filter(({ test }) => test.include.length > 0),
    coverage: { provider: "v8", include: ["lib/**/*.ts", "functions/**/*.ts"] },
  },
});
