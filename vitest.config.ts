import { defineConfig } from "vitest/config";

/** Seconds one test of each folder may take on a busy machine with two cores. */
const SECONDS = { unit: 30, contract: 30, integration: 60, e2e: 120, property: 600, infra: 120 } as const;
/** Real time passes in these (`npm run test:slow`). */
const SLOW_SECONDS = 900;

function project(name: string, seconds: number) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: seconds * 1000,
      hookTimeout: Math.max(seconds, 60) * 1000,
    },
  };
}

const projects = Object.entries(SECONDS).map(([name, seconds]) => project(name, seconds));
if (process.env["SLOW"] === "1") projects.push(project("slow", SLOW_SECONDS));

export default defineConfig({
  test: {
    environment: "node",
    // One process per file: a test that starts the local stack, or changes its environment, touches no other.
    pool: "forks",
    maxWorkers: 2,
    passWithNoTests: true,
    setupFiles: ["test/support/fixed-seed.ts"],
    // `.ci/run` reads the closing lines of this reporter.
    reporters: ["default"],
    restoreMocks: true,
    projects,
    coverage: { provider: "v8", include: ["lib/**/*.ts", "functions/**/*.ts"] },
  },
});
