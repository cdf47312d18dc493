/** What is known of an event before an attempt: its number, its earlier failures, the redrive that it belongs to. */
import { compact } from "../../system/compact.ts";
import type { KeeperFronts } from "./keeper-fronts.ts";
import type { Item } from "./keeper-order.ts";
import type { Failing, OrderedEvent } from "./keeper-state.ts";
import type { NumberedEvent } from "./keeper-steps.ts";

/** The event as a session sends it. */
export function numberedEvent<E extends OrderedEvent, S>(fronts: KeeperFronts<E, S>, item: Item<E>): NumberedEvent<E> {
  const { event, number } = item;
  const attempts = priorOf(fronts, item)?.attempts ?? 0;
  return { event, number, attempts, ...compact({ redrive: redriveIdOf(fronts, item) }) };
}

/** The id of the redrive whose next event this is. */
export function redriveIdOf<E extends OrderedEvent, S>(
  { redrive }: KeeperFronts<E, S>,
  { number }: Item<E>,
): string | undefined {
  return redrive?.first?.number === number ? redrive.progress.id : undefined;
}

/** The earlier failures of the event. */
export function priorOf<E extends OrderedEvent, S>(fronts: KeeperFronts<E, S>, item: Item<E>): Failing | undefined {
  const failing = fronts.ownerOf(item)?.failing;
  return failing?.position === item.event.position ? failing : undefined;
}
