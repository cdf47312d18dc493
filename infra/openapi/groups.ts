/** What the document says of reading: readers, and consumer groups. */
import { ackBody, fetchBody, groupResetBody, groupResumeBody } from "../../lib/api/groups.ts";
import { rootAckBody, rootGroupResetBody } from "../../lib/api/root-groups.ts";
import type { VerdictOutcome } from "../../lib/domain/events/group-verdicts.ts";
import { groupBody } from "../../lib/listeners/groups/group-settings.ts";
import { rootGroupBody } from "../../lib/listeners/groups/root-group-settings.ts";
import {
  array,
  bool,
  choice,
  count,
  done,
  json,
  object,
  ref,
  said,
  shows,
  taken,
  text,
  time,
  whole,
  type Answer,
  type Header,
  type Operation,
  type Schema,
  goneLink,
  knownSettings,
  settingsTag,
  whichSettings,
} from "./operation.ts";
import { feedPosition, position } from "./schemas.ts";

const retryAfter: Header = { description: "Seconds after which to fetch again.", schema: text, required: true };
const theGroup = (description: string): Answer => shows(description, ref("Group"), { headers: { etag: settingsTag } });
const streamHeaders = (next: Schema): Readonly<Record<string, Header>> => ({
  "stream-next-offset": {
    description: "Where the next request begins: its `from` or `offset`.",
    schema: next,
    required: true,
  },
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
    limit: { description: "Most events.", schema: whole(1, 1_000) },
    wait: { description: "Seconds to wait for an event.", schema: whole(0, 20) },
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
});

const OUTCOMES = [
  "done",
  "retried",
  "parked",
  "skipped",
  "stopped",
  "released",
  "early",
  "not_lent",
  "late",
] as const satisfies VerdictOutcome[];

/** The schemas of consumer groups. */
export const groupSchemas = {
  GroupSettings: taken(groupBody, {
    topics: { description: "Patterns." },
    types: { description: "Exact types, or beginnings such as `a.*` [all]." },
    from: { description: "Where a new group begins: `now`, `earliest` or a position [`now`]." },
    lanes: { description: "How many consumers can work at the same time [1]." },
    order: { description: "`key`: the events of one key in order; `strict`: all events, in one lane [`key`]." },
    leaseSeconds: { description: "How long a consumer has what it fetched [30]." },
    maxAttempts: { description: "Deliveries before an event is parked [5]." },
    onExhausted: { description: "What becomes of the event after them, and with `stop` of the group [`park`]." },
  }),
  Fetch: taken(fetchBody, {
    max: { description: "Most events [100]." },
    waitSeconds: { description: "How long the service waits for an event [0]." },
    consumer: { description: "The consumer's name, as an operator sees it." },
  }),
  Batch: object({
    events: array(ref("Fetched")),
    leases: array(ref("Lease")),
    lag: said("How many records of the log come after those of which every event is done.", count),
    caughtUp: said("Whether there is nothing behind these events.", bool),
  }),
  Fetched: object({ event: ref("Event"), attempt: said("1 for the first.", count), lane: count }),
  Lease: object({ lane: count, token: said("What `ack` names it by."), until: time }),
  Ack: taken(ackBody, {
    token: { description: "The lease." },
    upTo: { description: "Acknowledges every event of the lease up to this position." },
    items: { description: "Verdicts on single events. `release` gives one back and counts no attempt." },
    extend: { description: "Lets the lease begin again." },
    done: { description: "Ends the lease." },
  }),
  Acknowledged: object({
    outcomes: array(object({ position, outcome: choice(...OUTCOMES) })),
    leases: array(ref("Lease")),
  }),
} as const satisfies Readonly<Record<string, Schema>>;

const theRootGroup = (description: string): Answer =>
  shows(description, ref("RootGroup"), { headers: { etag: settingsTag } });
/** What a fetch of one actor and of all have in common. */
const fetching = {
  headers: {
    "idempotency-key": {
      description: "Names the fetch: a repetition takes back what the first one lent.",
      schema: { type: "string", minLength: 1, maxLength: 255 },
    },
  },
  body: { content: json(ref("Fetch"), { consumer: "c1", max: 50, waitSeconds: 0 }) },
  answers: {
    200: shows("Events that the consumer has until its lease ends.", ref("Batch")),
    204: done("There is nothing to fetch.", { "retry-after": retryAfter }),
  },
} as const;

/** The end of a group. @param later what the answer says when it is not over yet */
const ending = (later: string) =>
  ({
    query: { drainSeconds: { description: "Seconds to wait for live leases.", schema: whole(0, 25) } },
    answers: {
      200: shows("It has ended.", object({ drained: bool })),
      202: shows(later, object({ drained: bool })),
    },
  }) as const;

/** Errors of every route for the operator. */
const OPERATOR_ERRORS = ["not_found", "unauthorized", "forbidden"] as const;

