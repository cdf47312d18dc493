/** The client as other programs have it: its size, and that it runs in a browser. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { expect, it } from "vitest";
import { ModelService } from "../unit/client/model-service.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((file) => existsSync(file));

/** One minified ES module for a browser. An import of Node does not resolve there, and fails the build. */
async function bundled(contents: string): Promise<Buffer> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    logLevel: "silent",
  });
  return Buffer.from(outputFiles[0]!.contents);
}

it.each([
  ["index", 10 * 1_024],
  ["verify", 2 * 1_024],
])("the packed size of client/%s keeps to its budget", async (name, most) => {
  const bytes = gzipSync(await bundled(`export * from "./lib/client/${name}.ts";`), { level: 9 }).length;
  process.stderr.write(`client/${name}: ${bytes} of ${most} bytes, gzipped\n`);
  expect(bytes).toBeLessThanOrEqual(most);
});

/** What the blocks of docs/client.md do not declare. */
const GLOBALS = `
  import type { ActorEvent } from "actingweb-serverless/client";
  declare global {
    const token: string, secret: string, signal: AbortSignal, handled: Promise<void>, received: ActorEvent[];
    const request: { readonly body: Uint8Array; readonly headers: Headers };
    function save(position: string): void;
    function done(...values: unknown[]): void;
  }
`;

it("the page's code has the published types, without those of Node and with every library checked", async () => {
  const blocks = readFileSync(join(ROOT, "docs/client.md"), "utf8").matchAll(/^```ts\n(.*?)^```/gms);
  // Inside the package, so that its name is its own.
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, "dist/page-"));
  try {
    [...blocks].forEach(([, code = ""], index) => writeFileSync(join(folder, `block${index}.ts`), code));
    writeFileSync(join(folder, "globals.ts"), GLOBALS);
    const lib = ["es2023", "esnext.disposable", "dom", "dom.iterable", "dom.asynciterable"];
    const compilerOptions = { target: "es2022", module: "nodenext", strict: true, noEmit: true, types: [], lib };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const tsc = promisify(execFile)(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder]);
    const { stdout } = await tsc.catch((error: unknown) => error as { readonly stdout: string });
    expect(stdout).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("the package has every file of its exports, though git has none of them", () => {
  const { exports, files } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
    readonly files: readonly string[];
  };
  const named = Object.values(exports).flatMap((each) => Object.values(each));
  expect(named).toHaveLength(4);
  for (const file of named) {
    expect(files.some((folder) => file.startsWith(`./${folder}/`))).toBe(true);
    expect(existsSync(join(ROOT, file))).toBe(true);
  }
});

const PAGE = `
  import { actor } from "./lib/client/index.ts";
  import { verify } from "./lib/client/verify.ts";
  export async function run(root) {
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const at = { now: () => 1614265330_000 };
    const verified = await verify('{"test": 2432232314}', headers, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", at);
    const refused = await verify('{"test": 1}', headers, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", at).catch((e) => e.code);
    const aw = actor(root, { bearer: "secret" });
    await aw.publish("orders.new", { total: 10 }, { key: "orders", id: "o-1" });
    const again = await aw.publish("orders.new", { total: 10 }, { key: "orders", id: "o-1" });
    const read = [];
    for await (const event of aw.events("orders.>", { from: "earliest", untilNow: true })) read.push(event.data);
    const handled = [];
    let settle;
    const settled = new Promise((resolve) => (settle = resolve));
    const worker = aw.group("billing", { topics: ["orders.>"] }).run(({ data }) => {
      handled.push(data);
      settle();
    });
    await settled;
    const drained = await worker.stop();
    return { verified, refused, replayed: again.replayed, read, handled, drained };
  }
`;

it("its core and verify run in headless Chromium", async ({ skip }) => {
  if (CHROMIUM === undefined) {
    process.stderr.write(
      "\n!!! NO CHROMIUM HERE: the client was NOT tested in a browser. apt-get install chromium\n\n",
    );
    if (process.env["CI"] !== undefined) throw new Error("There is no Chromium, and CI must not go without this test.");
    skip();
    return;
  }
  const script = await bundled(PAGE);
  const model = new ModelService();
  const server = createServer((request, response) => {
    void (async () => {
      if (request.url === "/") return response.setHeader("content-type", "text/html").end("<!doctype html>");
      if (request.url === "/page.js") return response.setHeader("content-type", "text/javascript").end(script);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const init = { method: request.method ?? "GET", headers, ...(body.length === 0 ? {} : { body }) };
      const answer = await model.machine.fetch(new Request(`https://svc.example${request.url ?? ""}`, init));
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      return response.end(Buffer.from(await answer.arrayBuffer()));
    })();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"], timeout: 0 });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(`${origin}/`);
    const outcome = await page.evaluate(`import("/page.js").then(({ run }) => run("${origin}/abc"))`);
    expect(outcome).toEqual({
      verified: { test: 2_432_232_314 },
      refused: "signature_mismatch",
      replayed: true,
      read: [{ total: 10 }],
      handled: [{ total: 10 }],
      drained: true,
    });
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
});
