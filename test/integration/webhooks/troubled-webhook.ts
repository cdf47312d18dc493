/** A webhook of a deployment in simulated time: events are made when a plan says, and its endpoint fails as it says. */
import { PeerFailure, type PeerRequest } from "../../../lib/system/ports.ts";
import type { Answer } from "../../support/in-process.ts";
import { SimulatedDeployment } from "../../support/limits/deployment.ts";
import { parsed } from "../../support/publisher/wire.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

const ORIGIN = "https://us.example";
/** Events in one request. */
const BATCH = 90;

/** How an endpoint fails: a status, or as what the sender sees of the connection. */
export const WAYS = {
  "400": 400,
  "404": 404,
  "500": 500,
  "503": 503,
  "a redirect": 302,
  "a reset after the request": "reset",
  silence: "silence",
} as const;
export type Way = (typeof WAYS)[keyof typeof WAYS];

/** What is made at one time, ms from the beginning: one event, or as many with the same key. */
export interface Made {
  readonly at: number;
  readonly key: string;
  readonly count?: number;
}

export interface Plan {
  /** In order of time. */
  readonly makes: readonly Made[];
  /** Undefined: the event is taken. `number`: its place among all that are made; `now`: ms from the beginning. */
  readonly fails: (event: { readonly key: string; readonly number: number }, now: number) => Way | undefined;
  readonly settings?: object;
  /** Another webhook hears `$sys`. */
  readonly isWatched: boolean;
}

/** An event that was taken for the first time. */
export interface Delivered {
  readonly number: number;
  readonly key: string;
  /** Ms from the beginning. */
  readonly madeAt: number;
  readonly takenAt: number;
}

export class TroubledWebhook {
  readonly deployment = new SimulatedDeployment({ origin: ORIGIN, seed: 1, tableMs: 1, workers: 10 });
  readonly delivered: Delivered[] = [];
  /** Topics of what the service said of itself. */
  readonly said: string[] = [];
  attempts = 0;
  readonly #plan: Plan;
  readonly #madeAt: number[] = [];
  readonly #taken = new Set<number>();
  #began = 0;
  #root = "";
  #as: Record<string, string> = {};

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Lets time pass until everything is over, at the latest at `until`, ms from the beginning. */
  async play(isOver: (world: this) => boolean, until: number): Promise<this> {
    const { deployment } = this;
    const { time, network, host } = deployment;
    const actor = await host.actor();
    [this.#root, this.#as] = [actor.root, actor.as];
    network.hosts.set("https://crm.example", async (request) => await this.#receive(request));
    network.hosts.set("https://ops.example", async ({ body }) => {
      this.said.push((parsed(Buffer.from(body?.bytes ?? []).toString()) as { subject: string }).subject);
      return await Promise.resolve(answered(204));
    });
    await this.#webhook("crm", { topics: ["orders.>"], ...this.#plan.settings });
    if (this.#plan.isWatched) await this.#webhook("ops", { topics: ["$sys.>"] });
    deployment.begin({ lost: false });
    this.#began = time.now;
    let number = 0;
    for (const { at, key, count = 1 } of this.#plan.makes) {
      for (let first = 0; first < count; first += BATCH) {
        const numbers = Array.from({ length: Math.min(BATCH, count - first) }, () => number++);
        // One request after the other: of those that are under way together none is the first.
        const sentAt = at + (first / BATCH) * SECOND;
        for (const each of numbers) this.#madeAt[each] = sentAt;
        time.after(sentAt, () => void this.#make(key, numbers));
      }
    }
    await time.passUntil(() => isOver(this), this.#began + until);
    // What is to be said of it is in the log within a minute.
    await time.passUntil(() => false, time.now + 2 * MINUTE);
    return this;
  }

  async #webhook(id: string, json: object): Promise<void> {
    const asking = { headers: this.#as, json: { url: `https://${id}.example/`, ...json } };
    const { status, text } = await this.deployment.host.ask("PUT", `${this.#root}/webhooks/${id}`, asking);
    if (status !== 201) throw new Error(text);
  }

  async #make(key: string, numbers: readonly number[]): Promise<void> {
    const events = numbers.map((number) => ({
      ...{ specversion: "1.0", id: String(number), source: "urn:test", type: "test" },
      ...{ subject: `orders.${key}`, data: number },
    }));
    const headers = { ...this.#as, "content-type": "application/cloudevents-batch+json" };
    const asking = { headers, body: JSON.stringify(events) };
    const { status, text } = await this.deployment.ask("api", "POST", `${this.#root}/events`, asking);
    if (status !== 201) throw new Error(text);
  }

  async #receive({ body, timeoutMs = 0 }: PeerRequest): Promise<Answer> {
    const { time } = this.deployment;
    const { subject, data: number } = parsed(Buffer.from(body?.bytes ?? []).toString()) as {
      subject: string;
      data: number;
    };
    const key = subject.slice("orders.".length);
    this.attempts += 1;
    const way = this.#plan.fails({ key, number }, time.now - this.#began);
    if (way === "silence") {
      await time.sleep(timeoutMs);
      throw new PeerFailure("timeout", "The peer did not answer in time.", { sent: true });
    }
    await time.sleep(2);
    if (way === "reset") throw new PeerFailure("unreachable", "The connection was reset.", { sent: true });
    if (way !== undefined) return answered(way);
    if (!this.#taken.has(number)) {
      this.#taken.add(number);
      const madeAt = this.#madeAt[number] ?? 0;
      this.delivered.push({ number, key, madeAt, takenAt: time.now - this.#began });
    }
    return answered(204);
  }

  /** Numbers of events that were taken before an earlier one of their key. */
  get disordered(): readonly number[] {
    const newest = new Map<string, number>();
    return this.delivered.flatMap(({ key, number }) => {
      const isLate = (newest.get(key) ?? -1) > number;
      newest.set(key, Math.max(number, newest.get(key) ?? -1));
      return isLate ? [number] : [];
    });
  }

  /** What a person has. */
  async parked(): Promise<readonly { readonly topic: string }[]> {
    return (await this.#ask("/parked")).data;
  }

  /** The webhook as its owner sees it. */
  async seen(): Promise<any> {
    return await this.#ask("/webhooks/crm");
  }

  async #ask(path: string): Promise<any> {
    const asked = this.deployment.ask("api", "GET", `${this.#root}${path}`, { headers: this.#as });
    return (await this.#inTime(asked)).json;
  }

  /** Records of the log. */
  async records(): Promise<number> {
    const { service } = this.deployment.host;
    return await this.#inTime(service.changeLog.newest(this.#root.split("/").at(-1) ?? ""));
  }

  /** What a request to the table gives, which takes simulated time. */
  async #inTime<T>(asked: Promise<T>): Promise<T> {
    const { time } = this.deployment;
    let isOver = false;
    const over = asked.finally(() => (isOver = true));
    await time.passUntil(() => isOver, time.now + MINUTE);
    return await over;
  }
}

const answered = (status: number): Answer => ({ status, headers: {}, text: "", json: undefined });
