/**
 * `npm run bench:flame [-- <file>]`: a flame graph of the CPU time that the function `callbacks` spends on in-order
 * callbacks, warm, as SVG [docs/callback-flame.svg], and what each package and room takes of it. Half a minute.
 */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { bundle } from "../../infra/bundle.ts";
import { functions } from "../../infra/functions.ts";
import { startPublisher } from "../support/publisher/publisher.ts";
import { BenchStack, HERE } from "./bench-stack.ts";
import { CallbackLoad } from "./callback-load.ts";
import { flameSvg, framesOf, timesByOrigin, type CpuProfile } from "./flame-svg.ts";
import { printed } from "./printed-table.ts";

const CALLBACKS = 2_000;

const [svg = path.join(HERE.root, "docs/callback-flame.svg")] = process.argv.slice(2);
await using resources = new AsyncDisposableStack();
const folder = await mkdtemp(path.join(tmpdir(), "flame-"));
resources.defer(async () => await rm(folder, { recursive: true, force: true }));

// Bundles whose functions have their names.
const entries = Object.keys(functions).map((name) => ({ name, file: `functions/${name}.ts` }));
const files = await bundle({ root: HERE.root, entries, readable: true });
for (const [name, contents] of files) {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), contents);
}
await symlink(path.join(HERE.dist, "template"), path.join(folder, "template"));

const publisher = resources.adopt(await startPublisher({ style: "ours" }), (each) => each.close());
const stack = resources.use(await BenchStack.start({ ...HERE, dist: folder }));
const load = resources.use(await CallbackLoad.open(stack, publisher));
await load.warmUp();
const file = path.join(folder, "profiles.json");
await stack.profiled(file, async () => await load.send(1, CALLBACKS));
const profiles = JSON.parse(await readFile(file, "utf8")) as CpuProfile[];

const bundled = path.join(folder, "callbacks/index.mjs");
const modules = modulesOf(Buffer.from(files.get("callbacks/index.mjs") ?? "").toString());
const used = profiles.map((profile) =>
  framesOf(profile, (url, line) => {
    if (url.startsWith("file:")) return url.endsWith(bundled) ? (modules[line] ?? "bundle") : "local stack";
    return "Node";
  }),
);
const [busiest] = used.toSorted((one, other) => other.time - one.time);
if (busiest === undefined) throw new Error("There is no profile.");
const each = (time: number): string => (time / 1000 / CALLBACKS).toFixed(3);
await writeFile(
  svg,
  flameSvg(busiest, `CPU time of ${String(CALLBACKS)} in-order callbacks: ${each(busiest.time)} ms each`),
);
const rows = timesByOrigin(busiest).map(([origin, time]) => [
  ...[origin, each(time), `${((100 * time) / busiest.time).toFixed(1)} %`, ""],
]);
process.stdout.write(`${printed([["origin", "ms a callback", "share", ""], ...rows.slice(0, 40)])}\n${svg}\n`);

/** The package or room of each line of a bundle: esbuild names each module in a comment before it. */
function modulesOf(text: string): readonly string[] {
  let origin = "bundle";
  return text.split("\n").map((line) => {
    const named = /^ *\/\/ ((?:lib|functions|node_modules)\/\S+)$/.exec(line)?.[1];
    if (named !== undefined) origin = originOf(named);
    return origin;
  });
}

function originOf(file: string): string {
  const inside = file.split("node_modules/").at(-1) ?? file;
  if (inside === file) return path.dirname(file);
  return inside
    .split("/")
    .slice(0, inside.startsWith("@") ? 2 : 1)
    .join("/");
}
