/** The schemas of events, and of those that listen to them: components of the document. */
import { OWN_ATTRIBUTES } from "../../lib/domain/events/envelope.ts";
import {
  always,
  anything,
  array,
  bool,
  choice,
  count,
  mapOf,
  maybe,
  object,
  oneOf,
  ref,
  said,
  text,
  time,
  uri,
  whole,
  type Schema,
} from "./operation.ts";
import { breaker, id, position } from "./schemas.ts";

const attempt = {
  time,
  ms: count,
  result: choice("taken", "failed", "ambiguous", "refused"),
  target: text,
  status: maybe({ type: "integer" }),
  error: maybe(text),
  answer: maybe(said("The beginning of the answer.")),
};

const cloudEventMembers = {
  specversion: always("1.0"),
  id: { type: "string", minLength: 1 },
  source: { type: "string", minLength: 1 },
  type: { type: "string", minLength: 1, maxLength: 128 },
};

/** Attributes that the service gives an event: those of a publisher are dropped. */
const ofTheService = said("Given by the service; dropped.", anything);

/** Settings of a webhook as answers show them. */
const webhookSettings = {
  url: maybe(uri),
  urls: maybe(array(uri)),
  topics: array(text),
  types: maybe(array(text)),
  order: choice("key", "strict", "none"),
  parallel: whole(1, 16),
  signature: choice("v1", "none"),
  rate: object({ limit: count, periodSeconds: count }),
  maxAttempts: whole(1, 20),
  onExhausted: choice("park", "stop"),
  retryAmbiguous: bool,
  timeoutSeconds: whole(1, 20),
  inlineMaxBytes: maybe(count),
  bearer: maybe(always(true)),
  headers: maybe(mapOf(always(true))),
};

/** What groups of one actor and of all have in common. */
const groupMembers = {
  name: id,
  topics: array(text),
  types: maybe(array(text)),
  order: choice("key", "strict"),
  leaseSeconds: whole(1, 600),
  maxAttempts: whole(1, 20),
  onExhausted: choice("park", "stop"),
  status: choice("active", "paused", "stopped", "draining"),
};

export const eventSchemas = {
  /** The event envelope: what webhooks, groups, readers, hooks and the bus are given. */
  Event: object(
    {
      ...cloudEventMembers,
      source: said("The root URI of the actor.", uri),
      subject: said("The topic."),
      time,
      datacontenttype: text,
      dataschema: maybe(uri),
      position: said("The place of the event in the actor's log. Texts of later positions sort later.", position),
      sequence: maybe(
        said("The event's number for this listener. A gap shows that something is missing.", {
          type: "string",
          pattern: "^[0-9]{16}$",
        }),
      ),
      partitionkey: maybe({ type: "string", minLength: 1, maxLength: 128 }),
      traceparent: maybe(text),
      tracestate: maybe(text),
      originsource: maybe(said("The `source` that the publisher gave.")),
      originid: maybe(said("The `id` that the publisher gave.")),
      hops: maybe(said("How many hooks led from one event to the next.", { type: "integer", minimum: 1 })),
      data: maybe(anything),
      data_base64: maybe(said("Data that is neither JSON nor text.", { type: "string", contentEncoding: "base64" })),
      dataref: maybe(said("Where large data can be read for a week.", uri)),
      datadigest: maybe(
        said("`sha-256=:…:` of that data.", { type: "string", pattern: "^sha-256=:[A-Za-z0-9+/]{43}=:$" }),
      ),
    },
    {
      // Extensions that the publisher gave.
      patternProperties: { "^[a-z0-9]{1,64}$": anything },
      additionalProperties: false,
    },
  ),
  /** A CloudEvent as somebody publishes it. */
  CloudEvent: object(
    {
      ...cloudEventMembers,
      subject: maybe(
        said("The topic; needed where the URL names none.", oneOf({ type: "string", minLength: 1 }, { type: "null" })),
      ),
      time: maybe(oneOf(text, { type: "null" })),
      datacontenttype: maybe(oneOf(text, { type: "null" })),
      dataschema: maybe(oneOf(text, { type: "null" })),
      partitionkey: maybe(oneOf({ type: "string", minLength: 1, maxLength: 128 }, { type: "null" })),
      traceparent: maybe(oneOf(text, { type: "null" })),
      tracestate: maybe(said("Counts beside a `traceparent` alone.", anything)),
      ...Object.fromEntries(
        [...OWN_ATTRIBUTES].map((name) => [name, maybe(name === "dataref" ? { type: "null" } : ofTheService)]),
      ),
      data: maybe(anything),
      data_base64: maybe(oneOf({ type: "string", contentEncoding: "base64" }, { type: "null" })),
    },
    { additionalProperties: oneOf(text, bool, { type: "integer" }, { type: "null" }) },
  ),
  Published: object({
    position: maybe(position),
    positions: maybe(said("Of a batch, in its order.", array(position))),
    subscribers: maybe(
      object({ total: count, notified: count, failed: count, skipped: count, deferred: count, ambiguous: count }),
    ),
    replayed: maybe(said("It was published before, under this key: nothing was sent.", always(true))),
  }),
  Webhook: object({
    id,
    ...webhookSettings,
    secret: maybe(said("The minted secret in the answer that mints it, else true.", oneOf(text, always(true)))),
    status: choice("active", "paused", "failing", "stopped", "gone"),
    reason: maybe(text),
    position,
    sequence: count,
    lag: count,
    oldestSeconds: count,
    blocked: array(object({ key: text, position, attempts: count, nextAttemptAt: time, held: count })),
    breaker,
    lastAttempt: maybe(ref("Attempt")),
    skipped: maybe(said("What the webhook never hears.", object({ from: position, to: position }))),
  }),
  Group: object({
    ...groupMembers,
    stopped: maybe(
      object({ reason: choice("exhausted", "position_gone"), position: maybe(position), key: maybe(text) }),
    ),
    floor: said("Everything up to there is done.", position),
    newest: said("The end of the log.", position),
    lag: said("How many events are not done.", count),
    oldestSeconds: said("The age of the oldest of them.", count),
    parked: said("How many events wait for a person.", count),
    lanes: array(
      object({
        lane: count,
        position,
        lent: said("How many events a consumer has.", count),
        holder: maybe(text),
        until: maybe(time),
        blocked: array(object({ key: text, position, attempts: count, nextAttemptAt: time })),
      }),
    ),
  }),
  /** A group over all actors. */
  RootGroup: object({
    ...groupMembers,
    stopped: maybe(object({ reason: choice("exhausted", "position_gone"), position, key: maybe(text) })),
    floor: said("Everything that changed up to there is done: a position of `GET /events`.", position),
    newest: position,
    lag: said("Actors with events that are not done.", count),
    oldestSeconds: count,
    parked: count,
    parkedAt: said("Actors with parked events, at most 100.", array(id)),
    lanes: array(
      object({ lane: count, position, actors: count, lent: count, holder: maybe(text), until: maybe(time) }),
    ),
  }),
  Attempt: object({ ...attempt, position: maybe(position) }),
  Task: object({
    id,
    kind: text,
    webhook: maybe(id),
    state: choice("running", "done", "failed", "cancelled"),
    done: count,
    total: maybe(count),
    failed: count,
    startedAt: time,
    endedAt: maybe(time),
  }),
} as const satisfies Readonly<Record<string, Schema>>;
