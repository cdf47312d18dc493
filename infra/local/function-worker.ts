/** The code of a function's thread: loads the bundle and runs its handler for each event. Started by functions.ts. */
import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { contextOf, Ends, type Handler } from "./functions.ts";

/** Events and answers are passed as JSON, as over the network. `until`: ms since 1970. */
export type ToWorker =
  | { readonly kind: "invoke"; readonly id: string; readonly event: string; readonly until: number }
  | { readonly kind: "alive?" }
  | { readonly kind: "hurry" }
  | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "alive" }
  | { readonly kind: "answered"; readonly id: string; readonly result: string | undefined }
  | { readonly kind: "failed"; readonly id: string; readonly error: string };

const STDERR = 2;

/**
 * Writes logs to the standard error directly: a thread's own streams pass through the main thread later, so the last lines
 * before a `kill -9` would be missing.
 */
function logAtOnce(stream: NodeJS.WriteStream): void {
  const later = stream.write.bind(stream) as (...all: unknown[]) => boolean;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    let left = Buffer.from(chunk as string);
    try {
      while (left.length > 0) left = left.subarray(writeSync(STDERR, left));
    } catch {
      // The pipe is full: Node waits for it.
      return later(left, ...rest);
    }
    const done = rest.find((argument) => typeof argument === "function") as (() => void) | undefined;
    if (done) queueMicrotask(done);
    return true;
  };
}

async function serve(port: NonNullable<typeof parentPort>): Promise<void> {
  const { name, file } = workerData as { name: string; file: string };
  const { handler } = (await import(pathToFileURL(file).href)) as { handler?: Handler };
  if (typeof handler !== "function") throw new Error(`${file} exports no handler`);
  const ends = new Ends();
  const send = (message: FromWorker): void => port.postMessage(message);
  port.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "alive?":
        send({ kind: "alive" });
        return;
      case "hurry":
        ends.hurry();
        return;
      case "stop":
        // With its port closed, the thread ends as soon as nothing is left to do.
        port.close();
        return;
      case "invoke": {
        const { id, event, until } = message;
        Promise.resolve()
          .then(() => handler(JSON.parse(event), contextOf(name, id, ends.of(until))))
          .then((result) => JSON.stringify(result))
          .then(
            (result) => send({ kind: "answered", id, result }),
            (error: unknown) => {
              process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
              send({ kind: "failed", id, error: String(error) });
            },
          );
      }
    }
  });
  send({ kind: "ready" });
}

logAtOnce(process.stdout);
logAtOnce(process.stderr);
if (parentPort) await serve(parentPort);
