import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type * as z from "zod/mini";
import { creationBody } from "../../lib/actors/factory.ts";
import { publicBody } from "../../lib/api/hub.ts";
import { clearBody, subscriptionBody } from "../../lib/api/inbound.ts";
import { actionBody } from "../../lib/api/peers.ts";
import { permissionSetBody } from "../../lib/api/permission-body.ts";
import { requestedBody } from "../../lib/api/subscriptions.ts";
import { placeBody } from "../../lib/api/suspensions.ts";
import { changeBody, initiationBody, peerApprovalBody, receptionBody, trusteeBody } from "../../lib/api/trust-body.ts";
import { redriveBody, resumeBody, rotateBody } from "../../lib/api/webhooks.ts";
import { readCloudEvent } from "../../lib/domain/events/cloud-event.ts";
import { readHubForm } from "../../lib/domain/wire/hub-form.ts";
import { parseCallbackBody } from "../../lib/domain/wire/callback-body.ts";
import { parsePermissionBody } from "../../lib/domain/wire/permission-body.ts";
import { webhookBody } from "../../lib/listeners/webhooks/settings.ts";
import { readRequest } from "../../lib/properties/list-operation.ts";
import { itemsRequest } from "../../lib/properties/list-requests.ts";
import type { JsonObject } from "../../lib/system/ports.ts";
import { sized } from "../support/sizes.ts";

type Json = Readonly<Record<string, unknown>>;
const RUNS = sized(100, 10_000);
const document = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8")) as Json;
const ajv = new Ajv2020({ strict: false, validateSchema: false, formats: { uri: true, "date-time": true } });
ajv.addSchema(document, "doc");

interface Described {
  readonly validate: ValidateFunction;
  readonly example: Json;
  readonly names: readonly string[];
}

/** The body of a route: its schema, its example, and the members that any of its forms names. */
function bodyOf(route: string, media = "application/json"): Described {
  const [method = "", path = ""] = route.split(" ");
  const keys = ["paths", path, method.toLowerCase(), "requestBody", "content", media];
  const { example, schema } = keys.reduce<unknown>((value, key) => (value as Json)[key], document) as {
    readonly example: Json;
    readonly schema: Json;
  };
  const pointer = [...keys, "schema"].map((key) => encodeURIComponent(key.replaceAll("/", "~1"))).join("/");
  return { validate: ajv.compile({ $ref: `doc#/${pointer}` }), example, names: membersOf(schema) };
}

function membersOf(schema: Json): readonly string[] {
  const named = typeof schema["$ref"] === "string" ? schema["$ref"].split("/").at(-1) : undefined;
  if (named !== undefined)
    return membersOf(((document["components"] as Json)["schemas"] as Record<string, Json>)[named] ?? {});
  const forms = (schema["anyOf"] ?? []) as readonly Json[];
  return [...new Set([...Object.keys(schema["properties"] ?? {}), ...forms.flatMap(membersOf)])];
}

/** What a member may hold by mistake, and what some member takes. */
const VALUES: readonly unknown[] = [
  ...[null, "", "a", "a/b", "a%", "properties", "high", "none", "key", "park", "v1", "retry", "read", "diff", "resync"],
  ...[
    "true",
    true,
    false,
    0,
    1,
    5,
    -1,
    1.5,
    2 ** 53,
    "x".repeat(1_025),
    "x".repeat(300),
    "\ud800",
    "1.0",
    "append",
    "add",
  ],
  ...[[], ["a"], [1], ["orders.>"], Array.from({ length: 21 }, () => "a"), {}, { a: 1 }, { a: "b" }],
  ...[{ limit: 1, periodSeconds: 1 }, { limit: 0 }, { patterns: ["a"], operations: ["read"] }, { operations: ["fly"] }],
  ...[
    { properties: ["a"] },
    { properties: { patterns: [1] } },
    "https://peer.example/a",
    "whsec_",
    "2026-01-31T12:00:00Z",
  ],
];

/** The example with some of its members taken away, and others given. */
function variants({ example, names }: Described): fc.Arbitrary<JsonObject> {
  const change = fc.tuple(fc.constantFrom(...names), fc.constantFrom(undefined, ...VALUES));
  return fc.array(change, { maxLength: 3 }).map((changes) => {
    const changed = { ...example, ...Object.fromEntries(changes) };
    return Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined)) as JsonObject;
  });
}

