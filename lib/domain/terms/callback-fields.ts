/** Fields that bodies from peers have in common. */
import { ServiceError } from "../../system/errors.ts";
import type { JsonObject } from "../../system/ports.ts";
import { own } from "../json/json.ts";
import { parsePeerUrl } from "./peer-url.ts";
import { parseTimestamp, type Timestamp } from "./timestamp.ts";

/** The error for a wrong field of a body from outside: request.invalid with the field. */
export function invalidField(field: string, problem: string): ServiceError {
  return new ServiceError("request.invalid", `${field} ${problem}.`, { field });
}

/** Reads an optional string; null counts as absent. @throws ServiceError request.invalid */
export function readText(body: JsonObject, field: string): string | undefined {
  const value = own(body, field) ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw invalidField(field, "must be a string");
}

/**
 * Reads the `sequence` of a callback or a diff: a whole number from 1 to 2^53 − 1. @throws ServiceError request.invalid
 */
export function readSequence(body: JsonObject): number {
  const sequence = own(body, "sequence");
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 1) {
    throw invalidField("sequence", "must be a whole number from 1 to 2^53 - 1");
  }
  return sequence;
}

/** Reads an optional `timestamp`, an ISO 8601 date and time. @throws ServiceError request.invalid */
export function readTimestamp(body: JsonObject): Timestamp | undefined {
  const given = readText(body, "timestamp");
  if (given === undefined) return undefined;
  const timestamp = parseTimestamp(given);
  if (timestamp === undefined) throw invalidField("timestamp", "must be an ISO 8601 date and time");
  return timestamp;
}

/** Reads an optional `url`, an absolute http(s) URL. @throws ServiceError request.invalid */
export function readUrl(body: JsonObject): string | undefined {
  const url = readText(body, "url");
  if (url !== undefined && parsePeerUrl(url) === undefined) {
    throw invalidField("url", "must be an absolute http or https URL without user name and password");
  }
  return url;
}

/** @throws ServiceError request.invalid when the field is present and is not `expected` */
export function requireSame(body: JsonObject, field: string, expected: string): void {
  const value = readText(body, field);
  if (value !== undefined && value !== expected) throw invalidField(field, "is not the one of this callback's path");
}
