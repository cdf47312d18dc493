import { publicBody } from "../../lib/api/hub.ts";
import { always, done, json, maybe, object, oneOf, ref, shows, taken, text, type Described } from "./operation.ts";

const topic = { type: "string", minLength: 1, maxLength: 2_048 };
const subscriber = {
  "hub.topic": topic,
  "hub.callback": { type: "string", minLength: 1, maxLength: 2_048, pattern: "^[^#]*$" },
};

export const hub: Described<"hub"> = {
  "GET /{actorId}/public": {
    summary: "What anyone may read",
    answers: { 200: shows("Globs of properties, and targets.", ref("PublicAccess")) },
  },
  "PUT /{actorId}/public": {
    summary: "Say what anyone may read",
    description: "Replaces what is public. At most 100 entries, and 8 KiB.",
    body: { content: json(taken(publicBody), { properties: ["profile"], targets: [] }) },
    answers: { 204: done("It is public.") },
    errors: ["conflict"],
  },
  "POST /{actorId}/hub": {
    summary: "A request of a WebSub subscriber or publisher",
    description: "Checked in form alone; what becomes of it shows in what the callback gets.",
    body: {
      content: {
        "application/x-www-form-urlencoded": {
          schema: oneOf(
            object({ "hub.mode": always("publish"), "hub.topic": topic }),
            object({ "hub.mode": always("unsubscribe"), ...subscriber }),
            object({
              "hub.mode": always("subscribe"),
              ...subscriber,
              "hub.secret": maybe(text),
              "hub.lease_seconds": maybe({ type: "string", pattern: "^0*[1-9][0-9]*$" }),
            }),
          ),
          example: {
            "hub.mode": "subscribe",
            "hub.topic": "https://service.example/abc/properties/profile",
            "hub.callback": "https://subscriber.example/callback",
          },
        },
      },
    },
    answers: { 202: done("It is accepted.") },
    errors: ["rate_limited", "limit_reached"],
  },
};
