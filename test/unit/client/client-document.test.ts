/** Runs every block of code of docs/client.md against the model of the service. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterEach, expect, it, vi } from "vitest";
import { signatureHeaders } from "../../../lib/domain/events/signature.ts";
import { ModelService } from "./model-service.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const blocks = [...readFileSync(`${ROOT}/docs/client.md`, "utf8").matchAll(/^```ts\n(.*?)^```/gms)].map(
  ([, code = ""]) => code,
);
const SECRET = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;

afterEach(() => {
  vi.unstubAllGlobals();
});

/** The block as a module; what it does not declare are globals. */
async function compiled(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT, loader: "ts" },
    alias: {
      "actingweb-serverless/client/verify": `${ROOT}/lib/client/verify.ts`,
      "actingweb-serverless/client": `${ROOT}/lib/client/index.ts`,
    },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}

async function run(code: string, globals: Record<string, unknown>): Promise<void> {
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  const module = `${await compiled(code)}\n// ${Math.random()}`;
  await import(/* @vite-ignore */ `data:text/javascript;base64,${Buffer.from(module).toString("base64")}`);
}

const EXPECTED: readonly (readonly [string, unknown[]])[] = [
  ["await aw.publish", ["0.000004.00"]],
  ["aw.events", [{ total: 1 }, { total: 2 }, { total: 2_000 }]],
  ["billing.run", [{ total: 1 }, { total: 2 }]],
  ["new Registry", [["billing"]]],
  ["await verify", ["e1"]],
  ["gapless()", ["0000000000000002"]],
  ["aw.send", [{ name: "state" }, 200]],
];

it("the document has the blocks that are run", () => {
  expect(blocks).toHaveLength(EXPECTED.length);
});

it.each(EXPECTED)("the block with %s does what the page says", async (mark, expected) => {
  const code = blocks.find((block) => block.includes(mark));
  const model = new ModelService();
  for (const total of [1, 2, 2_000]) model.add("orders.new", { total });
  const done: unknown[] = [];
  const controller = new AbortController();
  const handled = new Promise<void>((resolve) => {
    model.onIdle = () => {
      controller.abort();
      resolve();
    };
  });
  const body = JSON.stringify({ specversion: "1.0", id: "e1" });
  const received = model.log.map((event, index) => ({ ...event, sequence: String(index + 1).padStart(16, "0") }));
  await run(code!, {
    fetch: model.machine.fetch,
    token: "secret",
    secret: SECRET,
    signal: controller.signal,
    save: () => undefined,
    done: (...values: unknown[]) => done.push(...values),
    handled,
    request: { body, headers: signatureHeaders({ id: "e1", now: Date.now(), body, secrets: [SECRET] }) },
    received: [received[0], received[2]],
  });
  expect(done).toEqual(expected);
  if (mark === "billing.run")
    expect([...model.group("billing").verdicts.values()].toSorted()).toEqual(["ack", "ack", "park"]);
});
