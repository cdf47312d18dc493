import type { Json } from "./json.ts";
import type { Actor, Incoming, Outgoing } from "./routes.ts";
import type { PublishedList, PublishedState } from "./state.ts";
import type { Trust } from "./trusts.ts";

/** Answers the reads of a peer: everything, the metadata form, one property, a place inside one. */
export function properties(actor: Actor, request: Incoming, from: Trust, path: string[]): Outgoing {
  if (request.method !== "GET") return { status: 405, headers: { allow: "GET" } };
  const subscription = actor.subscriptions.find(from.peerId, request.headers["x-actingweb-subscription"] ?? "");
  const positioned = actor.style === "ours" && subscription;
  const headers = positioned ? { "x-actingweb-sequence": String(subscription.sequence) } : {};
  if (path.length === 0) return { status: 200, headers, json: allProperties(actor.state, request.query) };
  const list = actor.state.lists.get(path[0] ?? "");
  const limit = request.query.get("limit");
  if (actor.style === "ours" && list && path.length === 1 && limit !== null) {
    return { ...listPage(list, Number(limit), request.query.get("after")), headers };
  }
  const value = actor.state.read(path);
  if (value === undefined) return { status: 404, headers };
  if (typeof value === "string") return { status: 200, headers, text: value };
  return { status: 200, headers, json: value };
}

function allProperties(state: PublishedState, query: URLSearchParams): Json {
  const bytes = (value: Json): number => Buffer.byteLength(JSON.stringify(value));
  if (query.get("metadata") === "true") {
    const total = [...state.values.values()].reduce<number>((sum, value) => sum + bytes(value), 0);
    const lists = [...state.lists].map(([name, { items, description, explanation }]): [string, Json] => [
      name,
      { count: items.length, total_bytes: bytes(items), description, explanation },
    ]);
    return {
      simple: { properties: [...state.values.keys()].sort(), total_bytes: total },
      lists: Object.fromEntries(lists),
    };
  }
  const lists = [...state.lists].map(([name, list]): [string, Json] => [
    name,
    { _list: true, count: list.items.length },
  ]);
  return { ...Object.fromEntries(state.values), ...Object.fromEntries(lists) };
}

/** One page; the token names the version it is of, and is worth nothing after a change. */
function listPage(list: PublishedList, limit: number, after: string | null): Outgoing {
  const [version, from] = after === null ? [list.version, 0] : after.split(".").map(Number);
  if (version !== list.version) return { status: 409 };
  const end = (from ?? 0) + limit;
  const next = end < list.items.length ? { next: `${list.version}.${end}` } : {};
  return { status: 200, json: { items: list.items.slice(from, end), ...next } };
}
