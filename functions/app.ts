/**
 * Your application. This is the one file a deployer edits: say what it is, and what is to happen when a peer's data
 * arrives. `README.md` tells what each hook is given and promised.
 */
import { ActingWebApp } from "../lib/index.ts";

export const app = new ActingWebApp({
  awType: "urn:actingweb:example.com:subscriber",
  desc: "Keeps exact copies of what its peers publish",
}).withSubscriptionProcessing();

// An example to throw away: one log line for each event, in order, after its data is stored.
app.subscriptionDataHook("*", ({ actor, peerId, target, subtarget, sequence, callbackType, event }) => {
  const line = { message: "subscription data", actorId: actor.id, peerId, target, subtarget, sequence, callbackType };
  process.stdout.write(`${JSON.stringify({ ...line, subscriptionId: event.subscriptionId, eventId: event.id })}\n`);
});
