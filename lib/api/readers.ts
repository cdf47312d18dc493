/** The routes of readers: they read events after a position that they keep themselves, and wait for new ones. */
import { hash } from "node:crypto";
import { positionGone } from "../actors/position-gone.ts";
import type { ChangeLog } from "../change-log/change-log.ts";
import { positionAfter, type PositionGone } from "../domain/events/position.ts";
import { FEED_INTERVAL_MS } from "../domain/events/feed-time.ts";
import { isTypePattern, selectionOfActor, type Selection } from "../domain/events/selection.ts";
import { isFault, parsePattern } from "../domain/events/topic.ts";
import { printJson } from "../domain/json/json-text.ts";
import { readsOf } from "../domain/policy/visibility.ts";
import { MAX_ANSWER_BYTES } from "../http/answer-size.ts";
import { isKnown } from "../http/entity-tags.ts";
import { limitOf } from "../http/paging.ts";
import { empty, type Reply } from "../http/reply.ts";
import type { ServiceRequest } from "../http/request.ts";
import { longPoll, type Finding, type Wait } from "../listeners/long-poll.ts";
import { readAll, type ReadAllDeps } from "../listeners/readers/read-all.ts";
import type { EventPage } from "../listeners/readers/read-events.ts";
import { eventsWithin, type WaitDeps } from "../listeners/readers/wait-for-events.ts";
import { compact } from "../system/compact.ts";
import type { Config } from "../system/config.ts";
import { ServiceError } from "../system/errors.ts";
import type { Platform } from "../system/ports.ts";
import type { PermissionStore } from "../trust/permission-store.ts";
import type { TrustStore } from "../trust/trust-store.ts";
import type { Admission, Handle } from "./handler.ts";
import { demandOperator } from "./operator.ts";

export interface ReaderServices extends Pick<Platform, "clock" | "sleep" | "random"> {
  readonly config: Pick<Config, "allEvents" | "baseUrl" | "diffRetentionDays" | "logEpoch" | "operatorToken">;
  readonly table: ReadAllDeps["table"];
  readonly changeLog: WaitDeps["changeLog"] & Pick<ChangeLog, "newest">;
  readonly permissions: Pick<PermissionStore, "of">;
  readonly trusts: Pick<TrustStore, "get">;
}

const USUAL_EVENTS = 100;
const MOST_EVENTS = 1_000;
const MOST_PATTERNS = 20;
/** The longest wait, s: the answer must leave before the gateway times out at 29 s. */
const MOST_WAIT_SECONDS = 20;
/** Headers of every answer, so that a browser does not take it for something else. */
const GUARDS = { "x-content-type-options": "nosniff", "cross-origin-resource-policy": "cross-origin" };

