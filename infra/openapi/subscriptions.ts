import { clearBody, subscriptionBody } from "../../lib/api/inbound.ts";
import { requestedBody } from "../../lib/api/subscriptions.ts";
import {
  array,
  choice,
  count,
  done,
  json,
  location,
  maybe,
  object,
  oneOf,
  ref,
  shows,
  taken,
  text,
  type Described,
  type Schema,
} from "./operation.ts";
import { granularity, id, ownName } from "./schemas.ts";

const filters = {
  target: { description: "Only those of this target.", schema: text },
  subtarget: { description: "Only those of this subtarget; empty: those without.", schema: text },
  resource: { description: "Only those of this resource; empty: those without.", schema: text },
};
const number: Schema = { type: "string", pattern: "^[0-9]{1,16}$" };
const scope = { target: "properties", subtarget: "color", granularity: "high" };
const made = { subscriptionid: id, target: text, subtarget: text, resource: text, granularity, sequence: count };

export const subscriptions: Described<"subscriptions"> = {
  "GET /{actorId}/subscriptions": {
    summary: "All subscriptions, of both directions",
    query: { peerid: { description: "Only those with this peer.", schema: text }, ...filters },
    answers: { 200: shows("In order of creation.", object({ id, data: array(ref("Subscription")) })) },
  },
  "POST /{actorId}/subscriptions": {
    summary: "Subscribe to a peer",
    body: { content: json(taken(requestedBody, { peerid: id, target: ownName }), { peerid: "abc", ...scope }) },
    answers: { 204: done("The peer made the subscription.", location("The subscription's URL at the peer.")) },
    errors: ["conflict", "peer_unreachable", "peer_refused", "peer_invalid_answer"],
  },
  "GET /{actorId}/subscriptions/{peerId}": {
    summary: "The subscriptions with one peer",
    description: "The owner sees both directions, the peer its own to us.",
    query: { peerid: { description: "Only those with this peer.", schema: text }, ...filters },
    answers: { 200: shows("In order of creation.", object({ id, peerid: id, data: array(ref("Subscription")) })) },
  },
  "POST /{actorId}/subscriptions/{peerId}": {
    summary: "A peer subscribes to us",
    description: "The same scope again answers the same id with the new granularity. `subscriptions` makes up to 100.",
    body: {
      content: json(
        oneOf(
          taken(subscriptionBody, { target: ownName }),
          object({ subscriptions: { type: "array", maxItems: 100 } }),
        ),
        scope,
      ),
    },
    answers: {
      201: shows("The subscription.", ref("SubscriptionMade"), { headers: location("The subscription's URL.") }),
      207: shows(
        "One result for each of the `subscriptions`, in their order.",
        object({
          results: array(
            oneOf(
              object({ status: { const: 201 }, location: text, ...made }),
              object({
                status: { type: "integer", minimum: 400 },
                error: object({ code: ref("ErrorCode"), message: text, requestId: text }),
              }),
            ),
          ),
        }),
      ),
    },
    errors: ["conflict"],
  },
  "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}": {
    summary: "A subscription with its backlog",
    description: "Reading clears nothing. A subscription of ours to a peer has no backlog here.",
    query: {
      after: { description: "Only diffs after this number.", schema: number },
      limit: { description: "The most diffs.", schema: number },
    },
    answers: { 200: shows("The diffs in ascending order.", ref("Backlog")) },
    errors: ["gone"],
  },
  "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/{sequence}": {
    summary: "One diff",
    answers: {
      200: shows("The diff.", ref("OneDiff"), {
        headers: {
          "x-actingweb-sequence": {
            description: "The newest diff that is contained in this one, which is a state.",
            schema: number,
          },
        },
      }),
    },
  },
  "PUT /{actorId}/subscriptions/{peerId}/{subscriptionId}": {
    summary: "Clear the backlog up to a number",
    body: { content: json(taken(clearBody), { sequence: 0 }) },
    answers: { 204: done("It is cleared.") },
  },
  "DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}": {
    summary: "End a subscription, whichever direction it has",
    answers: { 204: done("It has ended.") },
  },
  "POST /{actorId}/subscriptions/{peerId}/{subscriptionId}/resync": {
    summary: "Bring a subscription of ours up to date",
    query: {
      mode: {
        description: "With `catch_up` the state is read only where it must.",
        schema: choice("catch_up", "resync"),
      },
    },
    answers: {
      200: shows(
        "It is up to date.",
        object({ subscriptionid: id, result: choice("caught_up", "resynced"), sequence: count, applied: count }),
      ),
      202: shows(
        "The state is too large for one request and is being read.",
        object({
          subscriptionid: id,
          result: { const: "underway" },
          sequence: count,
          applied: count,
          recovery: maybe(ref("Recovery")),
        }),
      ),
    },
    errors: ["peer_unreachable", "peer_refused", "peer_invalid_answer", "conflict", "gone"],
  },
  "GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/state": {
    summary: "The stream of a subscription of ours",
    answers: { 200: shows("The stream.", ref("StreamState")) },
  },
  "DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}/state": {
    summary: "Begin a new epoch at 0",
    answers: { 204: done("It has begun.") },
  },
};
