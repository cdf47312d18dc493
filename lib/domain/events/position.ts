/**
 * Positions in an actor's log, as text for those who listen. A position stands between two events: what comes before it was
 * heard. The order of texts is the order of positions.
 */
import { hash } from "node:crypto";
import type { RecordEvent } from "./record-events.ts";

/** A position after some events of a record, or after all of them. */
export interface Position {
  /** The deployment's `LOG_EPOCH` when it was made. */
  readonly epoch: number;
  /** The number of the record. */
  readonly record: number;
  /** The last event of the record that lies before the position; `"all"`: they all do, however many there are. */
  readonly index: number | "all";
}

/** The numbers of the records that a log has. */
export interface LogEnds {
  readonly epoch: number;
  /** The oldest record that can be read; absent: none can. */
  readonly oldest?: number;
  /** The newest record that was made, 0 before the first. */
  readonly newest: number;
}

/** Why a listener cannot go on at a position: the answer is 410 `position_gone`. */
export type PositionGone = "unknown" | "ahead" | "expired" | "epoch";

/** The largest `LOG_EPOCH`. */
export const MAX_EPOCH = 9_999;

/** Sorts after every index. */
const ALL = "z";
const POSITION = /^(\d{4})-(\d{16})-(\d{6}|z)$/;

/** A position as text of `[0-9a-z-]`. */
export function printPosition({ epoch, record, index }: Position): string {
  const digits = (value: number, width: number): string => String(value).padStart(width, "0");
  return `${digits(epoch, 4)}-${digits(record, 16)}-${index === "all" ? ALL : digits(index, 6)}`;
}

/** The position of an event, which is the one after it. */
export function positionOf(
  epoch: number,
  record: number,
  { index, last }: Pick<RecordEvent, "index" | "last">,
): string {
  return printPosition({ epoch, record, index: last ? "all" : index });
}

/** The position after all events of a record; 0 is before the first record. */
export const positionAfter = (epoch: number, record: number): string => printPosition({ epoch, record, index: "all" });

/** Reads a position; undefined for a text that is none. */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, record, index] = POSITION.exec(text) ?? [];
  if (epoch === undefined || !Number.isSafeInteger(Number(record))) return undefined;
  return { epoch: Number(epoch), record: Number(record), index: index === ALL ? "all" : Number(index) };
}

/** Below 0 when the first lies before the other, above 0 when after it. */
export function comparePositions(one: Position, other: Position): number {
  const at = ({ index }: Position): number => (index === "all" ? Infinity : index);
  if (one.epoch !== other.epoch) return one.epoch - other.epoch;
  if (one.record !== other.record) return one.record - other.record;
  return at(one) === at(other) ? 0 : at(one) - at(other);
}

/** True when the event lies after the position, so that a listener that begins there hears it. */
export function isAfter(from: Position, record: number, index: number): boolean {
  return record > from.record || (record === from.record && from.index !== "all" && index > from.index);
}

/** The position of a text on this log, or why no listener can go on there. */
export function resolvePosition(text: string, { epoch, oldest, newest }: LogEnds): Position | PositionGone {
  const earliest = (oldest ?? newest + 1) - 1;
  if (text === "now") return { epoch, record: newest, index: "all" };
  if (text === "earliest") return { epoch, record: earliest, index: "all" };
  const position = parsePosition(text);
  if (position === undefined) return "unknown";
  if (position.epoch !== epoch) return "epoch";
  if (position.record > newest) return "ahead";
  return comparePositions(position, { epoch, record: earliest, index: "all" }) < 0 ? "expired" : position;
}

/** What an event's id follows from. */
export interface EventRef {
  readonly actorId: string;
  /** The number of the record, its time, and the event's place in it. */
  readonly record: number;
  readonly at: string;
  readonly index: number;
}

/**
 * The id of an event: 32 hex characters, the same for every listener and every attempt. The time makes it another one where a
 * log that was restored from a backup gives the number of a record again.
 */
export function eventIdOf({ actorId, record, at, index }: EventRef): string {
  return hash("sha256", `${actorId}\n${String(record)}\n${at}\n${String(index)}`, "hex").slice(0, 32);
}
