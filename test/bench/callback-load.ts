/** Callbacks over HTTP to a local stack, and as many bare requests to the emulator beneath it. */
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createDocumentClient } from "../../lib/dynamodb/client.ts";
import { createTable } from "../support/create-table.ts";
import { OwnedActor } from "../support/owned-actor.ts";
import { startPublisher } from "../support/publisher/publisher.ts";
import type { Publisher } from "../support/publisher/publisher.ts";
import { ask } from "../support/publisher/wire.ts";
import type { StackPlace } from "./stack-process.ts";

/** How many of one kind ran one after another in each lane, and how long each took. */
export interface Pace {
  readonly lanes: number;
  readonly count: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface LoadReport {
  readonly lanes: number;
  readonly callbacks: Pace;
  /** Conditional updates through the SDK, straight at the emulator. */
  readonly raw: Pace;
  /** So many raw requests take as long as one callback. */
  readonly ratio: number;
}

/** Lanes, and callbacks in each. */
const LOADS = [
  [1, 400],
  [8, 80],
] as const;
const WARM_UP = 60;
/** No load goes on longer than this, however slow the machine is. */
const MOST_MS = 20_000;
const LOG_CHARACTERS = 4000;
const RAW_TABLE = "raw";

/** Measures each load, callbacks and raw requests by turns on the same stack. Takes about 15 s on two quiet cores. */
export async function measureLoads(): Promise<readonly LoadReport[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "bench-"));
  const child = spawn(process.execPath, [fileURLToPath(new URL("stack-process.ts", import.meta.url)), folder], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const gone = once(child, "exit");
  // The functions' logs; their end tells why when something goes wrong.
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-LOG_CHARACTERS)));
  try {
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), "line"),
      gone.then(() => Promise.reject(new Error("the local stack did not start"))),
    ])) as [string];
    const place = JSON.parse(line) as StackPlace;
    return await loadsOf(place);
  } catch (error) {
    throw new Error(`The load could not be measured. The stack's last words:\n${log}`, { cause: error });
  } finally {
    child.stdin.end();
    await gone;
    await rm(folder, { recursive: true, force: true });
  }
}

async function loadsOf({ url, endpoint }: StackPlace): Promise<LoadReport[]> {
  const client = createDocumentClient({ region: "local", endpoint });
  await createTable(client, RAW_TABLE);
  const publisher = await startPublisher({ style: "ours" });
  try {
    const lanes = await Promise.all(Array.from({ length: 8 }, () => CallbackLane.open(url, publisher)));
    const update = async (lane: number, at: number): Promise<void> => {
      await client.send(
        new UpdateCommand({
          TableName: RAW_TABLE,
          Key: { pk: `lane ${String(lane)}`, sk: "head" },
          UpdateExpression: "SET lastSeq = :n",
          ConditionExpression: "attribute_not_exists(pk) OR lastSeq <> :n",
          ExpressionAttributeValues: { ":n": at },
          ReturnValues: "ALL_NEW",
        }),
      );
    };
    const callback = async (lane: number): Promise<void> => lanes[lane]?.send();
    await pace(4, WARM_UP / 4, callback);
    await pace(4, WARM_UP / 4, update);
    const reports: LoadReport[] = [];
    for (const [count, each] of LOADS) {
      const callbacks = await pace(count, each, callback);
      const raw = await pace(count, each, update);
      reports.push({ lanes: count, callbacks, raw, ratio: raw.perSecond / callbacks.perSecond });
    }
    for (const lane of lanes) lane.close();
    return reports;
  } finally {
    client.destroy();
    await publisher.close();
  }
}

/** Runs `work` `each` times one after another in each of `lanes` lanes at the same time. */
async function pace(lanes: number, each: number, work: (lane: number, at: number) => Promise<void>): Promise<Pace> {
  const times: number[] = [];
  const begun = performance.now();
  const run = async (lane: number): Promise<void> => {
    for (let at = 0; at < each && performance.now() - begun < MOST_MS; at += 1) {
      const from = performance.now();
      await work(lane, from);
      times.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
  const seconds = (performance.now() - begun) / 1000;
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { lanes, count: times.length, perSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) };
}

/** One subscription and one connection kept open. Every third callback changes something nested, the others a scalar. */
class CallbackLane {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  readonly #bearer: string;
  readonly #common: object;
  #sequence = 0;

  private constructor(url: string, bearer: string, common: object) {
    this.#url = url;
    this.#bearer = bearer;
    this.#common = common;
  }

  static async open(url: string, publisher: Publisher): Promise<CallbackLane> {
    const made = await ask(`${url}/`, { method: "POST", json: { creator: "bench" } });
    const actor = new OwnedActor(url, made.json as { id: string; creator: string; passphrase: string });
    await actor.trust(publisher);
    const { id } = await actor.subscribe(publisher);
    const { secret } = publisher.trusts.need(actor.id);
    const common = { id: publisher.id, subscriptionid: id, target: "properties", granularity: "high" };
    return new CallbackLane(`${actor.uri}/callbacks/subscriptions/${publisher.id}/${id}`, secret, common);
  }

  /** The next callback in order. Rejects when it is not processed. */
  async send(): Promise<void> {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const data = sequence % 3 === 0 ? { place: { at: { n: sequence } } } : { color: `color ${String(sequence)}` };
    const timestamp = new Date().toISOString();
    const body = JSON.stringify({ ...this.#common, sequence, timestamp, data, overwritten: [] });
    const { status, text } = await this.#post(body);
    if (status !== 201) throw new Error(`Callback ${String(sequence)} was answered ${String(status)}: ${text}`);
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(body: string): Promise<{ status: number; text: string }> {
    const headers = { authorization: `Bearer ${this.#bearer}`, "content-type": "application/json" };
    return new Promise((resolve, reject) => {
      const sending = request(this.#url, { method: "POST", agent: this.#agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => (text += part));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      });
      sending.on("error", reject);
      sending.end(body);
    });
  }
}
