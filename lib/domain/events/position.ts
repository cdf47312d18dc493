/**
 * Positions in an actor's log, as the text that listeners get and keep. A position lies between two events: a listener at a
 * position has heard the events before it. Positions sort as text.
 */
import { hash } from "node:crypto";
import type { RecordEvent } from "./record-events.ts";

/** A position after some events of a record, or after all of them. */
export interface Position {
  /** The deployment's `LOG_EPOCH` when it was made. */
  readonly epoch: number;
  /** The number of the record. */
  readonly record: number;
  /** The index of the record's last event before the position; `"all"`: all events of the record lie before it. */
  readonly index: number | "all";
}

/** The extent of a log. */
export interface LogEnds {
  readonly epoch: number;
  /** The number of the oldest record that can be read; absent: no record can be read. */
  readonly oldest?: number;
  /** The number of the newest record; 0 before the first. */
  readonly newest: number;
}

/** Why a listener cannot continue at a position. The answer is 410 `position_gone`. */
export type PositionGone = "unknown" | "ahead" | "expired" | "epoch";

/** Sorts after every index. */
const ALL = "z";
const POSITION = /^(\d{4})-(\d{16})-(\d{6}|z)$/;

/** A position as text of `[0-9a-z-]`. */
export function printPosition({ epoch, record, index }: Position): string {
  const digits = (value: number, width: number): string => String(value).padStart(width, "0");
  return `${digits(epoch, 4)}-${digits(record, 16)}-${index === "all" ? ALL : digits(index, 6)}`;
}

/** The position of an event: the one right after it. */
export function positionOf(
  epoch: number,
  record: number,
  { index, last }: Pick<RecordEvent, "index" | "last">,
): string {
  return printPosition({ epoch, record, index: last ? "all" : index });
}

/** The position after all events of a record; that of record 0 lies before the first record. */
export const positionAfter = (epoch: number, record: number): string => printPosition({ epoch, record, index: "all" });

/** Reads a position; undefined for a text that is not one. */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, record, index] = POSITION.exec(text) ?? [];
  if (epoch === undefined || !Number.isSafeInteger(Number(record))) return undefined;
  return { epoch: Number(epoch), record: Number(record), index: index === ALL ? "all" : Number(index) };
}

/** The number of the record at a position; 0 for a text that is not a position. */
export const recordOf = (text: string): number => parsePosition(text)?.record ?? 0;

/** The number of the newest record of which every event lies before the position. */
export const recordBefore = ({ record, index }: Position): number => (index === "all" ? record : record - 1);

/** Compares two positions: below 0 when the first is earlier, above 0 when it is later. */
export function comparePositions(one: Position, other: Position): number {
  const at = ({ index }: Position): number => (index === "all" ? Infinity : index);
  if (one.epoch !== other.epoch) return one.epoch - other.epoch;
  if (one.record !== other.record) return one.record - other.record;
  return at(one) === at(other) ? 0 : at(one) - at(other);
}

/** True when the event lies after the position, so that a listener at the position gets it. */
export function isAfter(from: Position, record: number, index: number): boolean {
  return record > from.record || (record === from.record && from.index !== "all" && index > from.index);
}

/** The position that a text names on this log (`now` and `earliest` too), or why no listener can continue there. */
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

/** What the id of an event is computed from. */
export interface EventRef {
  readonly actorId: string;
  /** The number of the record, its time, and the event's index in it. */
  readonly record: number;
  readonly at: string;
  readonly index: number;
}

/**
 * The id of an event: 32 hex characters, the same for every listener and every attempt. A log that was restored from a
 * backup uses numbers of records again; the time in the id tells the old event from the new one.
 */
export function eventIdOf({ actorId, record, at, index }: EventRef): string {
  return hash("sha256", `${actorId}\n${String(record)}\n${at}\n${String(index)}`, "hex").slice(0, 32);
}
