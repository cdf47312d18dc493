/** One whole service and a peer of which the test gives every byte: publisher to our copy, subscriber to what we publish. */
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { printJson } from "../../../lib/domain/json/json-text.ts";
import { RemotePeerStore } from "../../../lib/receiving/replica/remote-peer-store.ts";
import { Verdict } from "../../../lib/failed-events/hook-event.ts";
import { bearer, Network, type Answer } from "../../support/in-process.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

const SECRET = "s".repeat(40);
const PEER = "peer";
const ROOT = `https://peer.example/${PEER}`;
const SUB = "sub";

/** The data that a hook received: as its own `JSON.stringify` prints it, and with the form of doubles. */
export interface HookInput {
  readonly callbackType: string;
  readonly text: string;
  readonly exact: string;
}

export class NumbersWorld {
  readonly network = new Network();
  readonly app = new ActingWebApp({ awType: "urn:test", desc: "test" });
  readonly us: WholeService;
  readonly hookInputs: HookInput[] = [];
  /** How many of the next events the hook parks. */
  toPark = 0;
  /** The bodies of the peer's answers to `GET`, by path and query below its root; others are 404. */
  readonly says = new Map<string, string>();
  /** The texts of the callbacks that reached the peer. */
  readonly received: string[] = [];
  alice: Hosted = { id: "", root: "", as: {} };

  constructor(environment: Record<string, string> = {}) {
    this.app.subscriptionDataHook("*", ({ callbackType, data }) => {
      if (this.toPark > 0) {
        this.toPark -= 1;
        throw new Verdict("park");
      }
      this.hookInputs.push({ callbackType, text: JSON.stringify(data), exact: printJson(data) });
    });
    this.us = new WholeService(this.network, "https://us.example", { app: this.app, environment });
    this.network.hosts.set(new URL(ROOT).origin, async (request) => {
      const { pathname, search } = new URL(request.url);
      const below = pathname.slice(`/${PEER}/`.length) + search;
      if (request.method === "POST" && below.startsWith("callbacks/")) {
        this.received.push(request.jsonText ?? printJson(request.json));
        return answer(204, "");
      }
      if (request.method === "POST" && below === `subscriptions/${this.alice.id}`) {
        return answer(201, `{"subscriptionid":"${SUB}","granularity":"high","sequence":0}`);
      }
      if (request.method === "PUT") return answer(204, "");
      const said = request.method === "GET" ? this.says.get(below) : undefined;
      return await Promise.resolve(said === undefined ? answer(404, "") : answer(200, said));
    });
  }

  /** Alice trusts the peer and has subscribed to its properties, or to a part of them. */
  async open(scope: { readonly subtarget?: string } = {}): Promise<this> {
    this.alice = await this.us.actor();
    await this.us.trusts(this.alice.id, PEER, ROOT, SECRET);
    this.atPeer(0, []);
    this.says.set("properties", "{}");
    const json = { peerid: PEER, target: "properties", granularity: "high", ...scope };
    await this.owner("POST", "subscriptions", JSON.stringify(json));
    return this;
  }

  /** The peer's answer to a poll of the subscription: its newest number, and diffs. */
  atPeer(sequence: number, diffs: readonly string[]): void {
    this.says.set(`subscriptions/${this.alice.id}/${SUB}`, `{"sequence":${sequence},"data":[${diffs.join(",")}]}`);
  }

  /** The peer's state, by property; lists are named. */
  state(values: Readonly<Record<string, string>>, lists: readonly string[] = []): void {
    const names = Object.keys(values).filter((name) => !lists.includes(name));
    const about = lists.map((name) => `"${name}":{"count":1,"total_bytes":0}`);
    const inventory = `{"simple":{"properties":${JSON.stringify(names)},"total_bytes":0},"lists":{${about.join(",")}}}`;
    this.says.set("properties?metadata=true", inventory);
    this.says.set("properties", `{${names.map((name) => `"${name}":${values[name] ?? ""}`).join(",")}}`);
    for (const [name, text] of Object.entries(values)) this.says.set(`properties/${name}`, text);
  }

  /** One callback of the peer; `data` as JSON text. */
  async callback(sequence: number | string, data: string, more = ""): Promise<Answer> {
    const body = `{"sequence":${sequence},"target":"properties","overwritten":[],"data":${data}${more}}`;
    return await this.raw(body);
  }

  /** The peer asks for a new read of the state. */
  async resync(sequence: number): Promise<Answer> {
    return await this.raw(`{"sequence":${sequence},"target":"properties","type":"resync","url":"${ROOT}/properties"}`);
  }

  async raw(body: string): Promise<Answer> {
    return await this.peer("POST", `callbacks/subscriptions/${PEER}/${SUB}`, body);
  }

  /** A request of the owner; a body is JSON text. */
  async owner(method: string, path: string, body?: string, type = "application/json"): Promise<Answer> {
    return await this.#ask(method, path, this.alice.as, body, type);
  }

  /** A request of the peer. */
  async peer(method: string, path: string, body?: string): Promise<Answer> {
    return await this.#ask(method, path, bearer(SECRET), body);
  }

  /** The peer subscribes to alice's properties, or to another scope; the path below alice of that subscription. */
  async peerSubscribes(scope: { readonly target?: string; readonly subtarget?: string } = {}): Promise<string> {
    const json = JSON.stringify({ target: "properties", granularity: "high", ...scope });
    const made = await this.peer("POST", `subscriptions/${PEER}`, json);
    return `subscriptions/${PEER}/${made.json.subscriptionid as string}`;
  }

  /** The text of a value in the copy of the peer. */
  async copy(name: string): Promise<string | undefined> {
    const shown = await this.owner("GET", `peers/${PEER}/properties/${name}`);
    return /"value":(.*?)(,"itemCount":\d+)?,"sequence":/s.exec(shown.text)?.[1];
  }

  /** Has everything that failed run again; how many events that were. */
  async retryFailedEvents(): Promise<number> {
    const failed = await this.owner("GET", "parked");
    const ids = (failed.json.data as { id: string }[]).map(({ id }) => id);
    for (const id of ids) await this.owner("POST", `parked/${id}`, '{"action":"retry"}');
    return ids.length;
  }

  store(): RemotePeerStore {
    return new RemotePeerStore(this.us.service.actorOf(this.alice.id), PEER);
  }

  async #ask(method: string, path: string, as: Record<string, string>, body?: string, type = "application/json") {
    const headers = body === undefined || type === "" ? as : { ...as, "content-type": type };
    return await this.us.ask(method, `/${this.alice.id}/${path}`, { headers, ...(body === undefined ? {} : { body }) });
  }
}

function answer(status: number, text: string): Answer {
  return { status, headers: { "content-type": "application/json" }, text, json: undefined };
}
