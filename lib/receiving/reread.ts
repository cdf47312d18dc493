import type { Place } from "../domain/scope.ts";
import type { Head } from "./head.ts";
import type { StatePart } from "../peer-data/incoming.ts";
import type { Publisher, ReceivedData } from "./ports.ts";

/** Reads tried until the publisher's newest number is the same before and after. */
const TRIES = 3;

/** What was read: nothing when it is too large, or the target has no state. */
export interface Reread {
  readonly part?: StatePart;
}

/**
 * Reads one place anew from its publisher, from `url` if there is one, and puts it into the store, if any. Without positions in the answers the newest number
 * is asked before and after: while they differ the content lies somewhere between, so list operations up to the later one
 * will read the list again instead of being applied.
 *
 * @returns undefined when the publisher could not be read; nothing has changed then
 */
export async function reread(
  publisher: Publisher,
  data: ReceivedData | undefined,
  head: Head,
  place: Place,
  sequence: number,
  url?: string,
): Promise<Reread | undefined> {
  let before: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const answer = await publisher.readState({
      scope: head.scope,
      place,
      subscriptionId: head.subscriptionId,
      carved: head.carved,
      ...(url === undefined ? {} : { url }),
    });
    if (answer.is === "failed") return undefined;
    // Too large to read is not "not there": what is held stays, and asking again would give the same.
    if (answer.is === "absent" || answer.diverged.length > 0) return {};
    const part: StatePart = answer.parts[0] ?? { place, kind: "value" };
    if (data === undefined) return { part };
    const said = part.sequence ?? answer.sequence;
    if (said !== undefined) {
      const at = { fence: head.fence, sequence: Math.max(said, sequence) };
      await data.putRead(part, at, undefined, head.carved);
      return { part };
    }
    const polled = await publisher.poll(head.subscriptionId);
    if (polled.is !== "backlog" && (polled.is !== "too_large" || polled.sequence === undefined)) return undefined;
    const after = Math.max(polled.sequence ?? 0, sequence);
    if (before === after || attempt >= TRIES) {
      const settled = before === after;
      await data.putRead(
        part,
        { fence: head.fence, sequence: settled ? after : sequence },
        settled ? undefined : after,
        head.carved,
      );
      return { part };
    }
    before = after;
  }
}
