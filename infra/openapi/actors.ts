import { creationBody } from "../../lib/actors/factory.ts";
import { anyObject, always, done, location, object, ref, shows, taken, text, type Described } from "./operation.ts";

export const actors: Described<"actors"> = {
  "GET /": {
    summary: "The name and version of the service",
    answers: {
      200: shows(
        "The service.",
        object({ service: text, version: text, type: text, desc: text, info: text, actingweb: ref("ActingWeb") }),
      ),
    },
  },
  "POST /": {
    summary: "Make an actor",
    description:
      "As `ACTOR_CREATION` allows. Without a passphrase the service makes one of 160 bits; the answer shows it this once.",
    body: {
      optional: true,
      content: {
        "application/json": { schema: taken(creationBody), example: { creator: "creator" } },
        "application/x-www-form-urlencoded": { schema: taken(creationBody), example: { creator: "creator" } },
      },
    },
    answers: { 201: shows("The actor.", ref("NewActor"), { headers: location("The root URI of the actor.") }) },
    errors: ["unauthorized", "forbidden"],
  },
  "GET /healthz": {
    summary: "Whether the service and its table answer",
    answers: { 200: shows("They do.", object({ status: always("ok"), version: text })) },
  },
  "GET /openapi.json": {
    summary: "This document",
    answers: { 200: shows("An OpenAPI document of version 3.1.", anyObject) },
  },
  "GET /{actorId}": {
    summary: "The actor",
    answers: { 200: shows("The actor.", ref("Actor")) },
  },
  "DELETE /{actorId}": {
    summary: "Delete the actor and everything of it",
    description: "Ends every trust. May be repeated until it answers 404.",
    answers: { 204: done("It is deleted.") },
  },
  "GET /{actorId}/meta": {
    summary: "What the actor is, and what the service supports",
    answers: { 200: shows("The actor's description of itself.", ref("Meta")) },
  },
  "GET /{actorId}/meta/{leaf+}": {
    summary: "One member of `/meta` as a line of text",
    answers: {
      200: {
        description: "A list's parts follow one another with commas; an object stands as JSON.",
        content: { "text/plain": { schema: text } },
      },
    },
  },
};
