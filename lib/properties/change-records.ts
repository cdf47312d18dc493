/** The log records of changes that are made at once. */
import { recordsOf, type Change, type NewRecord } from "../domain/diff/change-record.ts";
import { isNothing } from "../domain/terms/removed-keys.ts";
import { jsonBytes } from "../domain/json/json.ts";
import { compact } from "../system/compact.ts";
import { MAX_RECORD_BYTES } from "../change-log/append-writes.ts";

/** Bytes for a record's own fields. */
const ENVELOPE_BYTES = 200;

/**
 * The records of these changes, almost always one. A record that would be too large keeps the values that were set, and
 * says of the removed keys and created objects only that they are unknown (null).
 */
export function changeRecords(changes: readonly Change[]): readonly NewRecord[] {
  return recordsOf(changes).map((made) => {
    const fits = jsonBytes(made) + ENVELOPE_BYTES <= MAX_RECORD_BYTES;
    return { kind: "change", changes: fits ? made : made.map(shortened) };
  });
}

function shortened(change: Change): Change {
  if (change.do === "delete") return { do: "delete", path: change.path, removed: null };
  if (change.do !== "set") return change;
  const { path, value, removed, created, createdFrom } = change;
  return compact({
    do: "set",
    path,
    value,
    removed: removed === undefined || isNothing(removed) ? undefined : null,
    created: created === undefined ? undefined : null,
    createdFrom,
  });
}
