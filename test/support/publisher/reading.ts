import type { Json } from "./json.ts";
import type { Actor, Incoming, Outgoing } from "./routes.ts";
import type { PublishedState } from "./state.ts";
import type { Trust } from "./trusts.ts";

/** Answers the reads of a peer: everything, the metadata form, one property, a place inside one. */
export function properties(actor: Actor, request: Incoming, from: Trust, path: string[]): Outgoing {
  if (request.method !== "GET") return { status: 405, headers: { allow: "GET" } };
  const subscription = actor.subscriptions.find(from.peerId, request.headers["x-actingweb-subscription"] ?? "");
  const positioned = actor.style === "ours" && subscription;
  const headers = positioned ? { "x-actingweb-sequence": String(subscription.sequence) } : {};
  if (path.length === 0) return { status: 200, headers, json: allProperties(actor.state, request.query) };
  const value = actor.state.read(path);
  if (value === undefined) return { status: 404, headers };
  if (typeof value === "string") return { status: 200, headers, text: value };
  return { status: 200, headers, json: value };
}

function allProperties(state: PublishedState, query: URLSearchParams): Json {
  const bytes = (value: Json): number => Buffer.byteLength(JSON.stringify(value));
  if (query.get("metadata") === "true") {
    const total = [...state.values.values()].reduce<number>((sum, value) => sum + bytes(value), 0);
    const lists = [...state.lists].map(([name, { items, ...about }]): [string, Json] => [
      name,
      { count: items.length, total_bytes: bytes(items), ...about },
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
