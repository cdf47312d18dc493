/**
 * Your application, the one file that a deployer edits: what the service is, and what happens when data of a peer
 * arrives. `docs/application.md` says what each hook receives and what the service promises it.
 */
import { ActingWebApp } from "../lib/index.ts";

export const app = new ActingWebApp({
  awType: "urn:actingweb:example.com:subscriber",
  desc: "Keeps exact copies of what its peers publish",
}).withSubscriptionProcessing();

// An example to replace: one log line for each event, in order, after its data is stored.
app.subscriptionDataHook("*", ({ actor, peerId, target, subtarget, sequence, callbackType, event }) => {
  const line = { message: "subscription data", actorId: actor.id, peerId, target, subtarget, sequence, callbackType };
  process.stdout.write(`${JSON.stringify({ ...line, subscriptionId: event.subscriptionId, eventId: event.id })}\n`);
});
