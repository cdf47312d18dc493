/** What the document says of reading: readers, and consumer groups. */
import { ackBody, fetchBody, groupResetBody, groupResumeBody } from "../../lib/api/groups.ts";
import { groupBody } from "../../lib/listeners/groups/group-settings.ts";
import {
  array,
  bool,
  count,
  done,
  json,
  object,
  ref,
  shows,
  taken,
  text,
  time,
  type Answer,
  type Header,
  type Operation,
  type Schema,
} from "./operation.ts";
import { feedPosition, position } from "./schemas.ts";

const etag: Header = { description: "Stands for the settings alone.", schema: text, required: true };
const retryAfter: Header = { description: "Seconds after which to fetch again.", schema: text, required: true };
const goneLink = { 410: { link: { description: "Where the state can be read instead.", schema: text } } };
const theGroup = (description: string): Answer => shows(description, ref("Group"), { headers: { etag } });
const lease = object({ lane: count, token: text, until: time });
const streamHeaders = (next: Schema): Readonly<Record<string, Header>> => ({
  "stream-next-offset": { description: "The position to go on from.", schema: next, required: true },
  "stream-up-to-date": { description: "`true`: the log has nothing more.", schema: text },
  "stream-cursor": { description: "Of a live reader of Durable Streams.", schema: text },
  "x-content-type-options": { description: "`nosniff`", schema: text, required: true },
  "cross-origin-resource-policy": { description: "`cross-origin`", schema: text, required: true },
});
const eventsTag: Header = { description: "Stands for the events of the answer.", schema: text };

/** @param next the position after an answer */
const reading = (next: Schema) => ({
  query: {
    from: { description: "`earliest`, `now`, or a position.", schema: text },
    topics: { description: "Patterns, separated by commas.", schema: text },
    types: { description: "Types, separated by commas.", schema: text },
    limit: { description: "Most events.", schema: text },
    wait: { description: "Seconds to wait for an event, 0 to 20.", schema: text },
    offset: { description: "As `from`; `-1` is `earliest`.", schema: text },
    live: { description: "`long-poll`: waits 20 s.", schema: text },
    cursor: { description: "The `Stream-Cursor` of the answer before.", schema: text },
  },
  headers: { "if-none-match": { description: "The `ETag` of an answer.", schema: text } },
  answers: {
    200: shows("Events in order.", array(ref("Event")), { headers: { ...streamHeaders(next), etag: eventsTag } }),
    204: done("The wait ended without an event.", streamHeaders(next)),
    304: done("The answer would be the same.", { ...streamHeaders(next), etag: eventsTag }),
  },
  errorHeaders: goneLink,
});

/** The parts of the events area that are pulled. */
export const pulled = {
  "GET /events": {
    summary: "Read the events of all actors",
    description: "With `ALL_EVENTS`, for the bearer of `OPERATOR_TOKEN`. Patterns are over `<actorId>.<topic>`.",
    ...reading(feedPosition),
    errors: ["not_found", "unauthorized", "forbidden", "position_gone"],
  },
  "GET /{actorId}/events": {
    summary: "Read events from a position, and wait for new ones",
    description: "The read side of Durable Streams in JSON mode. A peer sees what its permissions open.",
    ...reading(position),
    errors: ["position_gone"],
  },
  "GET /{actorId}/groups": {
    summary: "All consumer groups",
    answers: { 200: shows("The groups.", object({ data: array(ref("Group")) })) },
  },
  "GET /{actorId}/groups/{group}": {
    summary: "A consumer group: its settings, and how it stands",
    headers: { "if-none-match": { description: "Are my settings still these?", schema: text } },
    answers: { 200: theGroup("The group."), 304: done("The settings are these.", { etag }) },
  },
  "PUT /{actorId}/groups/{group}": {
    summary: "Make a consumer group, or change its settings",
    headers: {
      "if-match": { description: "The `ETag` of the settings to be changed.", schema: text },
      "if-none-match": { description: "`*`: only if there is no such group.", schema: text },
    },
    body: { content: json(taken(groupBody), { topics: ["orders.>"], lanes: 4 }) },
    answers: { 200: theGroup("The group, changed or as it was."), 201: theGroup("The group, made.") },
    errors: ["precondition_failed", "precondition_required", "limit_reached", "conflict", "position_gone"],
    errorHeaders: goneLink,
  },
  "DELETE /{actorId}/groups/{group}": {
    summary: "End a consumer group, with its parked events",
    query: { drainSeconds: { description: "Wait so long for live leases, 0 to 25.", schema: text } },
    answers: {
      200: shows("It has ended.", object({ drained: bool })),
      202: shows("It ends with its last lease.", object({ drained: bool })),
    },
  },
  "POST /{actorId}/groups/{group}/fetch": {
    summary: "Fetch events under a lease",
    body: { content: json(taken(fetchBody), { consumer: "c1", max: 50, waitSeconds: 0 }) },
    answers: {
      200: shows(
        "Events that the consumer has until its lease ends.",
        object({
          events: array(object({ event: ref("Event"), attempt: count, lane: count })),
          leases: array(lease),
          lag: count,
          caughtUp: bool,
        }),
      ),
      204: done("There is nothing to fetch.", { "retry-after": retryAfter }),
    },
    errors: ["held", "conflict", "position_gone"],
    errorHeaders: { ...goneLink, 423: { "retry-after": retryAfter } },
  },
  "POST /{actorId}/groups/{group}/ack": {
    summary: "Say what became of events",
    body: { content: json(taken(ackBody), { token: "t", upTo: "0001-0000000000000001-z" }) },
    answers: {
      200: shows(
        "The outcome of each verdict, and the leases that are left.",
        object({ outcomes: array(object({ position, outcome: text })), leases: array(lease) }),
      ),
    },
    errors: ["fenced"],
  },
  "POST /{actorId}/groups/{group}/reset": {
    summary: "Begin again at a position",
    body: { content: json(taken(groupResetBody), { to: "earliest" }) },
    answers: { 200: theGroup("The group.") },
    errors: ["position_gone"],
    errorHeaders: goneLink,
  },
  "POST /{actorId}/groups/{group}/pause": {
    summary: "Give no lease",
    answers: { 200: theGroup("The group.") },
  },
  "POST /{actorId}/groups/{group}/resume": {
    summary: "Go on, after a pause or a stop",
    body: { optional: true, content: json(taken(groupResumeBody), { skip: false }) },
    answers: { 200: theGroup("The group.") },
  },
} as const satisfies Readonly<Record<string, Operation>>;
