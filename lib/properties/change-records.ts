/** The log records of changes made at once. */
import { recordsOf } from "../domain/diff/change-record.ts";
import type { Change, NewRecord } from "../domain/diff/change-record.ts";
import { isNothing } from "../domain/terms/removed-keys.ts";
import { printJson } from "../domain/json/json-text.ts";
import { MAX_RECORD_BYTES } from "../change-log/change-log.ts";

/** Room for a record's own fields. */
const ENVELOPE_BYTES = 200;

/**
 * The records that tell these changes, almost always one. When one would take more room
 * than a record has, it keeps what was set and not the keys that went with it, which stand as not known then.
 */
export function changeRecords(changes: readonly Change[]): readonly NewRecord[] {
  return recordsOf(changes).map((made) => {
    const fits = Buffer.byteLength(printJson(made)) + ENVELOPE_BYTES <= MAX_RECORD_BYTES;
    return { kind: "change", changes: fits ? made : made.map(shortened) };
  });
}

function shortened(change: Change): Change {
  if (change.do === "delete") return { do: "delete", path: change.path, removed: null };
  if (change.do !== "set") return change;
  const { path, value, removed, created, createdFrom } = change;
  return {
    ...{ do: "set", path, value },
    ...(removed === undefined || isNothing(removed) ? {} : { removed: null }),
    ...(created === undefined ? {} : { created: null }),
    ...(createdFrom === undefined ? {} : { createdFrom }),
  };
}
