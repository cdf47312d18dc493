/** Bodies of permission callbacks. */
import { compact } from "../../system/compact.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import { invalidField, readText, readTimestamp, requireSame } from "../terms/callback-fields.ts";
import { isArray, isObject, own } from "../json/json.ts";
import type { Timestamp } from "../terms/timestamp.ts";

/** A permission callback: the whole effective grant of the peer. */
export interface PermissionCallback {
  /** Absent when the body has none: the grant counts as the newest then. */
  readonly timestamp?: Timestamp;
  /**
   * `properties` (with string lists `patterns`, `excluded_patterns`, `operations`), `methods`, …; unknown members stay.
   */
  readonly grant: JsonObject;
  readonly patterns: readonly string[];
  readonly excludedPatterns: readonly string[];
}

/**
 * Reads the body of a permission callback. It may leave out `id`, `target` and `type`. It must have `properties`:
 * without them it would be no whole grant, and would withdraw everything.
 *
 * @throws ServiceError request.invalid with the field, when `id`, `target` or `type` are those of another callback,
 *   when `data` is no object, or when its `properties` are no object with lists of strings
 */
export function parsePermissionBody(body: Json, path: { readonly peerId: string }): PermissionCallback {
  if (!isObject(body)) throw invalidField("body", "must be a JSON object");
  requireSame(body, "id", path.peerId);
  if ((readText(body, "target") ?? "permissions") !== "permissions")
    throw invalidField("target", 'must be "permissions"');
  if ((readText(body, "type") ?? "permission") !== "permission") throw invalidField("type", 'must be "permission"');
  const timestamp = readTimestamp(body);
  const sent = own(body, "data");
  if (!isObject(sent)) throw invalidField("data", "must be an object");
  const grant = withoutShorthand(sent);
  const properties = own(grant, "properties");
  if (!isObject(properties)) throw invalidField("data.properties", "must be an object, or an array of patterns");
  strings(properties, "operations");
  return compact({
    timestamp,
    grant,
    patterns: strings(properties, "patterns"),
    excludedPatterns: strings(properties, "excluded_patterns"),
  });
}

/** Expands the shorthand: a bare array of properties means these patterns, with the right to read. */
function withoutShorthand(grant: JsonObject): JsonObject {
  const patterns = own(grant, "properties");
  const isShorthand = isArray(patterns) && patterns.every((pattern) => typeof pattern === "string");
  return isShorthand ? { ...grant, properties: { patterns, operations: ["read"] } } : grant;
}

function strings(properties: JsonObject, field: string): readonly string[] {
  const value = own(properties, field) ?? [];
  if (isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw invalidField(`data.properties.${field}`, "must be a list of strings");
}
