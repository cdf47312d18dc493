/** `npm run graph`: prints the imports between the parts of the code, and every cycle. Exits with 1 when there is a cycle. */
import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { standingOf } from "../eslint.layers.ts";

/** Names, each with the names that it imports. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

export interface Graphs {
  readonly rooms: Graph;
  /** Folders inside rooms, as `room/folder`; without rooms that have no folders. */
  readonly folders: Graph;
}

/** The import graphs of functions and lib below `root`, imports of types included. */
export async function importGraphs(root: string): Promise<Graphs> {
  const [rooms, folders] = [new Map<string, Set<string>>(), new Map<string, Set<string>>()];
  const note = (graph: Map<string, Set<string>>, from: string, to: string): void => {
    const known = graph.get(from) ?? new Set();
    graph.set(from, known);
    if (from !== to) known.add(to);
  };
  for await (const found of glob(["functions/**/*.ts", "lib/**/*.ts"], { cwd: root })) {
    const file = found.split(path.sep).join("/");
    const from = standingOf(file);
    if (from === undefined) continue;
    note(rooms, from.room, from.room);
    note(folders, nameOf(from), nameOf(from));
    const { importedFiles } = ts.preProcessFile(readFileSync(path.join(root, file), "utf8"));
    for (const { fileName } of importedFiles.filter((each) => each.fileName.startsWith("."))) {
      const to = standingOf(path.posix.normalize(path.posix.join(path.posix.dirname(file), fileName)));
      if (to === undefined) continue;
      note(rooms, from.room, to.room);
      if (from.room === to.room && from.folder !== to.folder) note(folders, nameOf(from), nameOf(to));
    }
  }
  const parted = new Set([...folders.keys()].flatMap((name) => (name.includes("/") ? name.split("/", 1) : [])));
  for (const name of folders.keys()) if (!parted.has(name.split("/", 1)[0] ?? "")) folders.delete(name);
  return { rooms, folders };
}

const nameOf = ({ room, folder }: { readonly room: string; readonly folder: string }): string =>
  folder === "." ? room : `${room}/${folder}`;

/** The sets of names that reach each other, by Tarjan's algorithm; empty when there is no cycle. */
export function cyclesOf(graph: Graph): string[][] {
  const [index, low] = [new Map<string, number>(), new Map<string, number>()];
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (name: string): number => {
    index.set(name, index.size);
    low.set(name, index.size - 1);
    stack.push(name);
    for (const next of graph.get(name) ?? []) {
      const reached = index.has(next) ? (stack.includes(next) ? index.get(next) : undefined) : visit(next);
      low.set(name, Math.min(low.get(name) ?? 0, reached ?? Infinity));
    }
    const mine = low.get(name) ?? 0;
    if (mine === index.get(name)) {
      const members = stack.splice(stack.indexOf(name));
      if (members.length > 1) cycles.push(members.sort());
    }
    return mine;
  };
  for (const name of graph.keys()) if (!index.has(name)) visit(name);
  return cycles;
}

function print(title: string, graph: Graph): boolean {
  const cycles = cyclesOf(graph);
  const width = Math.max(...[...graph.keys()].map((name) => name.length));
  const lines = [...graph].sort(([, one], [, other]) => other.size - one.size);
  process.stdout.write(`${title}\n`);
  for (const [name, imports] of lines) {
    process.stdout.write(`  ${name.padEnd(width)} -> ${[...imports].sort().join(" ") || "nothing"}\n`);
  }
  for (const cycle of cycles) process.stdout.write(`  cycle: ${cycle.join(" ")}\n`);
  if (cycles.length === 0) process.stdout.write("  no cycle\n");
  return cycles.length > 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rooms, folders } = await importGraphs(fileURLToPath(new URL("..", import.meta.url)));
  const found = [print("rooms", rooms), print("folders inside rooms", folders)];
  if (found.includes(true)) process.exitCode = 1;
}
