import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { onTestFinished } from "vitest";

export const TABLE = "service";

/** A folder that is removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "actingweb-emulator-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A client that sends each request once. */
export function clientOf(endpoint: string): DynamoDBDocumentClient {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = DynamoDBDocumentClient.from(
    new DynamoDBClient({ endpoint, region: "local", credentials, maxAttempts: 1 }),
  );
  onTestFinished(() => client.destroy());
  return client;
}

export interface EmulatorChild {
  readonly endpoint: string;
  readonly process: ChildProcess;
  /** Resolves once the process has ended, for whatever reason. */
  readonly ended: Promise<unknown>;
}

/** The emulator in a process of its own, which dies at the given step of a transaction. */
export async function forkEmulator(folder: string, fatalStep = ""): Promise<EmulatorChild> {
  const child = fork(fileURLToPath(new URL("./emulator-child.ts", import.meta.url)), [folder, fatalStep], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const output = child.stdout;
  if (!output) throw new Error("the child has no output");
  const [line] = (await once(output, "data")) as [Buffer];
  return { endpoint: line.toString().trim(), process: child, ended };
}
