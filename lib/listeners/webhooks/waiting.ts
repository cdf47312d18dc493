/** Counts the events of a webhook that are not done, from its state and the log, for a person. */
import {
  comparePositions,
  recordBefore,
  parsePosition,
  positionOf,
  type Position,
} from "../../domain/events/position.ts";
import { eventsOf } from "../../domain/events/record-events.ts";
import { isBlockedBy, isInScope } from "../../domain/events/keeper-order.ts";
import {
  selectionAt,
  type Entry,
  type KeeperState,
  type NumberedPosition,
  type OrderedEvent,
} from "../../domain/events/keeper-state.ts";
import type { NumberRange } from "../../domain/log/delivery-state.ts";
import { selects, type Selection } from "../../domain/events/selection.ts";
import type { NumberedRecord } from "../../change-log/change-log.ts";
import { readTime } from "../../change-log/record-time.ts";
import { compact } from "../../system/compact.ts";
import type { WebhookSettings } from "./settings.ts";

/** One view reads at most this many records; every further record counts as one event. */
const MOST_RECORDS = 1_000;

/** The log whose events are counted. */
export interface CountedLog {
  readonly stream: (after: number, upTo: number) => AsyncIterable<NumberedRecord>;
  readonly newest: number;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** How long a record can be read, ms. */
  readonly retentionMs: number;
}

/** The events that are not done. */
export interface Waiting {
  /** Their number, blocked ones included. */
  readonly count: number;
  /** The time of the oldest one, ms since 1970; absent: there is none. */
  readonly oldestAt?: number;
  /** For each blocked entry, how many events wait for its first one. */
  readonly behind: ReadonlyMap<Entry, number>;
}

type Keeper = KeeperState<Selection>;

/** Counts the events that are not done. Reads the log from the floor on, and once more if a key is catching up. */
export async function waitingOf(log: CountedLog, keeper: Keeper, order: WebhookSettings["order"]): Promise<Waiting> {
  const { entries, floor } = keeper;
  const blocked = entries.filter(({ failing }) => failing !== undefined);
  const behind = new Map(blocked.map((entry) => [entry, Math.max(0, entry.waiting - 1)]));
  const times = blocked.flatMap(({ failing }) => (failing === undefined ? [] : [failing.expiresAt - log.retentionMs]));
  let count = entries.reduce((sum, { waiting }) => sum + waiting, 0);
  for await (const events of undoneAfter(log, keeper, floor)) {
    count += events.length;
    for (const event of events) {
      times.push(event.at);
      for (const [entry, before] of behind) if (isBehind(entry, event, order)) behind.set(entry, before + 1);
    }
  }
  count += log.newest - lastRead(log, parsePosition(floor.after)?.record ?? log.newest);
  const oldestAt = Math.min(...times, await oldestCatchingUp(log, keeper));
  return { count, behind, ...compact({ oldestAt: Number.isFinite(oldestAt) ? oldestAt : undefined }) };
}

function isBehind(entry: Entry, event: OrderedEvent, order: WebhookSettings["order"]): boolean {
  if (event.position <= (entry.failing?.position ?? "")) return false;
  return order === "strict" || (order === "key" && isBlockedBy(entry, event));
}

/**
 * The time of the oldest event of entries whose failed event is done and that are catching up; Infinity without such
 * entries.
 */
async function oldestCatchingUp(log: CountedLog, keeper: Keeper): Promise<number> {
  const open = keeper.entries.filter(({ failing, waiting }) => failing === undefined && waiting > 0);
  const [first] = open.toSorted((one, other) => (one.after < other.after ? -1 : 1));
  if (first === undefined) return Infinity;
  for await (const [oldest] of undoneAfter(log, keeper, first)) {
    if (oldest !== undefined) return oldest.at;
  }
  return Infinity;
}

interface Undone extends OrderedEvent {
  /** The time of its record, ms since 1970. */
  readonly at: number;
}

/**
 * For each record beyond a front, its events that are not done, without those below the floor that blocked entries count.
 */
async function* undoneAfter(
  log: CountedLog,
  keeper: Keeper,
  from: NumberedPosition,
): AsyncGenerator<readonly Undone[]> {
  const begin = parsePosition(from.after);
  if (begin === undefined) return;
  let { number: numbered } = from;
  const first = recordBefore(begin);
  for await (const { number, record } of log.stream(first, lastRead(log, first))) {
    const events: Undone[] = [];
    for (const event of eventsOf(record)) {
      const position = positionOf(log.epoch, number, event);
      const at = readTime(record.at);
      const ordered = { position, key: event.key, barrier: event.barrier, expiresAt: 0, at };
      if (!isBeyond(begin, position) || !selects(selectionAt(keeper.selections, ordered), event)) continue;
      numbered += 1;
      if (isUndone(keeper, ordered, numbered)) events.push(ordered);
    }
    yield events;
  }
}

const lastRead = ({ newest }: CountedLog, after: number): number => Math.min(newest, after + MOST_RECORDS);

function isBeyond(begin: Position, position: string): boolean {
  const at = parsePosition(position);
  return at !== undefined && comparePositions(at, begin) > 0;
}

function isUndone({ floor, entries }: Keeper, event: OrderedEvent, number: number): boolean {
  const covering = entries.filter((entry) => entry.after < event.position && isInScope(entry, event));
  if (covering.some(({ ahead }) => isIn(ahead, number))) return false;
  if (event.position > floor.after) return !isIn(floor.ahead, number);
  return covering.some(({ failing }) => failing === undefined);
}

const isIn = (ranges: readonly NumberRange[] | undefined, number: number): boolean =>
  ranges?.some(([first, last]) => number >= first && number <= last) ?? false;
