import { createdBody, polledBody, singleBody, subscriptionHead, textMember, type Style } from "./dialect.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { properties } from "./reading.ts";
import type { PublishedState } from "./state.ts";
import type { Granularity, Subscription, SubscriptionBook } from "./subscriptions.ts";
import type { Trust, Trusts } from "./trusts.ts";

/** A request as the routes see it: the path below the actor, already split and decoded. */
export interface Incoming {
  method: string;
  parts: string[];
  query: URLSearchParams;
  headers: Record<string, string>;
  bearer: string | undefined;
  body: Json | undefined;
}

export interface Outgoing {
  status: number;
  headers?: Record<string, string>;
  json?: Json;
  text?: string;
}

/** What the routes need of the actor they belong to. */
export interface Actor {
  id: string;
  baseUri: () => string;
  style: Style;
  autoApprove: boolean;
  state: PublishedState;
  trusts: Trusts;
  subscriptions: SubscriptionBook;
  capabilities: string[];
  /** Called after a trust was received with `autoApprove`, once the answer is on its way. */
  approveSoon: (peerId: string) => void;
}

const PAGE_BYTES = 1024 * 1024;
const NOT_FOUND: Outgoing = { status: 404 };
const FORBIDDEN: Outgoing = { status: 403 };

/** The answer to one request below the actor's root. */
export async function answer(actor: Actor, request: Incoming): Promise<Outgoing> {
  const [head, ...rest] = request.parts;
  if (head === "meta") return meta(actor, rest);
  if (head === "trust") return trust(actor, request, rest);
  const from = actor.trusts.byBearer(request.bearer);
  if (!from) return { status: request.bearer === undefined ? 401 : 403, headers: { "www-authenticate": "Bearer" } };
  if (head === "subscriptions") return subscriptions(actor, request, from, rest);
  if (head === "callbacks" && rest[0] === "subscriptions") return unsubscribe(actor, request, from, rest.slice(2));
  if (!from.approved) return FORBIDDEN;
  if (head === "properties") return properties(actor, request, from, rest);
  return NOT_FOUND;
}

function meta(actor: Actor, rest: string[]): Outgoing {
  const version = actor.style === "ours" ? "1.4" : "1.0";
  const supported = actor.capabilities.join(",");
  const type = "urn:actingweb:test:publisher";
  const leaf = rest.join("/");
  if (leaf === "") {
    const flat = { aw_version: version, aw_supported: supported, aw_formats: "json", aw_trust_types: ["friend"] };
    const nested = { actingweb: { version, supported, formats: "json" } };
    const extra = actor.style === "ours" ? { ...nested, ...flat } : flat;
    return { status: 200, json: { id: actor.id, type, version: "3.14.0", desc: "", info: "", ...extra } };
  }
  const leaves: Record<string, string> = {
    id: actor.id,
    type,
    "actingweb/version": version,
    "actingweb/supported": supported,
    "actingweb/formats": "json",
  };
  return leaves[leaf] === undefined ? NOT_FOUND : { status: 200, text: leaves[leaf] };
}

async function trust(actor: Actor, request: Incoming, rest: string[]): Promise<Outgoing> {
  const [relationship, peerId] = rest;
  if (relationship === undefined) return { status: 403 };
  if (peerId === undefined) {
    if (request.method !== "POST") return { status: 405, headers: { allow: "POST" } };
    const record = await actor.trusts.receive(relationship, request.body, actor.autoApprove && actor.style === "ours");
    if (!record) return { status: 400 };
    const asker = textMember(record, "peerid") ?? "";
    if (actor.autoApprove) actor.approveSoon(asker);
    const location = `${actor.baseUri()}/trust/${relationship}/${asker}`;
    return { status: record["approved"] === true ? 201 : 202, headers: { location }, json: record };
  }
  const known = actor.trusts.all.get(peerId);
  if (!known) return NOT_FOUND;
  if (request.bearer !== known.secret) return FORBIDDEN;
  if (request.method === "GET") return { status: known.approved ? 200 : 202, json: actor.trusts.record(known) };
  if (request.method === "POST") {
    actor.trusts.peerApproves(known, request.body);
    return { status: 204 };
  }
  if (request.method === "DELETE") {
    actor.trusts.all.delete(peerId);
    for (const one of actor.subscriptions.of(peerId)) actor.subscriptions.all.delete(one.id);
    return { status: 204 };
  }
  return { status: 405, headers: { allow: "GET, POST, DELETE" } };
}

