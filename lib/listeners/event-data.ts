/** The data of an event as a listener is given it: in the envelope, or at a URL when it is large. */
import { eventDataUrl } from "../actors/event-data-url.ts";
import type { ActorStore } from "../actors/actor-store.ts";
import { contentOf, digestOfBytes, INLINE_MAX_BYTES } from "../domain/events/envelope.ts";
import { compact } from "../system/compact.ts";
import type { Clock, JsonObject } from "../system/ports.ts";

export interface EventDataDeps {
  readonly actors: Pick<ActorStore, "get">;
  readonly clock: Clock;
  /** The root URI of an actor. */
  readonly rootOf: (actorId: string) => string;
}

/** The bytes of data up to which it lies in the envelope. */
export const inlineMaxOf = ({ inlineMaxBytes }: { readonly inlineMaxBytes?: number }): number =>
  inlineMaxBytes ?? INLINE_MAX_BYTES;

/** The URL at which the data of an actor's event can be read for a while; `""` when the actor is gone. One read. */
export async function dataUrlOf(deps: EventDataDeps, actorId: string, position: string): Promise<string> {
  const actor = await deps.actors.get(actorId);
  if (actor === undefined) return "";
  return eventDataUrl(actor, { root: deps.rootOf(actorId), position, now: deps.clock.now() });
}

/** An envelope that has its data in it, as a listener with this limit is given it. */
export async function withDataWithin(
  deps: EventDataDeps,
  actorId: string,
  envelope: JsonObject,
  inlineMaxBytes: number,
): Promise<JsonObject> {
  const { data, data_base64: base64, ...rest } = envelope;
  const datacontenttype = envelope["datacontenttype"] as string | undefined;
  const content = contentOf({
    data: base64 ?? data ?? null,
    attributes: compact({ datacontenttype, base64: base64 === undefined ? undefined : (true as const) }),
  });
  if (content.bytes.length <= inlineMaxBytes) return envelope;
  const dataref = await dataUrlOf(deps, actorId, String(envelope["position"]));
  return { ...rest, dataref, datadigest: digestOfBytes(content.bytes) };
}
