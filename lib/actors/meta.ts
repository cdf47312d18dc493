import { compact } from "../system/compact.ts";
import { isArray, isObject } from "../domain/json/json.ts";
import { valueAt } from "../domain/json/json-path.ts";
import { printJson } from "../domain/json/json-text.ts";
import { knownRelationships } from "../domain/policy/permissions.ts";
import type { JsonObject } from "../system/ports.ts";
import type { ActorRecord } from "./actor-record.ts";
import type { Application } from "./application.ts";

/** The version of the protocol that this service speaks. */
const PROTOCOL_VERSION = "1.4";
const FORMATS = "json";

/**
 * The protocol's option tags that this service supports. There are no routes for
 * `subscriptionhealth` and `subscriptionstats`, and no pages for people (`www`).
 */
const SUPPORTED = [
  // A callback may come compressed (gzip, br, deflate).
  "callbackcompression",
  // Callbacks are sent to subscribers, and taken from publishers.
  "callbacks",
  // A property may be a list, with its ten operations.
  "listproperties",
  // Properties are objects whose parts have paths of their own: /{actorId}/properties/{name}/{path}.
  "nestedproperties",
  // A peer is notified when what we grant it has changed, and may notify us of the same.
  "permissioncallback",
  // A peer may ask what we grant it: GET /{actorId}/permissions/{peerId}.
  "permissionquery",
  // Several subscriptions can be made with one request.
  "subscriptionbatch",
  // A resync callback may arrive, or be sent, in place of diffs that are lost.
  "subscriptionresync",
  // Peers can subscribe to our actors.
  "subscriptions",
  // Trust can be asked for, verified, approved and ended.
  "trust",
  // Permissions can be set for a single peer.
  "trustpermissions",
];

/** The service's own document at `/`. */
export function serviceDocument(application: Application): JsonObject {
  return {
    service: "actingweb-serverless",
    version: application.version,
    type: application.awType,
    desc: application.desc,
    info: application.info,
    actingweb: actingweb(),
  };
}

function actingweb(): JsonObject {
  return { version: PROTOCOL_VERSION, supported: SUPPORTED.join(","), formats: FORMATS };
}

/** The document at an actor's root. */
export function actorDocument(actor: ActorRecord): JsonObject {
  return compact({ id: actor.id, creator: actor.creator, trustee_root: actor.trusteeRoot });
}

/** The document at `/{actorId}/meta`: the nested form of the protocol and the flat one that peers in the field read. */
export function metaDocument(actor: ActorRecord, application: Application): JsonObject {
  const trustTypes = new Set([...knownRelationships, ...Object.keys(application.relationships)]);
  return {
    id: actor.id,
    type: application.awType,
    version: application.version,
    desc: application.desc,
    info: application.info,
    trustee_root: actor.trusteeRoot ?? "",
    specification: "",
    actingweb: actingweb(),
    aw_version: PROTOCOL_VERSION,
    aw_supported: SUPPORTED.join(","),
    aw_formats: FORMATS,
    aw_trust_types: [...trustTypes].sort(),
  };
}

/**
 * One line of text for a path below `/meta`, which names any member of the document: a list's parts follow one another
 * with commas, an object stands as JSON. Undefined when there is no such leaf.
 */
export function metaLeaf(leaf: string, actor: ActorRecord, application: Application): string | undefined {
  const value = valueAt(metaDocument(actor, application), leaf.split("/"));
  if (value === undefined) return undefined;
  const line = isArray(value) ? value.join(",") : isObject(value) ? printJson(value) : String(value);
  return line.replace(/[\r\n]+/g, " ");
}
