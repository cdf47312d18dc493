/** The schemas that several routes share: the components of the document. */
import { OWN_ATTRIBUTES } from "../../lib/domain/events/envelope.ts";
import { errorCodes } from "./error-codes.ts";
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

/** An id from outside, or one that the service minted. */
export const id: Schema = { type: "string", pattern: "^[A-Za-z0-9._~\\-]{1,128}$" };
/** A position in an actor's log. */
export const position: Schema = { type: "string", pattern: "^[A-Za-z0-9._\\-]{1,64}$" };
/** A position in the events of all actors. */
export const feedPosition: Schema = { type: "string", pattern: "^[A-Za-z0-9._\\-]{1,512}$" };
/** A name of our own: of a property, a target, a key of a path. */
export const ownName: Schema = {
  type: "string",
  minLength: 1,
  maxLength: 256,
  pattern: "^[^/%?\\u0000-\\u001f\\u007f]*$",
};
export const granularity = choice("high", "low", "none");

const globs = array(text);
const otherPermission = oneOf(array(text), { type: "object", additionalProperties: true });
const permissionMembers = {
  properties: maybe(
    object({ patterns: maybe(globs), excluded_patterns: maybe(globs), operations: maybe(array(text)) }),
  ),
  publish: maybe(said("Patterns of topics that the peer may publish to.", array(text))),
  methods: maybe(otherPermission),
  actions: maybe(otherPermission),
  tools: maybe(otherPermission),
  resources: maybe(otherPermission),
  prompts: maybe(otherPermission),
};

/** The scope of a subscription, as answers show it: `""` is none. */
const scope = { target: text, subtarget: text, resource: text };
const problem = object({
  code: text,
  since: time,
  status: maybe({ type: "integer" }),
  nextAt: maybe(time),
});
const diff = {
  sequence: count,
  timestamp: text,
  type: maybe(always("resync")),
  data: anything,
  overwritten: maybe(said("JSON Pointers into `data`: there the value stands literally.", array(text))),
  contains: maybe(said("Of a state: the newest diff that it contains.", count)),
  url: maybe(uri),
};

const breaker = object({
  state: choice("closed", "open", "half_open"),
  failures: count,
  openUntil: maybe(time),
  pausedUntil: maybe(time),
});
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

const trust = {
  id: said("Our actor.", id),
  peerid: id,
  baseuri: uri,
  type: text,
  relationship: text,
  secret: maybe(said("The bearer of both sides.")),
  desc: text,
  approved: said("Our side.", bool),
  peer_approved: said("The other side.", bool),
  verified: bool,
  verification_token: maybe(text),
  verificationToken: maybe(text),
  created_at: time,
};

