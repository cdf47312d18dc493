import { actionBody } from "../../lib/api/peers.ts";
import { placeBody } from "../../lib/api/suspensions.ts";
import {
  array,
  choice,
  count,
  done,
  json,
  mapOf,
  maybe,
  object,
  ref,
  shows,
  taken,
  text,
  type Described,
  type Operation,
} from "./operation.ts";
import { id } from "./schemas.ts";

const paging = {
  after: { description: "Where the page begins: what the page before gave as `next`.", schema: text },
  limit: { description: "The most entries of a page.", schema: { type: "string", pattern: "^[0-9]{1,6}$" } },
};
const resume: Operation = {
  summary: "Resume the diffs of a target",
  description: "Every subscription in scope gets a resync.",
  answers: { 200: shows("They are resumed.", object({ count, resynced: count, failed: count })) },
  errors: ["conflict"],
};

export const peers: Described<"peers"> = {
  "GET /{actorId}/suspensions": {
    summary: "The suspended targets",
    answers: { 200: shows("The targets.", object({ id, data: array(ref("Suspension")) })) },
  },
  "POST /{actorId}/suspensions": {
    summary: "Suspend the diffs of a target",
    body: { content: json(taken(placeBody), { target: "properties" }) },
    answers: {
      200: shows("It was suspended before.", ref("Suspension")),
      201: shows("It is suspended.", ref("Suspension")),
    },
    errors: ["conflict"],
  },
  "DELETE /{actorId}/suspensions/{target}": resume,
  "DELETE /{actorId}/suspensions/{target}/{subtarget}": resume,
  "GET /{actorId}/peers": {
    summary: "The peers, with what is stored of each",
    query: paging,
    answers: { 200: shows("A page, by peer id.", object({ data: array(ref("Peer")), next: maybe(text) })) },
  },
  "GET /{actorId}/peers/{peerId}/properties": {
    summary: "The copy of a peer's properties",
    query: paging,
    answers: { 200: shows("A page, by name.", object({ data: mapOf(ref("PeerProperty")), next: maybe(text) })) },
  },
  "GET /{actorId}/peers/{peerId}/properties/{name}": {
    summary: "One property of the copy",
    answers: { 200: shows("The property.", ref("PeerProperty")) },
    errors: ["payload_too_large"],
  },
  "DELETE /{actorId}/peers/{peerId}/breaker": {
    summary: "Close the breaker of a peer",
    description: "What the peer missed is delivered after the answer.",
    answers: { 204: done("It is closed.") },
  },
  "GET /{actorId}/parked": {
    summary: "Events and reads that failed",
    query: {
      ...paging,
      source: { description: "Only what failed there, such as `webhook:<id>`.", schema: text },
      peerid: { description: "Only what failed at hooks of subscriptions to this peer.", schema: text },
    },
    answers: { 200: shows("A page.", object({ data: array(ref("FailedEvent")), next: maybe(text) })) },
  },
  "POST /{actorId}/parked/{eventId}": {
    summary: "Retry or skip one of them",
    body: { content: json(taken(actionBody), { action: "skip" }) },
    answers: {
      200: shows(
        "What became of it.",
        object({ id, result: choice("done", "dropped", "skipped", "retry", "parked", "stopped", "held") }),
      ),
    },
    errors: ["conflict", "busy"],
  },
};
