import {
  anyObject,
  anything,
  choice,
  count,
  done,
  location,
  json,
  maybe,
  object,
  oneOf,
  ref,
  shows,
  text,
  type Answer,
  type Described,
  type Header,
  type Operation,
} from "./operation.ts";

/** Of reads that name the asking peer's subscription. */
const subscription = {
  "x-actingweb-subscription": {
    description: "A subscription of the peer that asks. The answer says which diffs it contains.",
    schema: text,
  },
};
const sequence: Header = {
  description: "The newest diff of the subscription named in the request that the answer contains.",
  schema: { type: "string", pattern: "^[0-9]+$" },
};
/** Of reads of what is public, by anyone. */
const ofPublic: Readonly<Record<string, Header>> = {
  etag: { description: "The digest of the body, where the place is public.", schema: text },
  link: { description: "The hub and the topic, where the place is public and at most 1 MiB.", schema: text },
};
const readHeaders = { ...ofPublic, "x-actingweb-sequence": sequence };
const readRequest = {
  ...subscription,
  "if-none-match": { description: "An `ETag` that the caller knows, where the place is public.", schema: text },
};
const unchanged: Answer = done("The caller has what is there. Only where the place is public.", ofPublic);
const missing = { 404: { "x-actingweb-sequence": sequence, ...ofPublic } };

/** What stands at a place: JSON, or a text as it is. */
const value = (description: string): Answer => ({
  description,
  content: {
    "application/json": { schema: oneOf(ref("ListPage"), ref("ListMetadata"), ref("Value")) },
    "text/plain": { schema: text },
  },
  headers: readHeaders,
});
const stored = { "application/json": { schema: ref("Value"), example: { v: 1 } }, "*/*": { schema: text } };

const listQuery = {
  index: { description: "The index of one item.", schema: text },
  format: { description: "With `short`, a list's metadata.", schema: text },
  after: { description: "Where a page of a list begins: what the page before gave as `next`.", schema: text },
  limit: { description: "The most items of a page.", schema: text },
};
const itemQuery = { index: { description: "The index of one item of a list.", schema: text } };

const get: Operation = {
  summary: "What stands at a place",
  description:
    "Of a list also its items at `/{index}`, its `/metadata`, its `/items` with their indices, and pages by `after` and `limit`.",
  query: listQuery,
  headers: readRequest,
  answers: { 200: value("The value: JSON, a string as text."), 304: unchanged },
  errors: ["conflict", "payload_too_large"],
  errorHeaders: missing,
};
const put: Operation = {
  summary: "Set what stands at a place",
  description:
    'A JSON content type stores JSON. Of any other type, a body that parses as an object or array is JSON, and the rest is text. An empty body and `""` delete.',
  query: itemQuery,
  body: { optional: true, content: stored },
  answers: { 204: done("It is stored.") },
  errors: ["conflict", "method_not_allowed"],
};
const remove: Operation = {
  summary: "Delete what stands at a place",
  query: itemQuery,
  answers: { 204: done("Nothing stands there.") },
  errors: ["conflict", "method_not_allowed"],
};
const listOperation = object({
  operation: maybe(
    choice("append", "insert", "update", "delete", "pop", "extend", "clear", "remove", "delete_all", "metadata", null),
  ),
  action: maybe(choice("add", "update", "delete", null)),
  item: maybe(anything),
  items: maybe(anything),
  old_item: maybe(anything),
  index: maybe(oneOf({ type: "integer", minimum: -1 }, { type: "null" })),
  item_value: maybe(anything),
  item_index: maybe(oneOf(count, { type: "null" })),
});
const state: Operation = {
  summary: "The state of a target of the application",
  description: "What its state hook gives. Where the target is public, anyone may read it.",
  headers: { "if-none-match": readRequest["if-none-match"] },
  answers: {
    200: {
      description: "The state.",
      content: { "application/json": { schema: ref("Value") }, "*/*": { schema: anything } },
      headers: ofPublic,
    },
    304: unchanged,
  },
  errors: ["payload_too_large"],
  errorHeaders: { 404: ofPublic },
};

export const properties: Described<"properties"> = {
  "GET /{actorId}/properties": {
    summary: "All properties",
    query: {
      format: { description: "With `full`, lists with their items.", schema: text },
      metadata: { description: "With `true`, names and sizes alone.", schema: text },
    },
    headers: readRequest,
    answers: {
      200: shows('Name to value. A list is `{"_list": true, "count": n}`.', anyObject, { headers: readHeaders }),
      304: unchanged,
    },
    errors: ["payload_too_large"],
    errorHeaders: missing,
  },
  "POST /{actorId}/properties": {
    summary: "Set up to 90 properties, all or none",
    description:
      'A value of `""` deletes. `{"_type": "list"}` makes a list, `{"items": [{"index": 0, …}]}` changes items of one.',
    body: {
      content: {
        "application/json": { schema: anyObject, example: { color: "red", tasks: { _type: "list" } } },
        "application/x-www-form-urlencoded": { schema: anyObject, example: { color: "red" } },
      },
    },
    answers: { 201: shows("The pairs as they are stored.", anyObject) },
    errors: ["conflict"],
  },
  "DELETE /{actorId}/properties": {
    summary: "Delete all properties",
    answers: { 204: done("There are none.") },
  },
  "GET /{actorId}/properties/{name}": get,
  "POST /{actorId}/properties/{name}": {
    summary: "Append an item to a list",
    query: { index: { description: "Ignored: clients of the reference send it.", schema: text } },
    body: { content: stored },
    answers: { 201: shows("It is appended.", ref("Added"), { headers: location("The item's URL.") }) },
    errors: ["conflict"],
  },
  "PUT /{actorId}/properties/{name}": put,
  "DELETE /{actorId}/properties/{name}": remove,
  "GET /{actorId}/properties/{name}/{path+}": get,
  "POST /{actorId}/properties/{name}/{path+}": {
    summary: "Carry out one operation on a list",
    description: "Only at `/items` of a list. The body names an `operation`, or an `action`.",
    body: { content: json(listOperation, { operation: "append", item: { title: "Write" } }) },
    answers: {
      201: shows("Items are added.", ref("Added")),
      204: done("It is carried out."),
    },
    errors: ["conflict", "method_not_allowed"],
  },
  "PUT /{actorId}/properties/{name}/{path+}": put,
  "DELETE /{actorId}/properties/{name}/{path+}": remove,
  "GET /{actorId}/{target}": state,
  "GET /{actorId}/{target}/{path+}": state,
};
