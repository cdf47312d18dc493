import { expect, it } from "vitest";
import {
  failedEventIdKeyOf,
  failedEventKey,
  hookSource,
  sourceOf,
  sourceText,
  staleReadKey,
  staleReadOf,
} from "../../../../lib/dynamodb/keys/failed-events.ts";

it.each(["hook:bob:sub", "webhook:w", "event-hook:my-hook", "group:g"])("reads and writes the source %s", (text) => {
  const source = sourceOf(text);
  expect(source && sourceText(source)).toBe(text);
});

it.each(["", "hook", "hook:bob", "hook:bob:", "hook:bob:sub:more", "webhook:", "webhook:a:b", "reader:r"])(
  "takes %j for no source",
  (text) => {
    expect(sourceOf(text)).toBeUndefined();
  },
);

it("finds the id of an event, of a part of its body and of a stale read in their keys", () => {
  const event = failedEventKey("a", hookSource({ peerId: "p", subscriptionId: "s" }), {
    epoch: 1,
    sequence: 2,
    id: "e",
  });
  expect(failedEventIdKeyOf(event).sk).toBe("FAILEDID#e");
  expect(failedEventIdKeyOf({ ...event, sk: `${event.sk}#1` }).sk).toBe("FAILEDID#e");
  const read = staleReadKey({ actorId: "a", peerId: "p", subscriptionId: "s" }, "r");
  expect(failedEventIdKeyOf(read).sk).toBe("FAILEDID#r");
  expect(staleReadOf(read)).toEqual({ actorId: "a", peerId: "p", subscriptionId: "s", id: "r" });
  expect(staleReadOf(event)).toBeUndefined();
});