/** The handlers of readers. */
export function readerHandlers(services: ReaderServices) {
  const { changeLog, config, permissions, trusts } = services;
  const deps = { ...services, epoch: config.logEpoch };

  /** The present permissions of the caller. @throws ServiceError auth.forbidden when the peer is no longer trusted */
  const readsNow = async ({ actor, caller }: Admission) => {
    if (caller.kind !== "peer") return undefined;
    const trust = await trusts.get(actor.id, caller.peerId);
    if (trust?.approved === true && !trust.ending) return readsOf(permissions.of(trust).properties);
    throw new ServiceError("auth.forbidden", "This peer is no longer trusted by the actor.");
  };

  const allDeps = {
    ...deps,
    retentionDays: config.diffRetentionDays,
    rootOf: (actorId: string): string => `${config.baseUrl}/${actorId}`,
  };

  const readOfAll: Handle = async (request) => {
    demandOperator(config, request.headers["authorization"]);
    const asked = readQuery(request);
    if (request.method === "HEAD") {
      const page = await readAll(allDeps, { ...asked, from: "now", mostBytes: 0, selectionOf: () => undefined });
      return headReply(typeof page === "string" ? page : page.next);
    }
    const { selection } = asked;
    const selectionOf = (actorId: string): Selection | undefined => selectionOfActor(selection, actorId);
    const reading = { from: asked.from, limit: asked.limit, mostBytes: MAX_ANSWER_BYTES - 2, selectionOf };
    let { from } = reading;
    const find = async (): Promise<Finding<Awaited<ReturnType<typeof readAll>>>> => {
      const result = await readAll(allDeps, { ...reading, from });
      if (typeof result === "string" || result.events.length > 0) return { is: "found", result };
      from = result.next;
      return { is: result.upToDate ? "nothing" : "more", result };
    };
    const page = await longPoll(services, waitFor(request, asked), find, FEED_INTERVAL_MS);
    if (typeof page === "string") throw positionGone(undefined, `${GONE[page]}; begin with earliest.`, asked.named);
    return pageReply(services, request, asked, page);
  };

  const read: Handle = async (request, admission) => {
    const { actor, caller } = admission;
    const asked = readQuery(request);
    if (request.method === "HEAD") {
      return headReply(positionAfter(config.logEpoch, await changeLog.newest(actor.id)));
    }
    const { from, selection, limit } = asked;
    const reading = {
      actor,
      root: `${config.baseUrl}/${actor.id}`,
      from,
      selection,
      limit,
      mostBytes: MAX_ANSWER_BYTES - 2,
      reads: caller.kind === "peer" ? readsOf(permissions.of(caller.trust).properties) : undefined,
    };
    const wait = waitFor(request, asked);
    const page = await eventsWithin(deps, wait, reading, async () => await readsNow(admission));
    if (typeof page === "string")
      throw positionGone(reading.root, `${GONE[page]}; read the state instead.`, asked.named);
    return pageReply(services, request, asked, page);
  };

  return { "GET /events": readOfAll, "GET /{actorId}/events": read } as const;
}

const waitFor = ({ deadline }: ServiceRequest, { waitSeconds }: ReaderQuery): Wait => ({
  waitMs: waitSeconds * 1_000,
  deadline,
});

function headReply(tail: string): Reply {
  const headers = { ...GUARDS, "content-type": "application/json", "cache-control": "no-store" };
  return empty(200, { ...headers, "stream-next-offset": tail });
}

function pageReply(services: ReaderServices, request: ServiceRequest, asked: ReaderQuery, page: EventPage): Reply {
  const headers = {
    ...GUARDS,
    "stream-next-offset": page.next,
    ...compact({
      "stream-up-to-date": page.upToDate ? "true" : undefined,
      "stream-cursor": asked.isLive ? nextCursor(services, asked.cursor) : undefined,
    }),
  };
  if (page.events.length === 0 && page.upToDate && asked.waitSeconds > 0) return empty(204, headers);
  return tagged(request, printJson(page.events), headers);
}

const GONE: Readonly<Record<PositionGone, string>> = {
  unknown: "This is not a position of this log",
  ahead: "This position is ahead of the log",
  expired: "Records after this position have expired",
  epoch: "This position is from before the log was restored",
};

/** The answer with an entity tag for its body and position, or 304 when the client has it. */
function tagged(request: ServiceRequest, body: string, headers: Readonly<Record<string, string>>): Reply {
  const says = printJson([body, headers["stream-next-offset"] ?? "", headers["stream-up-to-date"] ?? ""]);
  const etag = `"${hash("sha256", says, "base64url")}"`;
  const all = { ...headers, etag };
  if (isKnown(request, etag)) return empty(304, all);
  return { status: 200, headers: { ...all, "content-type": "application/json" }, body };
}

/** The query of a reader. */
interface ReaderQuery {
  /** `earliest`, `now`, or a position. */
  readonly from: string;
  /** The parameter that `from` was read from. */
  readonly named: "from" | "offset";
  readonly selection: Selection;
  readonly limit: number;
  /** 0: the answer comes at once. */
  readonly waitSeconds: number;
  /** The reader uses the long poll of Durable Streams, and waits. */
  readonly isLive: boolean;
  readonly cursor?: number;
}

