/**
 * A small model of the routes that a client calls: one actor whose log is an array, readers, and groups with leased lanes.
 * It answers as a `fetch`, in this process, and its clock moves when the client sleeps.
 */
import type { Machine } from "../../../lib/client/http.ts";
import { keyOf } from "../../../lib/client/key-order.ts";

interface ModelEvent {
  readonly subject: string;
  readonly position: string;
  readonly partitionkey?: string;
  readonly data: unknown;
  readonly [attribute: string]: unknown;
}

interface ModelLease {
  readonly token: string;
  readonly consumer: string;
  readonly key: string | null;
  /** The positions that it gave. */
  readonly lent: readonly string[];
  until: number;
}

interface ModelGroup {
  readonly settings: Record<string, unknown>;
  readonly lanes: number;
  readonly leaseMs: number;
  readonly verdicts: Map<string, string>;
  readonly attempts: Map<string, number>;
  readonly leases: Map<number, ModelLease>;
}

/** What one request gets instead of the model's answer: a status, with headers, no answer at all, or the beginning of one. */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly code?: string }
  | "lost"
  | "cut";

const ROOT = "https://svc.example/abc";
const DEFAULTS = { order: "key", lanes: 1, leaseSeconds: 30 };
const SETTLED = new Set(["ack", "park", "skip"]);

export class ModelService {
  readonly root = ROOT;
  readonly log: ModelEvent[] = [];
  readonly groups = new Map<string, ModelGroup>();
  /** `METHOD path`, with the query, the headers and the body, of every request. */
  readonly requests: {
    readonly what: string;
    readonly query: URLSearchParams;
    readonly headers: Headers;
    readonly body: any;
  }[] = [];
  /** For the requests to come, in order. */
  readonly faults: (Fault | undefined)[] = [];
  readonly sleeps: number[] = [];
  readonly #published = new Map<string, { readonly position: string; readonly body: string }>();
  /** Positions below this one are gone. */
  goneBelow = "";
  state: unknown = { name: "state" };
  /** Runs when a reader or a consumer finds nothing. */
  onIdle: () => void = () => undefined;
  now = Date.UTC(2026, 0, 1);
  #tokens = 0;

  readonly machine: Machine = {
    fetch: async (request) => await this.#fetch(request),
    sleep: async (ms, signal) => {
      this.sleeps.push(ms);
      const end = this.now + ms;
      // Lets what is ready go first, and more of it in a longer time.
      for (let round = 0; round < 20 + ms / 500; round += 1) {
        signal?.throwIfAborted();
        await new Promise((resolve) => setImmediate(resolve));
      }
      signal?.throwIfAborted();
      this.now = Math.max(this.now, end);
    },
    random: () => 0.5,
    now: () => this.now,
  };

  /** Puts an event into the log. */
  add(subject: string, data: unknown = null, more: Record<string, unknown> = {}): string {
    const position = `0.${String(this.log.length + 1).padStart(6, "0")}.00`;
    const event = { specversion: "1.0", id: `e${this.log.length + 1}`, source: ROOT, type: "org.actingweb.event" };
    this.log.push({ ...event, subject, position, time: "2026-01-01T00:00:00Z", data, ...more });
    return position;
  }

  group(name: string): ModelGroup {
    return this.groups.get(name)!;
  }

