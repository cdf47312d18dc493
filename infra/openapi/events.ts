import { redriveBody, resumeBody, rotateBody } from "../../lib/api/webhooks.ts";
import { webhookBody } from "../../lib/listeners/webhooks/settings.ts";
import { pulled } from "./groups.ts";
import {
  anything,
  array,
  done,
  json,
  location,
  object,
  ref,
  shows,
  taken,
  text,
  time,
  type Answer,
  type Described,
  type Media,
  type Operation,
  goneLink,
  knownSettings,
  settingsTag,
  whichSettings,
} from "./operation.ts";

const theWebhook = (description: string): Answer =>
  shows(description, ref("Webhook"), { headers: { etag: settingsTag } });

const attribute = (description: string) => ({ description, schema: text });
const publishHeaders = {
  "idempotency-key": {
    description: "Names the publication: a repetition within 24 hours publishes nothing.",
    schema: { type: "string", minLength: 1, maxLength: 255 },
  },
  prefer: attribute("`respond-async`: answer before the subscribers are notified."),
  partitionkey: attribute("Events of one key are kept in order."),
  "ce-specversion": attribute("Of a CloudEvent in headers: `1.0`."),
  "ce-id": attribute("Of a CloudEvent in headers."),
  "ce-source": attribute("Of a CloudEvent in headers."),
  "ce-type": attribute("Of a CloudEvent in headers."),
  "ce-subject": attribute("Of a CloudEvent in headers: the topic."),
  "ce-*": attribute("Any further attribute of a CloudEvent in headers."),
};
const cloudEvent: Media = {
  schema: ref("CloudEvent"),
  example: {
    specversion: "1.0",
    id: "o-42",
    source: "https://shop.example",
    type: "com.example.order.created",
    subject: "orders.42.created",
    data: { total: 10 },
  },
};
const plain: Readonly<Record<string, Media>> = {
  "application/json": { schema: ref("Value"), example: { total: 10 } },
  "text/*": { schema: text },
  "*/*": { schema: { type: "string" } },
};
const publishAnswers: Operation["answers"] = {
  200: shows("It was published before; nothing is sent.", ref("Published")),
  201: shows("It is published.", ref("Published")),
  202: shows("It is published; subscribers are notified after the answer.", ref("Published"), {
    headers: { "preference-applied": { description: "`respond-async`", schema: text, required: true } },
  }),
};

export const events: Described<"events"> = {
  ...pulled,
  "POST /{actorId}/events": {
    summary: "Publish CloudEvents that name their topics",
    description: "One CloudEvent, structured or in headers, or a batch of 1 to 90, all or none.",
    headers: publishHeaders,
    body: {
      content: {
        "application/cloudevents+json": cloudEvent,
        "application/cloudevents-batch+json": {
          schema: array(ref("CloudEvent"), { minItems: 1, maxItems: 90 }),
          example: [cloudEvent.example],
        },
        ...plain,
        // Of a CloudEvent whose attributes are headers.
        "application/json": { schema: ref("Value") },
      },
    },
    answers: publishAnswers,
    errors: ["topic_mismatch", "idempotency_conflict", "limit_reached"],
  },
  "POST /{actorId}/events/{topic}": {
    summary: "Publish one event to a topic",
    headers: publishHeaders,
    body: { optional: true, content: { ...plain, "application/cloudevents+json": cloudEvent } },
    answers: publishAnswers,
    errors: ["topic_mismatch", "idempotency_conflict", "limit_reached"],
  },
  "GET /{actorId}/events/{position}/data": {
    summary: "The data of a large event",
    description: "At the URL that the event's `dataref` gave.",
    query: {
      expires: { description: "When the URL ends, s since 1970.", schema: text, required: true },
      token: { description: "The credential.", schema: text, required: true },
    },
    answers: {
      200: {
        description: "The data, of the event's `datacontenttype`.",
        content: { "application/json": { schema: anything }, "*/*": { schema: anything } },
      },
    },
    errors: ["token_invalid", "position_gone", "payload_too_large"],
    errorHeaders: goneLink,
  },
  "GET /{actorId}/webhooks": {
    summary: "All webhooks",
    answers: { 200: shows("The webhooks.", object({ data: array(ref("Webhook")) })) },
  },
  "GET /{actorId}/webhooks/{webhookId}": {
    summary: "A webhook: its settings, and how its deliveries stand",
    headers: knownSettings,
    answers: { 200: theWebhook("The webhook."), 304: done("The settings are these.", { etag: settingsTag }) },
  },
  "PUT /{actorId}/webhooks/{webhookId}": {
    summary: "Make a webhook, or change its settings",
    description: "The body is the whole of the settings. A change of what differs needs `If-Match`.",
    headers: whichSettings("webhook"),
    body: {
      content: json(
        taken(webhookBody, { url: { description: "Where events go; in place of `urls`. `bus:` is the event bus." } }),
        {
          url: "https://listener.example/events",
          topics: ["orders.>"],
        },
      ),
    },
    answers: {
      200: theWebhook("The webhook, changed or as it was."),
      201: theWebhook("The webhook, made. With a minted secret, shown this once."),
    },
    errors: ["precondition_failed", "precondition_required", "limit_reached", "conflict", "position_gone"],
    errorHeaders: goneLink,
  },
  "DELETE /{actorId}/webhooks/{webhookId}": {
    summary: "End a webhook, with its parked events",
    answers: { 204: done("It has ended.") },
  },
  "GET /{actorId}/webhooks/{webhookId}/attempts": {
    summary: "The last attempts that were not taken",
    description: "At most 50, and the first that was taken after each.",
    answers: { 200: shows("Newest first.", object({ data: array(ref("Attempt")) })) },
  },
  "POST /{actorId}/webhooks/{webhookId}/test": {
    summary: "Send one test event",
    description: "At most ten a minute.",
    answers: { 200: shows("The attempt.", ref("Attempt")) },
    errors: ["rate_limited"],
  },
  "POST /{actorId}/webhooks/{webhookId}/rotate": {
    summary: "Mint another secret",
    description: "Both secrets sign until the overlap ends.",
    body: { optional: true, content: json(taken(rotateBody), { overlapSeconds: 86_400 }) },
    answers: { 200: shows("The secret.", object({ secret: text, overlapUntil: time })) },
    errors: ["conflict"],
  },
  "POST /{actorId}/webhooks/{webhookId}/pause": {
    summary: "Begin no attempt until the webhook is resumed",
    answers: { 200: theWebhook("The webhook.") },
  },
  "POST /{actorId}/webhooks/{webhookId}/resume": {
    summary: "End a pause or a stop",
    body: { optional: true, content: json(taken(resumeBody), { skip: false }) },
    answers: { 200: theWebhook("The webhook.") },
    errors: ["conflict", "position_gone", "limit_reached"],
    errorHeaders: goneLink,
  },
  "POST /{actorId}/webhooks/{webhookId}/redrive": {
    summary: "Send events again",
    description: "Either those that are parked, or a part of the log.",
    body: { content: json(taken(redriveBody), { parked: true }) },
    answers: { 202: shows("The task that sends them.", ref("Task"), { headers: location("The task's URL.") }) },
    errors: ["conflict", "position_gone"],
    errorHeaders: goneLink,
  },
  "GET /{actorId}/tasks/{taskId}": {
    summary: "A task",
    answers: { 200: shows("How far it has come.", ref("Task")) },
  },
  "DELETE /{actorId}/tasks/{taskId}": {
    summary: "Cancel a task",
    answers: { 204: done("It is cancelled.") },
  },
};
