/** Permissions of peers on our properties, and ours on those of peers: defaults of relationships, and merging. */
import type { Json, JsonObject } from "../../system/ports.ts";
import { isArray, isObject, own } from "../json/json.ts";
import { coveredByAny } from "../terms/glob.ts";
import type { Place } from "../terms/scope.ts";

/** Permissions on properties: globs on places that are open, globs on exceptions, and the permitted operations. */
export interface PropertyPermissions {
  readonly patterns: readonly string[];
  readonly excluded_patterns: readonly string[];
  readonly operations: readonly string[];
}

/**
 * Everything that a relationship allows. This service only enforces `properties` and `publish`; the rest is stored and
 * shown.
 */
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

/** The members of a permission set, in the order in which they are shown. */
export const PERMISSION_FIELDS = [
  "properties",
  "publish",
  "methods",
  "actions",
  "tools",
  "resources",
  "prompts",
] as const;

/** Hidden from all relationships but `admin`, unless a deployment defines them differently; never public. */
export const HIDDEN = ["private/*", "security/*", "_internal/*"];

/** What a relationship allows: operations on what `excluded` does not match, and patterns of calls and of topics. */
interface Allowed {
  readonly operations: readonly string[];
  readonly excluded?: readonly string[];
  readonly calls?: readonly string[];
  readonly publish?: readonly string[];
}

function relationship({ operations, excluded = HIDDEN, calls = [], publish = [] }: Allowed): Permissions {
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
  associate: relationship({ operations: ["read"] }),
  friend: relationship({ operations: ["read", "write"], calls: ["*"] }),
  partner: relationship({ operations: ["read", "write"], calls: ["*"] }),
  admin: relationship({ operations: ["read", "write", "delete"], excluded: [], calls: ["*"], publish: [">"] }),
};

/** The relationships of the protocol, which every deployment knows. */
export const knownRelationships: readonly string[] = Object.keys(DEFAULTS).sort();

/**
 * The permissions of a relationship before anything is set for a peer: as the deployment defines it, else as the
 * protocol does, else those of an associate.
 */
export function defaultPermissions(name: string, defined: Readonly<Record<string, Permissions>> = {}): Permissions {
  if (Object.hasOwn(defined, name)) return defined[name] ?? ASSOCIATE;
  return Object.hasOwn(DEFAULTS, name) ? (DEFAULTS[name] ?? ASSOCIATE) : ASSOCIATE;
}

const ASSOCIATE: Permissions = relationship({ operations: ["read"] });

const union = (one: readonly string[], other: readonly string[]): readonly string[] => [...new Set([...one, ...other])];

/** The strings in a member that is an array; none when it is not. */
export function stringsOf(object: JsonObject, name: string): readonly string[] {
  const value = own(object, name);
  return value !== undefined && isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Defaults with what was set for a peer: `patterns`, `excluded_patterns` and `publish` unite, other fields replace. */
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

/** A permission set in the form of the API. */
export function permissionsJson(permissions: Permissions): JsonObject {
  const { properties, publish = [], ...others } = permissions;
  return { properties: { ...properties }, publish, ...others };
}

/** True when a pattern covers the place and no exclusion does, whatever the operation. */
export function isOpen(properties: Pick<PropertyPermissions, "patterns" | "excluded_patterns">, place: Place): boolean {
  return coveredByAny(properties.patterns, place) && !coveredByAny(properties.excluded_patterns, place);
}
