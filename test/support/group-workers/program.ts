/**
 * A worker of a consumer group as a program, with the built client. WORKER is its `Employment` as JSON. It writes each event
 * that it is given to the end of a file, and then to its standard output, before it is done with it. On SIGTERM it drains,
 * and ends with 0 when nothing was left; it ends with its parent too.
 */
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type * as Client from "../../../lib/client/index.ts";
import type { Exchange } from "../openapi/exchange-check.ts";
import { notedFetch } from "../openapi/noted-fetch.ts";
import { BEGUN, type Employment, type Handling } from "./employment.ts";

/** What other programs import; `npm run build` makes it. */
const CLIENT = new URL("../../../dist/client/index.js", import.meta.url).href;
const { actor } = (await import(CLIENT)) as typeof Client;

const { of, group, settings, consumer, file, exchanges, options } = JSON.parse(
  process.env["WORKER"] ?? "{}",
) as Employment;
// What processes append to one file stands there in the order of their writes.
const end = openSync(file, "a");

const { uri, user, passphrase } = of;
if (exchanges !== undefined) {
  // A file of its own, because the last line of a run that is killed may be a part of one.
  const exchanged = openSync(join(exchanges, `${consumer}-${String(process.pid)}.jsonl`), "a");
  const note = ({ body, ...exchange }: Exchange): void => {
    const text = body === undefined ? {} : { body: Buffer.from(body).toString("utf8") };
    writeSync(exchanged, `${JSON.stringify({ ...exchange, ...text })}\n`);
  };
  globalThis.fetch = notedFetch(globalThis.fetch, { isChecked: (origin) => origin === new URL(uri).origin, note });
}
const worker = actor(uri, { user, passphrase })
  .group(group, settings)
  .run<{ readonly endless?: true }>(
    async ({ id, subject, position, partitionkey, data }, { attempt }) => {
      const handling: Handling = { consumer, id, position, attempt, key: partitionkey ?? subject, data };
      const line = `${JSON.stringify(handling)}\n`;
      writeSync(end, line);
      process.stdout.write(line);
      // Whose first delivery no worker gets done with.
      if (data?.endless === true && attempt === 1) await new Promise(() => undefined);
      // Others have a turn, so that not every death is between two batches.
      await new Promise((resolve) => setImmediate(resolve));
    },
    { ...options, consumer, onError: (error) => process.stderr.write(`${String(error)}\n`) },
  );
process.once("SIGTERM", () => {
  worker.stop().then(
    (isDrained) => process.exit(isDrained ? 0 : 1),
    () => process.exit(1),
  );
});
process.stdin.resume().once("end", () => process.exit(1));
process.stdout.write(`${BEGUN}\n`);
await worker.finished;