/** Groups over all actors. */
const ofAllActors = {
  "GET /groups": {
    summary: "All consumer groups over all actors",
    description: "With `ALL_EVENTS`, for the bearer of `OPERATOR_TOKEN`, as all routes below `/groups`.",
    answers: { 200: shows("Their names.", object({ data: array(object({ name: text })) })) },
    errors: [...OPERATOR_ERRORS],
  },
  "GET /groups/{group}": {
    summary: "A consumer group over all actors: its settings, and how it stands",
    headers: knownSettings,
    answers: { 200: theRootGroup("The group."), 304: done("The settings are these.", { etag: settingsTag }) },
    errors: [...OPERATOR_ERRORS],
  },
  "PUT /groups/{group}": {
    summary: "Make a consumer group over all actors, or change its settings",
    description: "Patterns are over `<actorId>.<topic>`.",
    headers: whichSettings("group"),
    body: { content: json(taken(rootGroupBody), { topics: ["*.orders.>"], lanes: 4 }) },
    answers: { 200: theRootGroup("The group, changed or as it was."), 201: theRootGroup("The group, made.") },
    errors: [
      ...OPERATOR_ERRORS,
      ...(["precondition_failed", "precondition_required", "limit_reached", "conflict", "position_gone"] as const),
    ],
  },
  "DELETE /groups/{group}": {
    summary: "End a consumer group over all actors, with its parked events",
    ...ending("It ends with its last lease, or once what it knows of actors is deleted."),
    errors: [...OPERATOR_ERRORS],
  },
  "POST /groups/{group}/fetch": {
    summary: "Fetch events of all actors under a lease",
    description: "The `position` of an event begins with its actor, and is what an acknowledgement names.",
    ...fetching,
    errors: [...OPERATOR_ERRORS, "held", "conflict"],
    errorHeaders: { 423: { "retry-after": retryAfter } },
  },
  "POST /groups/{group}/ack": {
    summary: "Say what became of events of all actors",
    body: { content: json(taken(rootAckBody), { token: "t", upTo: "5f0c.0001-0000000000000001-z" }) },
    answers: {
      200: shows("The outcome of each verdict, and the lease that is left.", ref("Acknowledged")),
    },
    errors: [...OPERATOR_ERRORS, "fenced", "position_gone"],
  },
  "POST /groups/{group}/reset": {
    summary: "Begin again at a position of the events of all actors",
    body: { content: json(taken(rootGroupResetBody), { to: "earliest" }) },
    answers: { 200: theRootGroup("The group.") },
    errors: [...OPERATOR_ERRORS, "conflict", "position_gone"],
  },
  "POST /groups/{group}/pause": {
    summary: "Give no lease until the group is resumed",
    answers: { 200: theRootGroup("The group.") },
    errors: [...OPERATOR_ERRORS],
  },
  "POST /groups/{group}/resume": {
    summary: "End a pause or a stop",
    body: { optional: true, content: json(taken(groupResumeBody), { skip: false }) },
    answers: { 200: theRootGroup("The group.") },
    errors: [...OPERATOR_ERRORS],
  },
} as const satisfies Readonly<Record<string, Operation>>;

/** The parts of the events area that are pulled. */
export const pulled = {
  ...ofAllActors,
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
    errorHeaders: goneLink,
  },
  "GET /{actorId}/groups": {
    summary: "All consumer groups",
    answers: { 200: shows("The groups.", object({ data: array(ref("Group")) })) },
  },
  "GET /{actorId}/groups/{group}": {
    summary: "A consumer group: its settings, and how it stands",
    headers: knownSettings,
    answers: { 200: theGroup("The group."), 304: done("The settings are these.", { etag: settingsTag }) },
  },
  "PUT /{actorId}/groups/{group}": {
    summary: "Make a consumer group, or change its settings",
    headers: whichSettings("group"),
    body: { content: json(ref("GroupSettings"), { topics: ["orders.>"], lanes: 4 }) },
    answers: { 200: theGroup("The group, changed or as it was."), 201: theGroup("The group, made.") },
    errors: ["precondition_failed", "precondition_required", "limit_reached", "conflict", "position_gone"],
    errorHeaders: goneLink,
  },
  "DELETE /{actorId}/groups/{group}": {
    summary: "End a consumer group, with its parked events",
    ...ending("It ends with its last lease."),
  },
  "POST /{actorId}/groups/{group}/fetch": {
    summary: "Fetch events under a lease",
    ...fetching,
    errors: ["held", "conflict", "position_gone"],
    errorHeaders: { ...goneLink, 423: { "retry-after": retryAfter } },
  },
  "POST /{actorId}/groups/{group}/ack": {
    summary: "Say what became of events",
    body: { content: json(ref("Ack"), { token: "t", upTo: "0001-0000000000000001-z" }) },
    answers: {
      200: shows("The outcome of each verdict, and the leases that are left.", ref("Acknowledged")),
    },
    errors: ["fenced", "position_gone"],
    errorHeaders: goneLink,
  },
  "POST /{actorId}/groups/{group}/reset": {
    summary: "Begin again at a position",
    body: { content: json(taken(groupResetBody), { to: "earliest" }) },
    answers: { 200: theGroup("The group.") },
    errors: ["position_gone"],
    errorHeaders: goneLink,
  },
  "POST /{actorId}/groups/{group}/pause": {
    summary: "Give no lease until the group is resumed",
    answers: { 200: theGroup("The group.") },
  },
  "POST /{actorId}/groups/{group}/resume": {
    summary: "End a pause or a stop",
    body: { optional: true, content: json(taken(groupResumeBody), { skip: false }) },
    answers: { 200: theGroup("The group.") },
  },
} as const satisfies Readonly<Record<string, Operation>>;
