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
/** What the documents assume: the port of the service, and those of receivers. The test runs the same on ports that are free. */
const SERVICE_PORT = 3000;
const RECEIVER_PORTS = ["4001", "4002"];

interface Block {
  kind: string;
  text: string;
}

/** The marked blocks of a document, as they stand but for the ports. */
async function exchange(document: string, port: number): Promise<Block[]> {
  const text = await readFile(join(ROOT, document), "utf8");
  let marked = (BETWEEN.exec(text)?.[1] ?? "").replaceAll(`127.0.0.1:${SERVICE_PORT}`, `127.0.0.1:${port}`);
  for (const receiver of RECEIVER_PORTS) marked = marked.replaceAll(receiver, String(await reservedPort()));
  return [...marked.matchAll(BLOCK)].map(([, kind = "", text = ""]) => ({ kind, text }));
}

/** Compares an answer with what a document shows of it: `…` stands for anything, and fields may be left out. */
function matches(output: string, shown: string, command: string | undefined): void {
  const expected = JSON.parse(shown, (_, value: unknown) =>
    value === ANYTHING ? (expect.anything() as unknown) : value,
  ) as object;
  expect(JSON.parse(output), command).toMatchObject(expected);
}

/**
 * Plays the marked commands of a document and compares each answer. The pauses that a document writes are for a person's machine;
 * one that is busier gets longer ones: only the last try, of ten times their length, has to be right.
 */
async function playAsWritten(document: string, port: number): Promise<readonly Block[]> {
  for (const thousandths of [500, 2_000, 10_000]) {
    const blocks = await exchange(document, port);
    try {
      await play(blocks, thousandths);
      return blocks;
    } catch (error) {
      if (thousandths === 10_000) throw error;
    }
  }
  throw new Error("unreachable");
}

async function play(blocks: readonly Block[], thousandths: number): Promise<void> {
  const commands = blocks.filter(({ kind }) => kind === "bash");
  expect(commands.length).toBeGreaterThan(4);
  const script = [
    "set -euo pipefail",
    "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT",
    `sleep() { local ms=$(($1 * ${String(thousandths)})); command sleep $((ms / 1000)).$(printf %03d $((ms % 1000))); }`,
    ...commands.map(({ text }) => `${text}\necho; echo '${SEPARATOR}'`),
  ].join("\n");
  const { stdout } = await promisify(execFile)("bash", ["-c", script], { cwd: ROOT, timeout: 300_000 });
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
    if (kind === "json") matches(output, text, commands[command]?.text);
    else expect(output.trim(), commands[command]?.text).toBe(text.trim());
  }
  expect(compared, "every command shows what it answers").toBe(commands.length);
}

describe("the exchange", () => {
  let service: Service;
  beforeAll(async () => {
    service = new Service(await reservedPort(), await mkdtemp(join(tmpdir(), "actingweb-readme-")), {});
    await service.start();
  });
  afterAll(async () => {
    await service.dispose();
  });

  it.each([
    ["README.md", '"value": "red"'],
    ["docs/events.md", '"replayed": true'],
  ])("of %s works as it is written", async (document, seen) => {
    const blocks = await playAsWritten(document, service.port);
    expect(blocks.some(({ kind, text }) => kind === "json" && text.includes(seen))).toBe(true);
  });
});
