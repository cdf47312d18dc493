import { globSync, readFileSync } from "node:fs";
import process from "node:process";
import { defineConfig } from "vitest/config";

/** The large runs (`npm run test:heavy`): what takes its sizes from test/support/sizes.ts, and what lets real time pass. */
const HEAVY = process.env["TEST_SIZE"] === "heavy";
const FOLDERS = ["unit", "contract", "integration", "e2e", "property", "infra", ...(HEAVY ? ["slow"] : [])];

/** What one test may take on a machine that does much else: an end for what hangs, and no measure of speed. */
const MOST_SECONDS = HEAVY ? 7200 : 600;

function isLarge(file: string): boolean {
  return file.startsWith("test/slow/") || readFileSync(file, "utf8").includes("support/sizes.ts");
}

function project(name: string) {
  const files = `test/${name}/**/*.test.ts`;
  return {
    extends: true as const,
    test: {
      name,
      include: HEAVY ? globSync(files).filter(isLarge) : [files],
      // Unit tests leave nothing behind, so their files share processes and load each module once.
      isolate: name !== "unit",
    },
  };
}

export default defineConfig({
  test: {
    environment: "node",
    // One process per file: a test that starts the local stack, or changes its environment, touches no other.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: MOST_SECONDS * 1000,
    hookTimeout: MOST_SECONDS * 1000,
    passWithNoTests: true,
    setupFiles: ["test/support/fixed-seed.ts"],
    // `.ci/run` reads the closing lines of this reporter.
    reporters: ["default"],
    restoreMocks: true,
    projects: FOLDERS.map(project),
    coverage: { provider: "v8", include: ["lib/**/*.ts", "functions/**/*.ts"] },
  },
});
