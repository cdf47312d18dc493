/** The schemas that several routes share, but those of events: components of the document. */
import { errorCodes } from "./error-codes.ts";
import {
  always,
  anything,
  array,
  bool,
  choice,
  count,
  maybe,
  object,
  oneOf,
  ref,
  said,
  text,
  time,
  uri,
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

export const breaker = object({
  state: choice("closed", "open", "half_open"),
  failures: count,
  openUntil: maybe(time),
  pausedUntil: maybe(time),
});
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
} as const satisfies Readonly<Record<string, Schema>>;
