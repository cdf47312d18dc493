/** Places the data of an event in its envelope, or at a URL when the data is large. */
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

/** Most bytes of data in the envelopes for a listener with these settings. */
export const inlineMaxOf = ({ inlineMaxBytes }: { readonly inlineMaxBytes?: number }): number =>
  inlineMaxBytes ?? INLINE_MAX_BYTES;

/** The URL at which the data of an actor's event can be read for a week; `""` when the actor is deleted. One read. */
export async function dataUrlOf(deps: EventDataDeps, actorId: string, position: string): Promise<string> {
  const actor = await deps.actors.get(actorId);
  if (actor === undefined) return "";
  return eventDataUrl(actor, { root: deps.rootOf(actorId), position, now: deps.clock.now() });
}

/** The envelope for a listener with this limit, from one that contains its data. One read when the data is larger. */
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
