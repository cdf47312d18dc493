/** What a peer may do with our properties (and what a peer lets us do with its own): globs, defaults, merging. */
import type { Json, JsonObject } from "../../system/ports.ts";
import { isArray, isObject, own } from "../json/json.ts";
import { coveredByAny } from "../terms/glob.ts";
import type { Place } from "../terms/scope.ts";

export interface PropertyPermissions {
  readonly patterns: readonly string[];
  readonly excluded_patterns: readonly string[];
  readonly operations: readonly string[];
}

/** Everything a relationship allows. Only `properties` means something to this service; the rest is kept and shown. */
export interface Permissions {
  readonly properties: PropertyPermissions;
  /** Patterns of the topics that the peer may publish events to; none when absent. */
  readonly publish?: readonly string[];
  readonly methods: Json;
  readonly actions: Json;
  readonly tools: Json;
  readonly resources: Json;
  readonly prompts: Json;
}

/** The members of a permission set, in the order they are shown. */
export const PERMISSION_FIELDS = [
  "properties",
  "publish",
  "methods",
  "actions",
  "tools",
  "resources",
  "prompts",
] as const;

/** Hidden from everyone but `admin` unless a deployment says otherwise. */
const HIDDEN = ["private/*", "security/*", "_internal/*"];

function relationship(
  operations: readonly string[],
  excluded: readonly string[],
  calls: readonly string[],
  publish: readonly string[] = [],
): Permissions {
  const callable = { allowed: calls, denied: [] };
  return {
    properties: { patterns: ["*"], excluded_patterns: excluded, operations },
    publish,
    methods: callable,
    actions: callable,
    tools: callable,
    resources: { patterns: calls, operations, excluded_patterns: excluded },
    prompts: callable,
  };
}

/** What each relationship of the protocol allows. */
const DEFAULTS: Readonly<Record<string, Permissions>> = {
  associate: relationship(["read"], HIDDEN, []),
  friend: relationship(["read", "write"], HIDDEN, ["*"]),
  partner: relationship(["read", "write"], HIDDEN, ["*"]),
  admin: relationship(["read", "write", "delete"], [], ["*"], [">"]),
};

/** The relationships that every deployment knows. */
export const knownRelationships: readonly string[] = Object.keys(DEFAULTS).sort();

/** What a relationship allows by itself: the deployment's own word, else the protocol's, else what an associate may. */
export function defaultPermissions(name: string, defined: Readonly<Record<string, Permissions>> = {}): Permissions {
  if (Object.hasOwn(defined, name)) return defined[name] ?? ASSOCIATE;
  return Object.hasOwn(DEFAULTS, name) ? (DEFAULTS[name] ?? ASSOCIATE) : ASSOCIATE;
}

const ASSOCIATE: Permissions = relationship(["read"], HIDDEN, []);

const union = (one: readonly string[], other: readonly string[]): readonly string[] => [...new Set([...one, ...other])];

/** The list of strings under a name; empty when there is none. */
export function stringsOf(object: JsonObject, name: string): readonly string[] {
  const value = own(object, name);
  return value !== undefined && isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Defaults with what was set on top: `patterns`, `excluded_patterns` and `publish` are unions, every other field replaces. */
export function mergePermissions(defaults: Permissions, set: JsonObject): Permissions {
  const member = (name: Exclude<keyof Permissions, "properties" | "publish">): Json => own(set, name) ?? defaults[name];
  const properties = own(set, "properties");
  return {
    properties: isObject(properties) ? mergeProperties(defaults.properties, properties) : defaults.properties,
    publish: union(defaults.publish ?? [], stringsOf(set, "publish")),
    methods: member("methods"),
    actions: member("actions"),
    tools: member("tools"),
    resources: member("resources"),
    prompts: member("prompts"),
  };
}

function mergeProperties(defaults: PropertyPermissions, set: JsonObject): PropertyPermissions {
  return {
    patterns: union(defaults.patterns, stringsOf(set, "patterns")),
    excluded_patterns: union(defaults.excluded_patterns, stringsOf(set, "excluded_patterns")),
    operations: own(set, "operations") === undefined ? defaults.operations : stringsOf(set, "operations"),
  };
}

/** A permission set as JSON. */
export function permissionsJson(permissions: Permissions): JsonObject {
  const { properties, publish = [], ...others } = permissions;
  return { properties: { ...properties }, publish, ...others };
}

/** True when a pattern covers the place and no exclusion does, whatever the operation. */
export function isOpen(properties: Pick<PropertyPermissions, "patterns" | "excluded_patterns">, place: Place): boolean {
  return coveredByAny(properties.patterns, place) && !coveredByAny(properties.excluded_patterns, place);
}
