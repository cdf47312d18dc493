/** Callbacks over HTTP to a local stack, and as many bare requests to the emulator beneath it. */
import { Agent, request } from "node:http";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import { BenchStack } from "./bench-stack.ts";
import { pace, type Pace } from "./pace.ts";
import { RawRequests } from "./raw-requests.ts";

export interface LoadReport {
  readonly lanes: number;
  readonly callbacks: Pace;
  /** Conditional updates through the SDK, straight at the emulator. */
  readonly raw: Pace;
  /** How many raw requests take as long as one callback. */
  readonly ratio: number;
}

/** Lanes, and callbacks in each. */
const LOADS = [
  [1, 400],
  [8, 80],
] as const;
const WARM_UP = 60;

/** Measures each load, callbacks and raw requests by turns on the same stack. Takes about 15 s on two quiet cores. */
export function measureLoads(): Promise<readonly LoadReport[]> {
  return BenchStack.during({}, loadsOf);
}

async function loadsOf(stack: BenchStack): Promise<LoadReport[]> {
  using raw = await RawRequests.open(stack.endpoint);
  const publisher = await startPublisher({ style: "ours" });
  try {
    const lanes = await Promise.all(Array.from({ length: 8 }, () => CallbackLane.open(stack, publisher)));
    const callback = async (lane: number): Promise<void> => lanes[lane]?.send();
    await pace(4, WARM_UP / 4, callback);
    await pace(4, WARM_UP / 4, raw.update);
    const reports: LoadReport[] = [];
    for (const [count, each] of LOADS) {
      const callbacks = await pace(count, each, callback);
      const rawPace = await pace(count, each, raw.update);
      reports.push({ lanes: count, callbacks, raw: rawPace, ratio: rawPace.perSecond / callbacks.perSecond });
    }
    for (const lane of lanes) lane.close();
    return reports;
  } finally {
    await publisher.close();
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
