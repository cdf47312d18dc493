import { execFile } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reservedPort } from "../support/ports.ts";
import { Service } from "../support/service.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BETWEEN = /<!-- exchange -->(.*?)<!-- \/exchange -->/s;
const BLOCK = /```(\w+)\n(.*?)```/gs;
const SEPARATOR = "=====the next block=====";
/** Stands in the README for what differs each time. */
const ANYTHING = "…";
/** What the README assumes; the test runs the same on a port that is free. */
const SERVICE_PORT = 3000;

const readme = await readFile(join(ROOT, "README.md"), "utf8");

interface Block {
  kind: string;
  text: string;
}

/** The marked blocks, as they stand but for the port. */
function exchange(port: number): Block[] {
  const marked = (BETWEEN.exec(readme)?.[1] ?? "").replaceAll(`127.0.0.1:${SERVICE_PORT}`, `127.0.0.1:${port}`);
  return [...marked.matchAll(BLOCK)].map(([, kind = "", text = ""]) => ({ kind, text }));
}

/** Parsed JSON in which `…` is met by anything. */
function expectation(text: string): object {
  return JSON.parse(text, (_, value: unknown) =>
    value === ANYTHING ? (expect.anything() as unknown) : value,
  ) as object;
}

describe("the README's exchange", () => {
  let service: Service;
  beforeAll(async () => {
    service = new Service(await reservedPort(), await mkdtemp(join(tmpdir(), "actingweb-readme-")), {});
    await service.start();
  });
  afterAll(async () => {
    await service.dispose();
  });

  it("works as it is written", async () => {
    const blocks = exchange(service.port);
    const commands = blocks.filter(({ kind }) => kind === "bash");
    expect(commands.length).toBeGreaterThan(4);
    const script = ["set -euo pipefail", ...commands.map(({ text }) => `${text}\necho; echo '${SEPARATOR}'`)].join(
      "\n",
    );
    const { stdout } = await promisify(execFile)("bash", ["-c", script], { timeout: 300_000 });
    const outputs = stdout.split(SEPARATOR).slice(0, -1);
    expect(outputs).toHaveLength(commands.length);
    let command = -1;
    let compared = 0;
    for (const { kind, text } of blocks) {
      if (kind === "bash") {
        command += 1;
        continue;
      }
      const output = outputs[command] ?? "";
      compared += 1;
      if (kind === "json") expect(JSON.parse(output), commands[command]?.text).toMatchObject(expectation(text));
      else expect(output.trim(), commands[command]?.text).toBe(text.trim());
    }
    expect(compared, "every command shows what it answers").toBe(commands.length);
    expect(
      blocks.some(({ kind, text }) => kind === "json" && text.includes('"value": "red"')),
      "the copy is seen",
    ).toBe(true);
  });
});
