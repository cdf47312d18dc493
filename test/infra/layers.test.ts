import { Linter } from "eslint";
import { describe, expect, it } from "vitest";
import { layers } from "../../eslint.layers.ts";

const linter = new Linter({ cwd: "/project" });

function complaints(file: string, code: string): string[] {
  const config = { files: ["**/*.ts"], plugins: { layers }, rules: { "layers/direction": "error" as const } };
  return linter.verify(code, [config], { filename: `/project/${file}` }).map(({ message }) => message);
}

describe("the dependency direction", () => {
  it.each([
    ["lib/domain/a.ts", "../receiving/head.ts"],
    ["lib/domain/a.ts", "zod"],
    ["lib/domain/a.ts", "node:fs"],
    ["lib/receiving/a.ts", "@aws-sdk/client-dynamodb"],
    ["lib/receiving/a.ts", "../dynamodb/document-table.ts"],
    ["lib/receiving/a.ts", "../queue/sqs-delay-queue.ts"],
    ["lib/receiving/a.ts", "../../lib/api/route-table.ts"],
    ["lib/receiving/a.ts", "../../functions/app.ts"],
    ["lib/receiving/a.ts", "../../test/support/memory-table.ts"],
    ["lib/dynamodb/a.ts", "dynalite"],
    ["lib/dynamodb/a.ts", "aws-cdk-lib/aws-dynamodb"],
    ["functions/a.ts", "../lib/api/route-table.ts"],
    ["functions/a.ts", "@aws-sdk/client-sqs"],
    ["lib/receiving/a.ts", "../runtime.ts"],
    ["infra/a.ts", "../test/support/memory-table.ts"],
  ])("keeps %s from importing %s", (file, imported) => {
    expect(complaints(file, `import * as x from "${imported}";`)).toHaveLength(1);
    expect(complaints(file, `export { x } from "${imported}";`)).toHaveLength(1);
    expect(complaints(file, `await import("${imported}");`)).toHaveLength(1);
  });

  it.each([
    ["lib/domain/a.ts", "./scope.ts"],
    ["lib/domain/a.ts", "../ports.ts"],
    ["lib/domain/a.ts", "node:crypto"],
    ["lib/receiving/a.ts", "../domain/scope.ts"],
    ["lib/receiving/a.ts", "../dynamodb/table.ts"],
    ["lib/receiving/a.ts", "../dynamodb/keys.ts"],
    ["lib/dynamodb/a.ts", "@aws-sdk/lib-dynamodb"],
    ["lib/compose/runtime.ts", "./dynamodb/document-table.ts"],
    ["lib/queue/a.ts", "@aws-sdk/client-sqs"],
    ["functions/a.ts", "../lib/dynamodb/document-table.ts"],
    ["infra/local/a.ts", "dynalite"],
    ["infra/a.ts", "../lib/system/config.ts"],
    ["test/unit/a.test.ts", "../../lib/api/route-table.ts"],
  ])("lets %s import %s", (file, imported) => {
    expect(complaints(file, `import * as x from "${imported}";`)).toEqual([]);
  });
});
