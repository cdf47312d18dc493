import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Json } from "../../system/ports.ts";
import { readSequence, readTimestamp } from "../terms/callback-fields.ts";
import { isArray, isObject, own } from "../json/json.ts";
import { parsePointer, pointsInto } from "../json/json-pointer.ts";
import type { Timestamp } from "../terms/timestamp.ts";

/** What a high diff carries. */
export interface DiffContent {
  readonly data: Json;
  /**
   * JSON Pointers to values within `data` that stand literally; absent when the publisher sent no such field, which is
   * another thing than the empty list.
   */
  readonly overwritten?: readonly string[];
}

/** One diff of a publisher's backlog. */
export interface DiffRecord extends DiffContent {
  readonly sequence: number;
  readonly timestamp?: Timestamp;
}

/**
 * Reads `data` and `overwritten`. Throws `request.invalid` when `overwritten` is no array of JSON Pointers. A pointer to
 * nothing within `data` says nothing and is dropped.
 */
export function parseContent(data: Json, overwritten: Json | undefined): DiffContent {
  if (overwritten === undefined || overwritten === null) return { data };
  if (!isArray(overwritten)) throw badPointers();
  const pointers = overwritten.map((pointer) => (typeof pointer === "string" ? pointer : undefined));
  const meant = pointers.filter((pointer) => {
    const path = pointer === undefined ? undefined : parsePointer(pointer);
    if (path === undefined) throw badPointers();
    return pointsInto(data, path);
  });
  return { data, overwritten: meant.filter((pointer) => pointer !== undefined) };
}

function badPointers(): ServiceError {
  return new ServiceError("request.invalid", "overwritten must be an array of JSON Pointers.", {
    field: "overwritten",
  });
}

/** Reads one record of a polled backlog, or of a single diff. Throws `request.invalid` naming the field. */
export function parseDiffRecord(record: Json): DiffRecord {
  if (!isObject(record)) throw new ServiceError("request.invalid", "A diff must be a JSON object.");
  const data = own(record, "data");
  if (data === undefined) throw new ServiceError("request.invalid", "data is missing.", { field: "data" });
  const timestamp = readTimestamp(record);
  return compact({ sequence: readSequence(record), timestamp, ...parseContent(data, own(record, "overwritten")) });
}
