/**
 * The local server as a process: PORT [3000], HOST [127.0.0.1], DATA_DIR [.data] and every operator variable. Prints one
 * line `ready <BASE_URL>` on the standard output when it serves; logs go to the standard error. On SIGTERM and SIGINT the
 * process finishes the requests in flight and exits with 0. When the server cannot start, it prints one message and exits with 1.
 */
import { resolve } from "node:path";
import { ConfigError } from "../../lib/system/config.ts";
import { FolderUnusable } from "./dynamodb/storage.ts";
import { CannotStart, startLocalStack, type LocalStack } from "./stack.ts";

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "::1"]);

interface Place {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
}

function placeOf(environment: NodeJS.ProcessEnv): Place {
  const { PORT: port = "", HOST: host = "", DATA_DIR: dataDir = "" } = environment;
  if (port !== "" && (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)) {
    throw new CannotStart(
      `PORT is ${JSON.stringify(port)}, which is no port. Give a whole number from 1 to 65535 (0 takes any free one).`,
    );
  }
  if (host !== "" && !LOOPBACK.has(host)) {
    throw new CannotStart(
      `HOST is ${JSON.stringify(host)}, which other machines could reach; the local server does not check who creates actors. ` +
        "Give a loopback address: 127.0.0.1, localhost or ::1.",
    );
  }
  return {
    host: host === "" ? "127.0.0.1" : host,
    port: port === "" ? 3000 : Number(port),
    dataDir: dataDir === ":memory:" ? dataDir : resolve(dataDir === "" ? ".data" : dataDir),
  };
}

/** The message for an error that kept the stack from starting; with a stack trace only for an unforeseen one. */
function explain(error: unknown, place: Place | undefined): string {
  if (error instanceof CannotStart || error instanceof FolderUnusable || error instanceof ConfigError) {
    return error.message;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  const where = place ? `port ${place.port} of ${place.host}` : "the port";
  if (code === "EADDRINUSE") {
    return `Cannot listen on ${where}: another program has it. Stop that one, or choose another PORT.`;
  }
  if (code === "EACCES") {
    return `Cannot listen on ${where}: this user may not. Choose a PORT of 1024 or above.`;
  }
  if (code === "EADDRNOTAVAIL") {
    return `Cannot listen on ${where}: this machine has no such address (${message}). Choose another HOST.`;
  }
  return error instanceof Error ? (error.stack ?? message) : String(error);
}

async function main(): Promise<void> {
  let place: Place | undefined;
  let stack: LocalStack | undefined;
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await stack?.close();
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop());
  // The parent (`npm start`) has gone, and with it the only process that would end this one.
  process.on("disconnect", () => void stop());
  try {
    place = placeOf(process.env);
    stack = await startLocalStack({ ...place, environment: process.env });
    process.stdout.write(`ready ${process.env["BASE_URL"] || stack.url}\n`);
  } catch (error) {
    process.stderr.write(`${explain(error, place)}\n`);
    process.exit(1);
  }
}

await main();
