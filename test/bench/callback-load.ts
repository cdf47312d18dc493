/** Callbacks over HTTP to local stacks, and raw requests to the emulators beneath them. */
import { Agent, request } from "node:http";
import process from "node:process";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import { BenchStack, type Checkout } from "./bench-stack.ts";
import { median, paceOf, times, type Pace, type Times } from "./pace.ts";
import type { RawReport } from "./raw-process.ts";

export interface LoadReport {
  /** The name of the checkout. */
  readonly checkout: string;
  readonly lanes: number;
  readonly callbacks: Pace;
  readonly raw: Pace;
  /** How many raw requests take as long as one callback: by the medians of the rounds. */
  readonly ratio: number;
  /**
   * The same by the CPU time of all that take part, senders and emulator too: what the time would be if nothing had to wait
   * for a processor.
   */
  readonly workRatio: number;
  /** Table requests for one callback. */
  readonly requests: number;
  /** CPU time of the functions for one callback, ms. */
  readonly functionMs: number;
  /** CPU time of the client for one raw request, ms. */
  readonly rawMs: number;
  /** The functions' CPU time beside that of as many raw requests. */
  readonly cpuRatio: number;
}

/** Lanes, and callbacks in each at each round. */
const LOADS = [
  [1, 25],
  [8, 5],
] as const;
/** Many short ones: other work on the machine comes and goes. */
const ROUNDS = 32;
/** Callbacks that are not measured. Afterwards all that they run is compiled. */
const WARM_UP = 400;
/** Raw requests for each callback, so that both clients have sent about as many. */
const RAW_FOR_EACH = 3;

/** Measures each load of each checkout by turns, callbacks and raw requests. Takes about half a minute a checkout. */
export async function measureLoads(checkouts: readonly Checkout[]): Promise<readonly LoadReport[]> {
  await using stacks = new AsyncDisposableStack();
  const publisher = stacks.adopt(await startPublisher({ style: "ours" }), (each) => each.close());
  const loads: CallbackLoad[] = [];
  for (const checkout of checkouts) {
    const stack = stacks.use(await BenchStack.start(checkout));
    loads.push(stacks.use(await CallbackLoad.open(stack, publisher)));
  }
  for (const load of loads) await load.warmUp();
  const reports: LoadReport[] = [];
  for (const [lanes, each] of LOADS) {
    const rounds = loads.map((load) => ({ load, measured: [] as Round[] }));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { load, measured } of rounds) measured.push(await load.round(lanes, each));
    }
    reports.push(...rounds.map(({ load, measured }) => reportOf(load.checkout, lanes, measured)));
  }
  return reports;
}

interface Round {
  readonly callbacks: Times;
  readonly raw: RawReport;
  readonly requests: number;
  readonly functionMs: number;
  /** CPU time of all that take part, ms. */
  readonly callbacksMs: number;
  readonly rawsMs: number;
}

function reportOf(checkout: string, lanes: number, rounds: readonly Round[]): LoadReport {
  const sum = (of: (round: Round) => number): number => rounds.reduce((all, round) => all + of(round), 0);
  const medianOf = (of: (round: Round) => Times): number => median(rounds.map((round) => each(of(round))));
  const callbacks = paceOf(
    lanes,
    rounds.map((round) => round.callbacks),
  );
  const raw = paceOf(
    lanes,
    rounds.map((round) => round.raw),
  );
  const requests = sum((round) => round.requests) / callbacks.count;
  const functionMs = sum((round) => round.functionMs) / callbacks.count;
  const rawMs = sum((round) => round.raw.cpuMs) / raw.count;
  const workRatio = sum((round) => round.callbacksMs) / callbacks.count / (sum((round) => round.rawsMs) / raw.count);
  return {
    ...{
      checkout,
      lanes,
      callbacks,
      raw,
      ratio: medianOf((round) => round.callbacks) / medianOf((round) => round.raw),
    },
    ...{ workRatio, requests, functionMs, rawMs, cpuRatio: functionMs / (requests * rawMs) },
  };
}

/** Milliseconds of the round for each of its runs. */
const each = ({ times, durationMs }: Times): number => durationMs / times.length;

/** Subscriptions of one stack, each with callbacks of its own. */
export class CallbackLoad implements Disposable {
  readonly checkout: string;
  readonly #stack: BenchStack;
  readonly #lanes: readonly CallbackLane[];

  private constructor(stack: BenchStack, lanes: readonly CallbackLane[]) {
    this.checkout = stack.checkout.name;
    this.#stack = stack;
    this.#lanes = lanes;
  }

  static async open(stack: BenchStack, publisher: Publisher): Promise<CallbackLoad> {
    const lanes = await Promise.all(Array.from({ length: 8 }, () => CallbackLane.open(stack, publisher)));
    return new CallbackLoad(stack, lanes);
  }

  /** Sends callbacks one after another in each lane. */
  async send(lanes: number, each: number): Promise<Times> {
    return await times(lanes, each, async (lane) => await this.#lanes[lane]?.send());
  }

  async warmUp(): Promise<void> {
    await this.send(4, WARM_UP / 4);
    await this.#stack.raw.send(4, (RAW_FOR_EACH * WARM_UP) / 4);
  }

  /** Callbacks, then raw requests. */
  async round(lanes: number, each: number): Promise<Round> {
    const before = await this.#stack.counts();
    const own = process.threadCpuUsage();
    const callbacks = await this.send(lanes, each);
    const { user, system } = process.threadCpuUsage(own);
    const between = await this.#stack.counts();
    const raw = await this.#stack.raw.send(lanes, RAW_FOR_EACH * each);
    const after = await this.#stack.counts();
    return {
      callbacks,
      raw,
      requests: between.requests - before.requests,
      functionMs: between.functionMs - before.functionMs,
      callbacksMs: between.stackMs - before.stackMs + (user + system) / 1000,
      rawsMs: after.stackMs - between.stackMs + raw.cpuMs,
    };
  }

  [Symbol.dispose](): void {
    for (const lane of this.#lanes) lane.close();
  }
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

  static async open(stack: BenchStack, publisher: Publisher): Promise<CallbackLane> {
    const actor = await stack.actor();
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
