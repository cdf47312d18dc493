import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, Service } from "../support/service.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BETWEEN = /<!-- exchange -->(.*?)<!-- \/exchange -->/s;
const BLOCK = /```(bash|json|text)\n(.*?)```/gs;
const SEPARATOR = "=====the next block=====";
/** What differs each time. */
const ANYTHING = "…";

const WRITTEN = { service: 3000, peer: 4000 };

interface Block {
  kind: string;
  text: string;
}

let service: Service;
let peer: ChildProcess;
let ports: typeof WRITTEN;
beforeAll(async () => {
  ports = { service: await orAnother(WRITTEN.service), peer: await orAnother(WRITTEN.peer) };
  const main = join(ROOT, "test/support/publisher/main.ts");
  const { PATH = "" } = process.env;
  const env = { PATH, PEER_PORT: String(ports.peer) };
  peer = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "inherit"] });
  service = new Service(ports.service, await mkdtemp(join(tmpdir(), "actingweb-readme-")), {});
  await Promise.all([once(peer.stdout!, "data"), service.start()]);
});
afterAll(async () => {
  peer.kill("SIGTERM");
  await service.dispose();
});

/** The port that is written, or a free one while somebody on this machine has it. */
async function orAnother(port: number): Promise<number> {
  const server = createServer();
  const listening = once(server, "listening").then(
    () => true,
    () => false,
  );
  server.listen(port, "127.0.0.1");
  if (!(await listening)) return freePort();
  server.close();
  await once(server, "close");
  return port;
}

async function exchange(): Promise<Block[]> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const marked = BETWEEN.exec(readme)?.[1] ?? "";
  return [...marked.matchAll(BLOCK)].map(([, kind = "", text = ""]) => ({ kind, text: here(text) }));
}

function here(text: string): string {
  return text
    .replaceAll(`127.0.0.1:${WRITTEN.service}`, `127.0.0.1:${ports.service}`)
    .replaceAll(`127.0.0.1:${WRITTEN.peer}`, `127.0.0.1:${ports.peer}`);
}

/** The shown document as an expectation: it may be a part, and `…` is any text. */
function shown(text: string): object {
  return JSON.parse(text, (_key, value: unknown) => (value === ANYTHING ? expect.any(String) : value)) as object;
}

describe("the README's exchange", () => {
  it("works as it is written, block by block", async () => {
    const blocks = await exchange();
    const commands = blocks.filter(({ kind }) => kind === "bash");
    expect(commands.length).toBeGreaterThan(3);
    const script = ["set -euo pipefail", ...commands.map(({ text }) => `${text}\necho; echo '${SEPARATOR}'`)].join(
      "\n",
    );
    const { stdout } = await promisify(execFile)("bash", ["-c", script], { timeout: 60_000 });
    const outputs = stdout.split(SEPARATOR).slice(0, -1);
    expect(outputs).toHaveLength(commands.length);
    let command = -1;
    for (const { kind, text } of blocks) {
      if (kind === "bash") command += 1;
      const output = outputs[command]?.trim() ?? "";
      if (kind === "json") expect(JSON.parse(output), commands[command]?.text).toMatchObject(shown(text));
      if (kind === "text") expect(output, commands[command]?.text).toBe(text.trim());
    }
    expect(JSON.parse(outputs.at(-1) ?? ""), "the stored data is seen at the end").toHaveProperty("data");
  });
});
