import { always, anything, done, json, object, ref, shows, type Described, type Operation } from "./operation.ts";

const receive: Operation = {
  summary: "A peer sends a callback for a subscription of ours",
  description:
    "With `CALLBACK_SUCCESS_STATUS=204` every accepted callback answers 204. The body may be gzip, br or deflate.",
  headers: {
    "content-encoding": { description: "How the body is compressed.", schema: { type: "string" } },
  },
  body: {
    content: {
      ...json(ref("Callback"), {
        id: "abc",
        target: "properties",
        sequence: 1,
        timestamp: "2026-01-31T12:00:00Z",
        granularity: "high",
        data: { color: "red" },
      }),
      "*/*": { schema: ref("Callback") },
    },
  },
  answers: {
    200: shows("The number was applied before.", ref("CallbackTaken")),
    201: shows("It is applied, and so are buffered ones that follow.", ref("CallbackTaken")),
    202: shows("It is buffered until what comes before it is applied.", ref("CallbackTaken")),
    204: done("It is accepted."),
  },
  errors: ["pending_queue_full", "busy", "fetch_failed"],
  errorHeaders: {
    415: { "accept-encoding": { description: "The encodings that are taken.", schema: { type: "string" } } },
  },
};
const custom: Operation = {
  summary: "A callback of the application's own",
  description: "Its hook decides. Without a hook: 401 or 403.",
  body: { optional: true, content: { "*/*": { schema: anything } } },
  answers: { 204: done("The hook took it.") },
  errors: ["unauthorized", "forbidden"],
};

export const callbacks: Described<"callbacks"> = {
  "POST /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": receive,
  "PUT /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": receive,
  "DELETE /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}": {
    summary: "A peer has ended the subscription of that id, whichever direction it has",
    answers: { 204: done("It has ended.") },
  },
  "POST /{actorId}/callbacks/permissions/{peerId}": {
    summary: "A peer says what it grants us",
    headers: receive.headers ?? {},
    body: {
      content: {
        ...json(ref("PermissionCallback"), {
          id: "abc",
          target: "permissions",
          type: "permission",
          timestamp: "2026-01-31T12:00:00Z",
          data: { properties: { patterns: ["*"], operations: ["read"] } },
        }),
        "*/*": { schema: ref("PermissionCallback") },
      },
    },
    answers: {
      200: shows("A newer one has come before.", object({ result: always("ignored") })),
      204: done("The grant is replaced."),
    },
    errorHeaders: receive.errorHeaders ?? {},
  },
  "GET /{actorId}/callbacks/{name+}": custom,
  "POST /{actorId}/callbacks/{name+}": custom,
  "PUT /{actorId}/callbacks/{name+}": custom,
  "DELETE /{actorId}/callbacks/{name+}": custom,
};
