/** The content of diffs that a publisher sends. */
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Json } from "../../system/ports.ts";
import { readSequence, readTimestamp } from "../terms/callback-fields.ts";
import { isArray, isObject, own } from "../json/json.ts";
import { parsePointer, pointsInto } from "../json/json-pointer.ts";
import type { Timestamp } from "../terms/timestamp.ts";

/** The content of a high diff. */
export interface DiffContent {
  readonly data: Json;
  /**
   * JSON Pointers to the values within `data` that are literal. Absent when the publisher sent no such field, which
   * means something else than an empty list.
   */
  readonly overwritten?: readonly string[];
}

/** One diff of a publisher's backlog, or one that was fetched. */
export interface DiffRecord extends DiffContent {
  readonly sequence: number;
  readonly timestamp?: Timestamp;
}

/**
 * Reads `data` and `overwritten`. Pointers to nothing within `data` are dropped.
 * @throws ServiceError request.invalid when `overwritten` is no array of JSON Pointers
 */
export function parseContent(data: Json, overwritten: Json | undefined): DiffContent {
  if (overwritten === undefined || overwritten === null) return { data };
  if (!isArray(overwritten)) throw badPointers();
  const pointers = overwritten.flatMap((pointer) => {
    const path = typeof pointer === "string" ? parsePointer(pointer) : undefined;
    if (path === undefined) throw badPointers();
    return pointsInto(data, path) ? [pointer as string] : [];
  });
  return { data, overwritten: pointers };
}

function badPointers(): ServiceError {
  return new ServiceError("request.invalid", "overwritten must be an array of JSON Pointers.", {
    field: "overwritten",
  });
}

/** Reads one diff. @throws ServiceError request.invalid with the field */
export function parseDiffRecord(record: Json): DiffRecord {
  if (!isObject(record)) throw new ServiceError("request.invalid", "A diff must be a JSON object.");
  const data = own(record, "data");
  if (data === undefined) throw new ServiceError("request.invalid", "data is missing.", { field: "data" });
  const timestamp = readTimestamp(record);
  return compact({ sequence: readSequence(record), timestamp, ...parseContent(data, own(record, "overwritten")) });
}
