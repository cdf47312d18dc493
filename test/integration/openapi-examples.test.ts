import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { bearer, Network, type Answer } from "../support/in-process.ts";
import { repositoryCheck } from "../support/openapi/exchange-check.ts";
import { WholeService, type Hosted } from "../support/whole-service.ts";

type Json = Readonly<Record<string, unknown>>;
const document = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8")) as {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly requestBody?: { readonly content: Json } }>>>
  >;
};
const check = repositoryCheck();

interface Example {
  readonly method: string;
  readonly path: string;
  readonly media: string;
  readonly value: unknown;
}

const examples: readonly Example[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { requestBody }]) =>
    Object.entries(requestBody?.content ?? {}).flatMap(([media, stands]) => {
      const { example: value } = stands as { readonly example?: unknown };
      return value === undefined ? [] : [{ method: method.toUpperCase(), path, media, value }];
    }),
  ),
);

const SECRET = "a-secret-of-both-sides";
const OPERATOR = "operator";

/** An actor, a peer of it elsewhere, and the request that an example stands in. */
class Stage {
  readonly #service: WholeService;
  readonly us: Hosted;
  readonly peer: Hosted;

  constructor(service: WholeService, us: Hosted, peer: Hosted) {
    this.#service = service;
    this.us = us;
    this.peer = peer;
  }

  static async open(trusting: boolean): Promise<Stage> {
    const network = new Network();
    const ours = new WholeService(network, "https://us.example", {
      environment: { ALL_EVENTS: "true", OPERATOR_TOKEN: OPERATOR },
    });
    const theirs = new WholeService(network, "https://peer.example");
    const [us, peer] = [await ours.actor(), await theirs.actor()];
    if (trusting) {
      await ours.trusts(us.id, peer.id, peer.root, SECRET);
      await theirs.trusts(peer.id, us.id, us.root, SECRET);
    }
    return new Stage(ours, us, peer);
  }

  async ask(method: string, path: string, sent: { json?: unknown; body?: string; headers?: Record<string, string> }) {
    return await this.#service.ask(method, path, sent);
  }

  /** As the owner, with a body of JSON. @returns the answer, which is a success */
  async owner(method: string, path: string, json?: unknown): Promise<Answer> {
    const answer = await this.ask(method, `${this.us.root}${path}`, { json, headers: this.us.as });
    expect([method, path, answer.status < 300, answer.text]).toEqual([method, path, true, answer.text]);
    return answer;
  }
}

/** What is there before, by the beginning of the route; gives more parameters of the path. */
const BEFORE: readonly (readonly [RegExp, (stage: Stage) => Promise<Readonly<Record<string, string>>>])[] = [
  [/\/callbacks\/subscriptions/, async (stage) => await subscribedTo(stage)],
  [/^PUT .*\/subscriptions\/\{peerId\}\/\{sub/, async (stage) => await subscribedBy(stage)],
  [
    /\/webhooks\/\{webhookId\}\//,
    async (stage) => {
      await stage.owner("PUT", "/webhooks/hook", { url: "https://listener.example/", topics: ["a.>"] });
      return {};
    },
  ],
  [
    /^POST .*\/properties\/\{name\}/,
    async (stage) => {
      await stage.owner("POST", "/properties", { color: { _type: "list" } });
      return { path: "items" };
    },
  ],
  [
    /^POST \/groups\//,
    async (stage) => {
      await stage.ask("PUT", "/groups/workers", { json: { topics: ["*.>"] }, headers: bearer(OPERATOR) });
      return {};
    },
  ],
  [
    /^POST .*\/groups\//,
    async (stage) => {
      await stage.owner("PUT", "/groups/workers", { topics: [">"] });
      return {};
    },
  ],
  [
    /\/hub$/,
    async (stage) => {
      await stage.owner("PUT", "/properties/profile", { name: "Alice" });
      await stage.owner("PUT", "/public", { properties: ["profile"] });
      return {};
    },
  ],
];

async function subscribedBy(stage: Stage) {
  const json = { target: "properties", granularity: "high" };
  const path = `${stage.us.root}/subscriptions/${stage.peer.id}`;
  const made = await stage.ask("POST", path, { json, headers: bearer(SECRET) });
  return { subscriptionId: String(made.json.subscriptionid) };
}

async function subscribedTo(stage: Stage) {
  const json = { peerid: stage.peer.id, target: "properties", granularity: "high" };
  const made = await stage.owner("POST", "/subscriptions", json);
  return { subscriptionId: String(made.headers["location"]).split("/").at(-1) ?? "" };
}

/** Requests that a peer makes. */
const BY_PEER = [
  /\/callbacks\//,
  /^POST .*\/subscriptions\/\{peerId\}$/,
  /^POST .*\/trust\/\{relationship\}\/\{peerId\}$/,
];
/** Nothing has failed here, and no consumer has a lease: the tests of operating an actor and of groups have both. */
const NOT_EXECUTED = [
  "POST /{actorId}/parked/{eventId}",
  "POST /{actorId}/groups/{group}/ack",
  "POST /groups/{group}/ack",
];
const byOperator = (path: string): boolean => path.startsWith("/groups");

const routeOf = ({ method, path }: Example): string => `${method} ${path}`;

it.each(examples.filter((example) => !NOT_EXECUTED.includes(routeOf(example))))(
  "the example of $method $path as $media does what the document says",
  async (example) => {
    const { method, path, media, value } = example;
    const route = routeOf(example);
    const stage = await Stage.open(!/^POST \/\{actorId\}\/trust(\/\{relationship\})?$/.test(route));
    const { us, peer } = stage;
    const [, before] = BEFORE.find(([pattern]) => pattern.test(route)) ?? [];
    const parameters: Readonly<Record<string, string>> = {
      ...{
        actorId: us.id,
        peerId: peer.id,
        name: "color",
        path: "deep",
        webhookId: "hook",
        group: "workers",
        topic: "orders.42.created",
      },
      relationship: method === "PUT" && path.endsWith("{relationship}") ? "trustee" : "friend",
      ...(await before?.(stage)),
    };
    const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameters[name] ?? "missing");
    const json = JSON.stringify(value)
      .replaceAll("https://peer.example/abc", peer.root)
      .replaceAll("https://service.example/abc", us.root)
      .replaceAll('"abc"', `"${peer.id}"`);
    const isForm = media === "application/x-www-form-urlencoded";
    const body = isForm ? new URLSearchParams(JSON.parse(json) as Record<string, string>).toString() : json;
    const isByPeer = BY_PEER.some((pattern) => pattern.test(route));
    const ours = byOperator(path) ? bearer(OPERATOR) : path === "/" ? {} : us.as;
    const headers = { "content-type": media, ...(isByPeer ? bearer(SECRET) : ours) };
    const answer = await stage.ask(method, url, { body, headers });
    expect([answer.status < 300, answer.text]).toEqual([true, answer.text]);
    const exchanged = { method, url: `https://us.example${url}`, headers, body, status: answer.status };
    expect(check.faultsOf({ ...exchanged, answerHeaders: answer.headers, answer: answer.text })).toEqual([]);
  },
);
