/**
 * A process with a whole service whose application hears its own actors, over a table that outlives it. It does what its
 * parent asks and reports each run of the hook. A run that its parent chose never ends. Argument: a `Begin` as JSON.
 */
import { LOCAL_CREDENTIALS } from "../../infra/local/credentials.ts";
import { ActingWebApp } from "../../lib/application/acting-web-app.ts";
import { createTableClient } from "../../lib/dynamodb/client.ts";
import { DocumentTable } from "../../lib/dynamodb/document-table.ts";
import { platform } from "../../lib/system/platform.ts";
import { Network } from "../support/in-process.ts";
import { WholeService } from "../support/whole-service.ts";

/** What a process begins with. */
export interface Begin {
  readonly endpoint: string;
  readonly tableName: string;
  /** Ms since 1970. */
  readonly now: number;
  readonly environment: Record<string, string>;
  /** The run of this number, from 1, never ends. */
  readonly hangsAt?: number;
  /** No run of an event with this value ends. */
  readonly poison?: number;
}

/** What the parent asks for; each is answered with `done`. */
export type Step =
  | { readonly do: "make" }
  | { readonly do: "ask"; readonly method: string; readonly url: string; readonly json?: unknown; readonly as: Headers }
  | { readonly do: "pass"; readonly ms: number };
type Headers = Record<string, string>;

/** One run of the hook. */
export interface Run {
  readonly id: string;
  readonly sequence: string;
  readonly topic: string;
  readonly value: number;
  readonly attempt: number;
}

export type Report =
  | { readonly is: "ready" }
  | { readonly is: "began" | "ended"; readonly run: Run; readonly hangs: boolean }
  | { readonly is: "done"; readonly result: unknown };

const begin = JSON.parse(process.argv[2] ?? "") as Begin;
const report = (what: Report): void => void process.send?.(what);

let runs = 0;
const app = new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test" });
app.eventHook({ id: "one", pattern: "properties.>" }, async ({ event, attempt }) => {
  runs += 1;
  const { value } = event["data"] as { value: number };
  const [id, sequence, topic] = [event["id"], event["sequence"], event["subject"]].map(String) as [
    string,
    string,
    string,
  ];
  const run = { id, sequence, topic, value, attempt };
  const hangs = runs === begin.hangsAt || value === begin.poison;
  report({ is: "began", run, hangs });
  if (hangs) await new Promise(() => undefined);
  report({ is: "ended", run, hangs });
});

const client = createTableClient({ region: "eu-west-1", credentials: LOCAL_CREDENTIALS, endpoint: begin.endpoint });
const table = new DocumentTable({ ...platform, client, tableName: begin.tableName });
const environment = { CALLBACK_MODE: "sync", ...begin.environment };
const service = new WholeService(new Network(), "https://me.example", { app, environment, table });
service.now = begin.now;

async function fulfilled(step: Step): Promise<unknown> {
  if (step.do === "make") return await service.actor();
  if (step.do === "ask") {
    const { status, json } = await service.ask(step.method, step.url, { headers: step.as, json: step.json });
    return { status, json };
  }
  service.now += step.ms;
  await service.sweep();
  return service.now;
}

process.on("message", (step: Step) => {
  void fulfilled(step).then((result) => report({ is: "done", result }));
});
process.on("disconnect", () => process.exit());
report({ is: "ready" });
