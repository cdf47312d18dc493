/**
 * The event bus as an endpoint of webhooks: a request to `bus:` publishes its event, and the bus's answer becomes a status.
 */
import { parseText } from "../domain/json/json-text.ts";
import { PeerFailure, type BusEvent, type EventBus, type PeerAnswer, type PeerHttp } from "../system/ports.ts";

/** The url of the deployment's event bus in a webhook. */
export const BUS_URL = "bus:";
/** Most bytes of data that an event has inline there: EventBridge takes 256 KB together with the rest of the event. */
export const BUS_INLINE_MAX_BYTES = 200_000;

/** An HTTP client that publishes the bodies of requests to `bus:`, which are envelopes, and sends all other requests. */
export function withBus(http: PeerHttp, bus: EventBus): PeerHttp {
  return {
    send: async (request) => {
      if (request.url !== BUS_URL || request.body === undefined) return await http.send(request);
      return await published(bus, parseText(Buffer.from(request.body.bytes).toString("utf8")) as BusEvent);
    },
  };
}

/** @throws PeerFailure when the bus did not take the event; `sent`: it may have it nevertheless */
async function published(bus: EventBus, event: BusEvent): Promise<PeerAnswer> {
  const { outcome, error = "" } = await bus.publish(String(event["subject"]), event);
  if (outcome === "unavailable") throw new PeerFailure("unreachable", error);
  if (outcome === "ambiguous") throw new PeerFailure("timeout", error, { sent: true });
  const [status, text] = outcome === "taken" ? [204, ""] : [400, error];
  return { status, headers: {}, body: Buffer.from(text) };
}