function subscriptions(actor: Actor, request: Incoming, from: Trust, rest: string[]): Outgoing {
  const [peerId, subId, sequence] = rest;
  if (!from.approved || peerId !== from.peerId) return FORBIDDEN;
  if (subId === undefined) {
    if (request.method === "GET") {
      const data = actor.subscriptions.of(peerId).map((one) => listed(actor, one));
      return { status: 200, json: { id: actor.id, peerid: peerId, data } };
    }
    const target = textMember(request.body, "target");
    if (request.method !== "POST" || target === null) return { status: 400 };
    const made = actor.subscriptions.create(peerId, {
      target,
      subtarget: textMember(request.body, "subtarget"),
      resource: textMember(request.body, "resource"),
      granularity: (textMember(request.body, "granularity") ?? "none") as Granularity,
    });
    const location = `${actor.baseUri()}/subscriptions/${peerId}/${made.id}`;
    return { status: 201, headers: { location }, json: createdBody(actor.style, made) };
  }
  const found = actor.subscriptions.find(peerId, subId);
  if (!found) return NOT_FOUND;
  if (sequence !== undefined) return single(actor, found, Number(sequence));
  if (request.method === "GET") return poll(actor, request, found);
  if (request.method === "DELETE") {
    actor.subscriptions.all.delete(subId);
    return { status: 204 };
  }
  const cleared = isObject(request.body) ? request.body["sequence"] : undefined;
  if (request.method !== "PUT" || !Number.isInteger(cleared)) return { status: 400 };
  return { status: actor.subscriptions.clear(found, cleared as number) ? 204 : 400 };
}

function listed(actor: Actor, one: Subscription): JsonObject {
  return { ...subscriptionHead(actor.id, one), granularity: one.granularity, callback: false };
}

/** The backlog; in our style in pages of `limit`, or of 1 MiB, with `next` as the next `after`. */
function poll(actor: Actor, request: Incoming, found: Subscription): Outgoing {
  const body = polledBody(actor.style, actor.id, found);
  if (actor.style === "reference") return { status: 200, json: body };
  const after = Number(request.query.get("after") ?? 0);
  const limit = Number(request.query.get("limit") ?? Number.POSITIVE_INFINITY);
  const rest = (body["data"] as { sequence: number }[]).filter((diff) => diff.sequence > after);
  const page: { sequence: number }[] = [];
  let bytes = 0;
  for (const diff of rest) {
    bytes += Buffer.byteLength(JSON.stringify(diff));
    if (page.length >= limit || (page.length > 0 && bytes > PAGE_BYTES)) break;
    page.push(diff);
  }
  const next = page.length < rest.length ? { next: page.at(-1)?.sequence ?? after } : {};
  return { status: 200, json: { ...body, data: page, ...next } };
}

function single(actor: Actor, found: Subscription, sequence: number): Outgoing {
  const diff = found.backlog.get(sequence);
  // The reference's read clears the diff, and breaks at the second one.
  if (!diff) return actor.style === "reference" && found.made.has(sequence) ? { status: 500 } : NOT_FOUND;
  if (actor.style === "reference") found.backlog.delete(sequence);
  return { status: 200, json: singleBody(actor.style, actor.id, found, diff) };
}

function unsubscribe(actor: Actor, request: Incoming, from: Trust, rest: string[]): Outgoing {
  const found = actor.subscriptions.find(from.peerId, rest[0] ?? "");
  if (request.method !== "DELETE" || !found) return NOT_FOUND;
  actor.subscriptions.all.delete(found.id);
  return { status: 204 };
}
