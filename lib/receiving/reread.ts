import type { Place } from "../domain/scope.ts";
import type { Head } from "./head.ts";
import type { StatePart } from "../peer-data/incoming.ts";
import type { Publisher, ReceivedData } from "./ports.ts";

/** Reads tried until the publisher's newest number is the same before and after. */
const TRIES = 3;

/**
 * Reads one place anew from its publisher and puts it into the store. Without positions in the answers the newest number
 * is asked before and after: while they differ the content lies somewhere between, so list operations up to the later one
 * will read the list again instead of being applied.
 *
 * @returns false when the publisher could not be read; nothing has changed then
 */
export async function reread(
  publisher: Publisher,
  data: ReceivedData,
  head: Head,
  place: Place,
  sequence: number,
): Promise<boolean> {
  let before: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const answer = await publisher.readState({
      scope: head.scope,
      place,
      subscriptionId: head.subscriptionId,
      carved: head.carved,
    });
    if (answer.is === "failed") return false;
    // Too large to read is not "not there": what is held stays, and asking again would give the same.
    if (answer.is === "state" && answer.diverged.length > 0) return true;
    const part: StatePart =
      answer.is === "state" ? (answer.parts[0] ?? { place, kind: "value" }) : { place, kind: "value" };
    const said = part.sequence ?? (answer.is === "state" ? answer.sequence : undefined);
    if (said !== undefined) {
      const at = { fence: head.fence, sequence: Math.max(said, sequence) };
      await data.putRead(part, at, undefined, head.carved);
      return true;
    }
    const polled = await publisher.poll(head.subscriptionId);
    if (polled.is !== "backlog" && (polled.is !== "too_large" || polled.sequence === undefined)) return false;
    const after = Math.max(polled.sequence ?? 0, sequence);
    if (before === after || attempt >= TRIES) {
      const settled = before === after;
      await data.putRead(
        part,
        { fence: head.fence, sequence: settled ? after : sequence },
        settled ? undefined : after,
        head.carved,
      );
      return true;
    }
    before = after;
  }
}