const FROM = /^[A-Za-z0-9._-]{1,512}$/;

/** @throws ServiceError request.invalid which names the field */
function readQuery({ query }: ServiceRequest): ReaderQuery {
  for (const name of new Set(query.keys())) {
    if (query.getAll(name).length > 1) throw invalid(name, `Give ${name} once.`);
  }
  const named = query.has("offset") ? "offset" : "from";
  if (named === "offset" && query.has("from")) throw invalid("offset", "Give either from or offset.");
  const live = query.get("live");
  if (live !== null && live !== "long-poll") throw invalid("live", "live must be long-poll, or left out.");
  const given = query.get(named);
  if (live !== null && given === null) throw invalid("offset", "Give an offset with live.");
  if (given !== null && !FROM.test(given)) throw invalid(named, `${named} must be a position, earliest or now.`);
  const cursor = query.get("cursor");
  if (cursor !== null && !/^\d{0,15}$/.test(cursor))
    throw invalid("cursor", "cursor must be the Stream-Cursor of an earlier answer.");
  return {
    from: given === null || given === "-1" ? "earliest" : given,
    named,
    selection: compact({ topics: topicsOf(query), types: typesOf(query) }),
    limit: limitOf(query, USUAL_EVENTS, MOST_EVENTS),
    waitSeconds: waitOf(query, live === null ? 0 : MOST_WAIT_SECONDS),
    isLive: live !== null,
    ...compact({ cursor: cursor === null || cursor === "" ? undefined : Number(cursor) }),
  };
}

/** The patterns, which commas separate. Absent: all topics except the service's own. */
function topicsOf(query: URLSearchParams): readonly string[] {
  return (listOf(query, "topics") ?? [">"]).map((text) => {
    const pattern = parsePattern(text);
    if (!isFault(pattern)) return pattern;
    throw invalid("topics", `The pattern ${printJson(text)} in topics ${pattern.fault}.`);
  });
}

function typesOf(query: URLSearchParams): readonly string[] | undefined {
  const types = listOf(query, "types");
  const faulty = types?.find((type) => !isTypePattern(type));
  if (faulty === undefined) return types;
  throw invalid("types", `${printJson(faulty)} in types must be a type, or a prefix of types such as a.*.`);
}

function listOf(query: URLSearchParams, field: string): readonly string[] | undefined {
  const given = query.get(field)?.split(",");
  if (given === undefined || given.length <= MOST_PATTERNS) return given;
  throw invalid(field, `There can be at most ${String(MOST_PATTERNS)} ${field}.`);
}

function waitOf(query: URLSearchParams, usual: number): number {
  const text = query.get("wait");
  if (text === null) return usual;
  if (/^\d{1,2}$/.test(text) && Number(text) <= MOST_WAIT_SECONDS) return Number(text);
  throw invalid("wait", `wait must be a whole number from 0 to ${String(MOST_WAIT_SECONDS)}.`);
}

const invalid = (field: string, message: string): ServiceError =>
  new ServiceError("request.invalid", message, { field });

/** When the cursors of Durable Streams begin, ms since 1970, and the length of their intervals, ms. */
const CURSOR_EPOCH = Date.UTC(2024, 9, 9);
const CURSOR_MS = 20_000;
/** Most intervals by which a new cursor is ahead of the client's. */
const CURSOR_JITTER = 180;

/** The present interval, or one after the client's: with a new cursor, no cache on the way answers from what it has. */
function nextCursor({ clock, random }: Pick<Platform, "clock" | "random">, given = -1): string {
  const now = Math.floor((clock.now() - CURSOR_EPOCH) / CURSOR_MS);
  return String(now > given ? now : given + 1 + Math.floor(random() * CURSOR_JITTER));
}
