/** The event bus as an endpoint of webhooks: what is sent to `bus:` is published, and the publication answers like HTTP. */
import { parseText } from "../domain/json/json-text.ts";
import { PeerFailure, type BusEvent, type EventBus, type PeerAnswer, type PeerHttp } from "../system/ports.ts";

/** The url of a webhook onto the deployment's event bus. */
export const BUS_URL = "bus:";
/** Most bytes of data that an event has inline there: EventBridge takes 256 KB together with the rest of the event. */
export const BUS_INLINE_MAX_BYTES = 200_000;

/** A client of peers whose requests to `bus:`, each with an event that the service has printed, are published. */
export function withBus(http: PeerHttp, bus: EventBus): PeerHttp {
  return {
    send: async (request) => {
      if (request.url !== BUS_URL || request.body === undefined) return await http.send(request);
      return await published(bus, parseText(Buffer.from(request.body.bytes).toString("utf8")) as BusEvent);
    },
  };
}

/** @throws PeerFailure where the transport gave no answer: `sent` when it may have the event all the same */
async function published(bus: EventBus, event: BusEvent): Promise<PeerAnswer> {
  const { outcome, error = "" } = await bus.publish(String(event["subject"]), event);
  if (outcome === "unavailable") throw new PeerFailure("unreachable", error);
  if (outcome === "ambiguous") throw new PeerFailure("timeout", error, { sent: true });
  const [status, text] = outcome === "taken" ? [204, ""] : [400, error];
  return { status, headers: {}, body: Buffer.from(text) };
}