export const schemas = {
  ErrorCode: said("What went wrong, for programs.", choice(...errorCodes)),
  ActingWeb: object({ version: text, supported: text, formats: text }),
  Actor: object({ id, creator: text, trustee_root: maybe(text) }),
  NewActor: object({
    id,
    creator: text,
    passphrase: said("Shown this once."),
    trustee_root: maybe(text),
  }),
  Meta: object({
    id,
    type: text,
    version: text,
    desc: text,
    info: text,
    trustee_root: text,
    specification: text,
    actingweb: ref("ActingWeb"),
    aw_version: text,
    aw_supported: text,
    aw_formats: text,
    aw_trust_types: array(text),
  }),
  Trust: object(trust),
  TrustShown: object({
    ...trust,
    permissions: maybe(oneOf(ref("PermissionSet"), { type: "null" })),
  }),
  PermissionSet: object(permissionMembers),
  Permissions: object({
    actor_id: id,
    peer_id: id,
    permissions: ref("PermissionSet"),
    source: choice("custom_override", "trust_type_default"),
    trust_type: text,
    is_custom: bool,
    ...permissionMembers,
  }),
  Value: said("Any JSON value.", anything),
  ListMetadata: object({ name: text, _list: always(true), count, description: text, explanation: text }),
  ListPage: object({ items: array(anything), next: maybe(text) }),
  Added: object({ success: always(true), index: count }),
  Subscription: object({
    id: said("Our actor.", id),
    peerid: id,
    subscriptionid: id,
    granularity,
    ...scope,
    sequence: count,
    callback: said("False for a peer's subscription to us, true for ours to a peer.", bool),
    problem: maybe(said("Why it stands still.", problem)),
  }),
  SubscriptionMade: object({ subscriptionid: id, ...scope, granularity, sequence: count }),
  Diff: object(diff),
  OneDiff: object({ id, peerid: id, subscriptionid: id, ...scope, ...diff }),
  Backlog: object({
    id,
    peerid: id,
    subscriptionid: id,
    ...scope,
    sequence: said("The newest number that was made.", count),
    data: array(ref("Diff")),
    next: maybe(said("Where a page ended: what to ask for as `after`.", count)),
  }),
  StreamState: object({
    lastSeq: count,
    pendingCount: count,
    pendingSequences: array(count),
    resyncPending: bool,
    gapSince: maybe(time),
    contradicted: maybe(always(true)),
    recovery: maybe(ref("Recovery")),
    epoch: count,
    version: count,
  }),
  Recovery: object({ startedAt: time, read: count, of: maybe(count) }),
  Suspension: object({ target: text, subtarget: text }),
  Callback: object({
    id: maybe(oneOf(text, { type: "null" })),
    subscriptionid: maybe(oneOf(text, { type: "null" })),
    target: maybe(oneOf(text, { type: "null" })),
    subtarget: maybe(oneOf(text, { type: "null" })),
    resource: maybe(oneOf(text, { type: "null" })),
    sequence: { type: "integer", minimum: 1 },
    timestamp: maybe(said("ISO 8601; without a zone it is UTC.", oneOf(text, { type: "null" }))),
    granularity: maybe(choice("high", "low", "none", null)),
    type: maybe(choice("diff", "resync", null)),
    data: maybe(said("What changed, relative to the scope of the subscription.", anything)),
    url: maybe(said("Where the data is, in place of `data`.", oneOf(text, { type: "null" }))),
    overwritten: maybe(said("Of a diff: JSON Pointers into `data`, at which the value stands literally.", anything)),
  }),
  CallbackTaken: object({
    result: choice("processed", "duplicate", "pending", "resync_required"),
    sequence: maybe(count),
    expected: maybe(count),
  }),
  PermissionCallback: object({
    id: maybe(oneOf(text, { type: "null" })),
    target: maybe(choice("permissions", null)),
    type: maybe(choice("permission", null)),
    timestamp: maybe(oneOf(text, { type: "null" })),
    data: said("The whole grant.", {
      type: "object",
      properties: {
        properties: oneOf(array(text), {
          type: "object",
          properties: {
            patterns: oneOf(array(text), { type: "null" }),
            excluded_patterns: oneOf(array(text), { type: "null" }),
            operations: oneOf(array(text), { type: "null" }),
          },
        }),
      },
      required: ["properties"],
      additionalProperties: true,
    }),
  }),
  Peer: object({
    peerid: id,
    relationship: text,
    approved: bool,
    capabilities: oneOf(object({ version: text, supported: array(text), fetchedAt: time }), { type: "null" }),
    breaker,
    stored: object({ scalarCount: count, listCount: count, bytes: count }),
    subscriptions: object({ inbound: count, outbound: count }),
  }),
  PeerProperty: object({
    type: choice("scalar", "list"),
    value: anything,
    itemCount: maybe(count),
    truncated: maybe(always(true)),
    sequence: count,
    updatedAt: time,
    stale: maybe(object({ since: time, reason: text })),
  }),
  FailedEvent: object({
    id,
    kind: choice("hook", "read", "webhook", "event-hook", "group", "root-group"),
    source: text,
    peerid: maybe(id),
    subscriptionid: maybe(id),
    place: maybe(text),
    reason: maybe(text),
    since: maybe(time),
    target: maybe(text),
    subtarget: maybe(text),
    resource: maybe(text),
    callbackType: maybe(text),
    topic: maybe(text),
    type: maybe(text),
    position: maybe(position),
    sequence: maybe(count),
    status: maybe(choice("retry", "parked", "stopped", "held")),
    starts: maybe(count),
    attempts: maybe(array(object({ at: time, error: text }))),
    dueAt: maybe(time),
  }),
  PublicAccess: object({ properties: array(text), targets: array(text) }),
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
    name: id,
    topics: array(text),
    types: maybe(array(text)),
    order: choice("key", "strict"),
    leaseSeconds: whole(1, 600),
    maxAttempts: whole(1, 20),
    onExhausted: choice("park", "stop"),
    status: choice("active", "paused", "stopped", "draining"),
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
    name: id,
    topics: array(text),
    types: maybe(array(text)),
    order: choice("key", "strict"),
    leaseSeconds: whole(1, 600),
    maxAttempts: whole(1, 20),
    onExhausted: choice("park", "stop"),
    status: choice("active", "paused", "stopped", "draining"),
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