  async #fetch(request: Request): Promise<Response> {
    request.signal.throwIfAborted();
    const { method, headers } = request;
    const { pathname, searchParams } = new URL(request.url);
    const path = pathname.slice(new URL(ROOT).pathname.length);
    const text = await request.text();
    const isJson = headers.get("content-type")?.includes("json") === true;
    const body: any = isJson && text !== "" ? JSON.parse(text) : text;
    this.requests.push({ what: `${method} ${path}`, query: searchParams, headers, body });
    await new Promise((resolve) => setImmediate(resolve));
    const fault = this.faults.shift();
    // The worst place to lose an answer: what was asked for is done.
    if (fault === "lost") {
      this.#route(method, path, { searchParams, headers, body, text });
      throw new TypeError("fetch failed");
    }
    if (fault === "cut") {
      const answer = this.#route(method, path, { searchParams, headers, body, text });
      return new Response((await answer.text()).slice(0, -1), answer);
    }
    if (fault !== undefined) return refusal(fault.status, fault.code ?? "service_unavailable", {}, fault.headers);
    return this.#route(method, path, { searchParams, headers, body, text });
  }

  #route(
    method: string,
    path: string,
    asked: { searchParams: URLSearchParams; headers: Headers; body: any; text: string },
  ): Response {
    const [, area, name = "", action = ""] = path.split("/");
    if (area === "properties") return json(200, this.state);
    if (area === "events" && method === "GET") return this.#read(asked.searchParams);
    if (area === "events") return this.#publish(name, asked);
    if (area !== "groups") return refusal(404, "not_found");
    if (method === "PUT") return this.#putGroup(name, asked.body, asked.headers);
    const group = this.groups.get(name);
    if (group === undefined) return refusal(404, "not_found");
    if (method === "GET") return json(200, { name, ...DEFAULTS, ...group.settings }, { etag: '"1"' });
    if (method === "DELETE") {
      this.groups.delete(name);
      return new Response(null, { status: 204 });
    }
    if (action === "fetch") return this.#fetchGroup(group, asked.body, asked.headers.get("idempotency-key"));
    if (action === "ack") return this.#ack(group, asked.body);
    return json(200, {});
  }

  #publish(topic: string, { headers, body, text }: { headers: Headers; body: any; text: string }): Response {
    const key = headers.get("idempotency-key")!;
    const before = this.#published.get(key);
    if (before !== undefined) {
      if (before.body !== text) return refusal(422, "idempotency_conflict");
      return json(200, { position: before.position, replayed: true });
    }
    const isEvent = headers.get("content-type") === "application/cloudevents+json";
    const more = headers.has("partitionkey") ? { partitionkey: headers.get("partitionkey") } : {};
    const position = isEvent ? this.add(body.subject, body.data, body) : this.add(topic, body, more);
    this.#published.set(key, { position, body: text });
    return json(201, { position, subscribers: { total: 0 } });
  }

  #read(query: URLSearchParams): Response {
    const newest = this.log.at(-1)?.position ?? "0.000000.00";
    const from = query.get("from")!;
    const after = from === "now" ? newest : from === "earliest" ? "" : from;
    if (after < this.goneBelow && from !== "now") {
      return refusal(410, "position_gone", {}, { link: `<${ROOT}/properties>; rel="snapshot"` });
    }
    const patterns = query.get("topics")!.split(",");
    const all = this.log.filter(
      ({ subject, position }) => position > after && patterns.some((p) => covers(p, subject)),
    );
    const events = all.slice(0, Number(query.get("limit") ?? 100));
    const isAll = events.length === all.length;
    const offset = { "stream-next-offset": isAll ? newest : events.at(-1)!.position };
    const headers = { ...offset, ...(isAll ? { "stream-up-to-date": "true" } : {}) };
    if (events.length > 0 || query.get("wait") === "0") return json(200, events, headers);
    this.onIdle();
    return new Response(null, { status: 204, headers });
  }

  #putGroup(name: string, settings: Record<string, unknown>, headers: Headers): Response {
    const before = this.groups.get(name);
    const fields = Object.keys(settings).filter(
      (field) => JSON.stringify(before?.settings[field]) !== JSON.stringify(settings[field]),
    );
    const shown = { name, ...DEFAULTS, ...settings };
    if (before !== undefined && fields.length === 0) return json(200, shown);
    if (before !== undefined && !headers.has("if-match")) return refusal(428, "precondition_required", { fields });
    const { lanes, leaseSeconds } = { ...DEFAULTS, ...settings };
    const made = { settings, lanes, leaseMs: leaseSeconds * 1_000 };
    this.groups.set(name, { verdicts: new Map(), attempts: new Map(), leases: new Map(), ...before, ...made });
    return json(before === undefined ? 201 : 200, shown);
  }

  #fetchGroup(group: ModelGroup, { max, consumer }: { max: number; consumer: string }, key: string | null): Response {
    for (const [lane, lease] of [...group.leases]) {
      if (key === null || lease.key !== key || lease.consumer !== consumer) continue;
      group.leases.delete(lane);
      for (const position of lease.lent) group.attempts.set(position, group.attempts.get(position)! - 1);
    }
    const date = { date: new Date(this.now).toUTCString() };
    const leases: { lane: number; token: string; until: string }[] = [];
    const events: { event: ModelEvent; attempt: number; lane: number }[] = [];
    const token = `t${(this.#tokens += 1)}`;
    let taken = 0;
    for (let lane = 0; lane < group.lanes; lane += 1) {
      if ((group.leases.get(lane)?.until ?? 0) > this.now) {
        taken += 1;
        continue;
      }
      const due = this.log.filter(
        (e) => laneOf(e, group.lanes) === lane && !SETTLED.has(group.verdicts.get(e.position) ?? ""),
      );
      if (due.length === 0 || events.length === max) continue;
      const lent = due.slice(0, max - events.length);
      const lease = { token, consumer, key, lent: lent.map((e) => e.position), until: this.now + group.leaseMs };
      group.leases.set(lane, lease);
      leases.push({ lane, token: lease.token, until: new Date(lease.until).toISOString() });
      for (const event of lent) {
        const attempt = (group.attempts.get(event.position) ?? 0) + 1;
        group.attempts.set(event.position, attempt);
        events.push({ event, attempt, lane });
      }
    }
    if (taken === group.lanes) {
      const [held] = group.leases.values();
      const said = { holder: held!.consumer, until: new Date(held!.until).toISOString() };
      return refusal(423, "held", said, { "retry-after": "2" });
    }
    if (leases.length > 0) return json(200, { events, leases, lag: events.length, caughtUp: false }, date);
    this.onIdle();
    return new Response(null, { status: 204, headers: { "retry-after": "1" } });
  }

  #ack(group: ModelGroup, ack: any): Response {
    const found = [...group.leases].find(([, { token }]) => token === ack.token);
    if (found === undefined || found[1].until <= this.now) return refusal(409, "fenced");
    for (const { position, verdict } of ack.items ?? []) {
      group.verdicts.set(position, verdict);
      if (verdict === "release") group.attempts.set(position, group.attempts.get(position)! - 1);
    }
    for (const [lane, lease] of [...group.leases].filter(([, { token }]) => token === ack.token)) {
      if (ack.extend === true) lease.until = this.now + group.leaseMs;
      if (ack.done === true) group.leases.delete(lane);
    }
    return json(200, { outcomes: [] });
  }
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });

const refusal = (status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Response =>
  json(status, { error: { code, message: `Refused: ${code}.`, requestId: "r1", ...more } }, headers);

const covers = (pattern: string, topic: string): boolean =>
  pattern === topic || (pattern.endsWith(">") && topic.startsWith(pattern.slice(0, -1)));

/** Lanes in the order of first sight of a key would do too; this one needs no state. */
function laneOf(event: ModelEvent, lanes: number): number {
  let sum = 0;
  for (const char of keyOf(event)) sum = (sum * 31 + char.charCodeAt(0)) % 65_521;
  return sum % lanes;
}
