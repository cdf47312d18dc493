/** One actor with many subscribers that changes once a second: what its partitions take, and how long delivery takes. */
import type { JsonObject, PeerRequest } from "../../../lib/system/ports.ts";
import { bearer, type Answer } from "../in-process.ts";
import { SimulatedDeployment } from "./deployment.ts";
import { unitsOfHead } from "./fastest-changes.ts";
import type { LimitOptions } from "./partition-limits.ts";

const SECOND = 1_000;
const ORIGIN = "https://publisher.example.com";
/** Gives up, so that a run ends whatever is wrong. */
const MOST_MS = 30 * 60 * SECOND;
/** A client whose change is answered 503 sends it again after this long, ms. */
const AGAIN_MS = SECOND;

export interface ManySubscribersOptions extends LimitOptions {
  readonly subscribers: number;
  /** One a second. */
  readonly changes: number;
  /** How long a request to the table takes, and the answer of a subscriber, ms. */
  readonly tableMs?: number;
  readonly peerMs?: number;
  readonly seed?: number;
  /** A callback of which nothing arrives, though it is answered: to see that the check sees it. */
  readonly swallows?: (subscriber: number, sequence: number) => boolean;
}

export interface ManySubscribersReport {
  readonly deployment: SimulatedDeployment;
  /** What is wrong: nothing when every subscriber got every change, each number with its own content, first arrivals in order. */
  readonly violations: readonly string[];
  /** From the first change to its answer, or to its last arrival, ms, for each change. */
  readonly answeredMs: readonly number[];
  readonly arrivedMs: readonly number[];
  /** From the first change until the last arrival, ms. */
  readonly totalMs: number;
  /** Answers other than a success, which were asked again. */
  readonly refused: number;
  /** Callbacks that arrived once more. */
  readonly repeated: number;
  /** Write units that one change took of the partition of the log's head. */
  readonly unitsOfHead: number;
}

/** What one subscriber got: for each number the content that came first. */
class Subscriber {
  readonly contents = new Map<number, string>();
  readonly violations: string[] = [];
  repeated = 0;
  #last = 0;

  take(sequence: number, data: string): void {
    const before = this.contents.get(sequence);
    if (before === undefined) {
      this.contents.set(sequence, data);
      if (sequence !== this.#last + 1) this.violations.push(`${String(sequence)} came after ${String(this.#last)}`);
      this.#last = sequence;
      return;
    }
    this.repeated += 1;
    if (before !== data) this.violations.push(`two contents of ${String(sequence)}: ${before} and ${data}`);
  }
}

export async function manySubscribers(options: ManySubscribersOptions): Promise<ManySubscribersReport> {
  const { subscribers: count, changes, tableMs = 5, peerMs = 50, seed = 1, swallows = () => false } = options;
  const deployment = new SimulatedDeployment({ ...options, origin: ORIGIN, seed, tableMs, workers: 10 });
  const { time, network, host } = deployment;
  const actor = await host.actor();
  const subscribers: Subscriber[] = [];
  let [left, lastArrival] = [count * changes, 0];
  const arrivals = new Map<number, number>();
  for (let index = 0; index < count; index += 1) {
    const subscriber = new Subscriber();
    subscribers.push(subscriber);
    const [id, secret] = [`p${String(index)}`, `secret-of-${String(index)}`];
    const baseUri = `https://${id}.example.com/${id}`;
    network.hosts.set(`https://${id}.example.com`, async (request): Promise<Answer> => {
      if (deployment.isLive) await time.sleep(peerMs);
      const { sequence, data } = bodyOf(request);
      const known = subscriber.contents.size;
      if (!swallows(index, Number(sequence))) subscriber.take(Number(sequence), JSON.stringify(data));
      if (subscriber.contents.size > known) {
        left -= 1;
        lastArrival = time.now;
        arrivals.set(Number(sequence), time.now);
      }
      return { status: 204, headers: {}, text: "", json: undefined };
    });
    await host.trusts(actor.id, id, baseUri, secret);
    const made = await host.ask("POST", `${actor.root}/subscriptions/${id}`, {
      headers: bearer(secret),
      json: { granularity: "high", target: "properties" },
    });
    if (made.status !== 201) throw new Error(`not subscribed: ${String(made.status)} ${made.text}`);
  }

  const begun = time.now;
  const answeredMs: number[] = [];
  const committedAt: number[] = [];
  let refused = 0;
  const change = async (number: number): Promise<void> => {
    for (;;) {
      const asking = { headers: actor.as, json: number };
      const { status } = await deployment.ask("api", "PUT", `${actor.root}/properties/n${String(number)}`, asking);
      if (status === 204) break;
      if (status !== 503) throw new Error(`a change was answered ${String(status)}`);
      refused += 1;
      await time.sleep(AGAIN_MS);
    }
    answeredMs[number] = time.now - (begun + number * SECOND);
    committedAt[number] = begun + number * SECOND;
  };
  deployment.begin({ lost: false });
  const failures: unknown[] = [];
  for (let number = 0; number < changes; number += 1) {
    time.after(number * SECOND, () => void change(number).catch((error: unknown) => failures.push(error)));
  }
  await time.passUntil(() => failures.length > 0 || (left === 0 && answeredMs.length === changes), begun + MOST_MS);
  if (failures.length > 0) throw failures[0];
  return {
    deployment,
    violations: violationsOf(subscribers, changes),
    answeredMs,
    // A change that was asked again may have been committed after a later one: numbers are compared with numbers.
    arrivedMs: [...arrivals].map(([sequence, at]) => at - (committedAt[sequence - 1] ?? begun)),
    totalMs: lastArrival - begun,
    refused,
    repeated: subscribers.reduce((sum, { repeated }) => sum + repeated, 0),
    unitsOfHead: unitsOfHead(deployment.limits, actor.id, changes),
  };
}

function violationsOf(subscribers: readonly Subscriber[], changes: number): readonly string[] {
  const [first] = subscribers;
  return subscribers.flatMap((subscriber, index) => {
    const name = `subscriber ${String(index)}`;
    const { contents, violations } = subscriber;
    const missing = Array.from({ length: changes }, (_, at) => at + 1).filter((number) => !contents.has(number));
    const differs = [...contents].some(([number, data]) => first?.contents.get(number) !== data);
    return [
      ...violations.map((violation) => `${name}: ${violation}`),
      ...(missing.length > 0 ? [`${name} lacks ${missing.join(", ")}`] : []),
      ...(differs ? [`${name} has another content than the first`] : []),
    ];
  });
}

function bodyOf(request: PeerRequest): JsonObject {
  if (request.jsonText !== undefined) return JSON.parse(request.jsonText) as JsonObject;
  return request.json as JsonObject;
}
