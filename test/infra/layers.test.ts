import { existsSync, globSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as parser from "@typescript-eslint/parser";
import { Linter } from "eslint";
import { beforeAll, describe, expect, it } from "vitest";
import { FOLDERS, layers, ROWS } from "../../eslint.layers.ts";
import { cyclesOf, importGraphs, type Graph, type Graphs } from "../../infra/graph.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const linter = new Linter({ cwd: "/project" });

function complaints(file: string, code: string): string[] {
  const rules = { "layers/direction": "error" as const };
  const config = { files: ["**/*.ts"], languageOptions: { parser }, plugins: { layers }, rules };
  return linter.verify(code, [config], { filename: `/project/${file}` }).map(({ message }) => message);
}

describe("the dependency direction", () => {
  it.each([
    // An upward import between rooms, and one between the folders of a room.
    ["lib/domain/terms/a.ts", "../../receiving/stream/head.ts"],
    ["lib/peers/a.ts", "../receiving/stream/ports.ts"],
    ["lib/receiving/stream/a.ts", "../intake/receiver.ts"],
    ["lib/peers/http/a.ts", "../remote-actor.ts"],
    // Rooms of one row.
    ["lib/publishing/delivery/a.ts", "../../receiving/stream/head.ts"],
    ["lib/receiving/stream/a.ts", "../../publishing/subscribers/record-retention.ts"],
    ["lib/scheduler/a.ts", "../operations/deletion.ts"],
    // A room that no row lists.
    ["lib/helpers/a.ts", "../domain/scope.ts"],
    ["lib/trust/a.ts", "../helpers/a.ts"],
    // Pure code, edges, and code for building and testing.
    ["lib/domain/terms/a.ts", "zod"],
    ["lib/domain/terms/a.ts", "node:fs"],
    ["lib/domain/terms/a.ts", "../diff/shape-diff.ts"],
    ["lib/domain/diff/a.ts", "../log/sequencing.ts"],
    ["lib/receiving/stream/a.ts", "@aws-sdk/client-dynamodb"],
    ["lib/receiving/stream/a.ts", "../../dynamodb/document-table.ts"],
    ["lib/receiving/stream/a.ts", "../../queue/sqs-delay-queue.ts"],
    ["lib/receiving/stream/a.ts", "../../bus/memory-bus.ts"],
    ["lib/peers/a.ts", "../aws/http-handler.ts"],
    ["lib/bus/a.ts", "@aws-sdk/client-eventbridge"],
    ["lib/bus/a.ts", "../dynamodb/table.ts"],
    ["lib/receiving/stream/a.ts", "../../../infra/routes.ts"],
    ["lib/receiving/stream/a.ts", "../../../functions/app.ts"],
    ["lib/receiving/stream/a.ts", "../../../test/support/memory-table.ts"],
    ["lib/api/route-table.ts", "../trust/callers.ts"],
    ["lib/dynamodb/a.ts", "dynalite"],
    ["lib/dynamodb/a.ts", "aws-cdk-lib/aws-dynamodb"],
    ["lib/api/a.ts", "cloudevents"],
    ["lib/trust/a.ts", "actingweb-serverless/client"],
    ["functions/a.ts", "../infra/routes.ts"],
    ["functions/a.ts", "@aws-sdk/client-sqs"],
    ["lib/receiving/stream/a.ts", "../../compose/runtime.ts"],
    ["infra/a.ts", "../test/support/memory-table.ts"],
    // The client runs where neither Node nor the service is.
    ["lib/client/a.ts", "node:crypto"],
    ["lib/client/a.ts", "zod"],
    ["lib/client/a.ts", "../system/compact.ts"],
    ["lib/client/a.ts", "../domain/events/topic.ts"],
    ["lib/api/a.ts", "../client/verify.ts"],
    ["functions/a.ts", "../lib/client/verify.ts"],
  ])("keeps %s from importing %s", (file, imported) => {
    expect(complaints(file, `import * as x from "${imported}";`)).toHaveLength(1);
    expect(complaints(file, `export { x } from "${imported}";`)).toHaveLength(1);
    expect(complaints(file, `await import("${imported}");`)).toHaveLength(1);
  });

  it.each([
    ["lib/domain/terms/a.ts", "../../receiving/stream/head.ts"],
    ["lib/receiving/stream/a.ts", "../intake/receiver.ts"],
    ["lib/domain/terms/a.ts", "zod"],
  ])("keeps %s from importing types of %s", (file, imported) => {
    expect(complaints(file, `import type { X } from "${imported}";`)).toHaveLength(1);
    expect(complaints(file, `export type { X } from "${imported}";`)).toHaveLength(1);
    expect(complaints(file, `export type Y = import("${imported}").X;`)).toHaveLength(1);
  });

  it.each([
    ["lib/domain/terms/a.ts", "./scope.ts"],
    ["lib/domain/log/a.ts", "../diff/shape-diff.ts"],
    ["lib/domain/terms/a.ts", "../../system/ports.ts"],
    ["lib/domain/terms/a.ts", "node:crypto"],
    ["lib/receiving/intake/a.ts", "../stream/head.ts"],
    ["lib/receiving/stream/a.ts", "../../domain/scope.ts"],
    ["lib/receiving/stream/a.ts", "../../dynamodb/table.ts"],
    ["lib/receiving/stream/a.ts", "../../dynamodb/keys/due.ts"],
    ["lib/dynamodb/a.ts", "@aws-sdk/lib-dynamodb"],
    ["lib/compose/runtime.ts", "../dynamodb/document-table.ts"],
    ["lib/queue/a.ts", "@aws-sdk/client-sqs"],
    ["lib/bus/a.ts", "../aws/request-signer.ts"],
    ["lib/compose/runtime.ts", "../bus/memory-bus.ts"],
    ["lib/peers/a.ts", "./http/peer-http-client.ts"],
    ["functions/a.ts", "../lib/compose/service.ts"],
    ["infra/local/a.ts", "dynalite"],
    ["infra/a.ts", "../lib/system/config.ts"],
    ["test/unit/a.test.ts", "../../lib/api/route-table.ts"],
    ["lib/client/a.ts", "./verify.ts"],
    ["lib/client/a.ts", "openapi-fetch"],
  ])("lets %s import %s", (file, imported) => {
    expect(complaints(file, `import * as x from "${imported}";`)).toEqual([]);
  });
});

describe("the unit tests", () => {
  it("lie in folders of lib, of infra/local and of test/support", () => {
    const found = globSync("test/unit/**/*.test.ts", { cwd: ROOT }).map((file) => dirname(relative("test/unit", file)));
    expect(found.length).toBeGreaterThan(100);
    const isThere = (folder: string): boolean =>
      ["lib", "infra", "test"].some((root) => existsSync(join(ROOT, root, folder)));
    expect(found.filter((folder) => !isThere(folder))).toEqual([]);
  });
});

describe("the import graph", () => {
  let graphs: Graphs;
  beforeAll(async () => {
    graphs = await importGraphs(ROOT);
  });

  it("has no cycle between rooms", () => {
    expect(cyclesOf(graphs.rooms)).toEqual([]);
  });

  it("has no cycle between the folders of a room", () => {
    expect(cyclesOf(graphs.folders)).toEqual([]);
  });

  it("has the rooms that the rule lists, and no other", () => {
    expect([...graphs.rooms.keys()].sort()).toEqual(ROWS.flat().sort());
  });

  it("has the folders that the rule lists, and no other", () => {
    const listed = Object.entries(FOLDERS).flatMap(([room, folders]) =>
      folders.map((folder) => (folder === "." ? room : `${room}/${folder}`)),
    );
    expect(listed.filter((folder) => !graphs.folders.has(folder))).toEqual([]);
    expect([...graphs.folders.keys()].filter((folder) => !listed.includes(folder))).toEqual([]);
  });

  it("has every cycle reported", () => {
    const graph = (edges: Record<string, string[]>): Graph =>
      new Map(Object.entries(edges).map(([from, to]) => [from, new Set(to)]));
    expect(cyclesOf(graph({ a: ["b"], b: ["c"], c: ["b"] }))).toEqual([["b", "c"]]);
    expect(cyclesOf(graph({ a: ["b"], b: ["c"], c: ["a"], d: ["a"] }))).toEqual([["a", "b", "c"]]);
    expect(cyclesOf(graph({ a: ["b", "c"], b: ["c"], c: [] }))).toEqual([]);
  });
});