const checkedBySchema: readonly (readonly [string, z.ZodMiniType])[] = [
  ["POST /", creationBody],
  ["POST /{actorId}/trust", initiationBody],
  ["POST /{actorId}/trust/{relationship}", receptionBody],
  ["PUT /{actorId}/trust/{relationship}", trusteeBody],
  ["POST /{actorId}/trust/{relationship}/{peerId}", peerApprovalBody],
  ["PUT /{actorId}/trust/{relationship}/{peerId}", changeBody],
  ["PUT /{actorId}/trust/{relationship}/{peerId}/permissions", permissionSetBody],
  ["POST /{actorId}/subscriptions", requestedBody],
  ["POST /{actorId}/subscriptions/{peerId}", subscriptionBody],
  ["PUT /{actorId}/subscriptions/{peerId}/{subscriptionId}", clearBody],
  ["POST /{actorId}/suspensions", placeBody],
  ["POST /{actorId}/parked/{eventId}", actionBody],
  ["PUT /{actorId}/public", publicBody],
  ["PUT /{actorId}/webhooks/{webhookId}", webhookBody],
  ["POST /{actorId}/webhooks/{webhookId}/rotate", rotateBody],
  ["POST /{actorId}/webhooks/{webhookId}/resume", resumeBody],
  ["POST /{actorId}/webhooks/{webhookId}/redrive", redriveBody],
];

it.each(checkedBySchema)("what the document says of the body of %s is what its schema checks", (route, schema) => {
  const whole = bodyOf(route);
  // A body that has it is a batch, which is read otherwise.
  const described = { ...whole, names: whole.names.filter((name) => name !== "subscriptions") };
  fc.assert(
    fc.property(variants(described), (body) => {
      const read = schema.safeParse(body);
      const isDescribed = described.validate(body);
      if (read.success) expect(described.validate.errors).toBeNull();
      // What a function checks, the document says in words.
      else if (isDescribed) expect(read.error.issues.map(({ code }) => code)).toContain("custom");
    }),
    { numRuns: RUNS },
  );
  expect(schema.safeParse(described.example).success).toBe(true);
});

const peer = { actorId: "us", peerId: "abc", subscriptionId: "s" };
const checkedByHand: readonly (readonly [string, string, (body: JsonObject) => unknown])[] = [
  [
    "POST /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}",
    "application/json",
    (body) => parseCallbackBody(body, peer),
  ],
  ["POST /{actorId}/callbacks/permissions/{peerId}", "application/json", (body) => parsePermissionBody(body, peer)],
  ["POST /{actorId}/events", "application/cloudevents+json", (body) => readCloudEvent(body)],
  [
    "POST /{actorId}/properties/{name}/{path}",
    "application/json",
    (body) => readRequest("tasks", itemsRequest(body).operation),
  ],
  [
    "POST /{actorId}/hub",
    "application/x-www-form-urlencoded",
    (body) => {
      const form = new URLSearchParams(
        Object.entries(body).map(([name, value]): [string, string] => [name, String(value)]),
      );
      const read = readHubForm(form, () => undefined);
      if ("parameter" in read) throw new Error(read.why);
    },
  ],
];

it.each(checkedByHand)("what the parser of %s takes, the document describes", (route, media, parse) => {
  const described = bodyOf(route, media);
  const verdicts = new Set<boolean>();
  fc.assert(
    fc.property(variants(described), (given) => {
      // A form has texts alone.
      const isForm = media.endsWith("urlencoded");
      const body = isForm
        ? Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]))
        : given;
      const isTaken = takes(parse, body);
      verdicts.add(isTaken);
      described.validate(body);
      if (isTaken) expect([body, described.validate.errors]).toEqual([body, null]);
    }),
    { numRuns: RUNS },
  );
  expect(verdicts.size).toBe(2);
});

function takes(parse: (body: JsonObject) => unknown, body: JsonObject): boolean {
  try {
    parse(body);
    return true;
  } catch {
    return false;
  }
}
