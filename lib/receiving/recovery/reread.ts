import type { Place } from "../../domain/terms/scope.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { isHidden } from "../../domain/diff/hidden-part.ts";
import type { Head } from "../stream/head.ts";
import type { StatePart, PartAnswer, Polled, Publisher, ReadFailure } from "../../peers/publisher.ts";
import type { ReceivedData } from "../stream/ports.ts";

/** Reads tried until the publisher's newest number is the same before and after. */
const TRIES = 3;
/** As `dirtyUntil`: operations of a list read it again until a read knows the newest number. */
export const UNTIL_KNOWN = Number.MAX_SAFE_INTEGER;

/** The result of reading one place; nothing has changed when the read `failed`. */
export type Reread =
  | { readonly is: "read"; readonly part: StatePart }
  /** The publisher has closed the place to us: the stored value stays. */
  | { readonly is: "hidden" }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/**
 * Reads one place again from its publisher, from `url` if there is one, and puts it into the store, if any. Without
 * positions in the answers the newest number is asked before and after: while they differ the content lies somewhere
 * between, so list operations up to the later one will read the list again instead of being applied.
 *
 * @param options.open what the publisher lets us see, where the rest is to stay as it is
 */
export async function reread(
  publisher: Publisher,
  data: ReceivedData | undefined,
  head: Head,
  place: Place,
  sequence: number,
  options: { readonly url?: string; readonly open?: () => Promise<Reads | undefined> } = {},
): Promise<Reread> {
  const { url, open } = options;
  const { stateVersion, excludedScopes } = head;
  let before: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const read = await readOne(publisher, head, place, url);
    if ("failure" in read) return { is: "failed", failure: read.failure };
    const { answer } = read;
    // The permissions after the read: places closed to us by then may be missing from the answer.
    const reads = await open?.();
    const within = reads === undefined ? { excludedScopes } : { excludedScopes, reads };
    if (answer.is !== "part" && reads !== undefined && isHidden(place, reads)) return { is: "hidden" };
    if (answer.is === "failed") return { is: "failed", failure: answer.failure };
    const part: StatePart = answer.is === "part" ? answer.part : { place, kind: "value" };
    if (data === undefined) return { is: "read", part };
    const said = part.sequence ?? read.sequence;
    if (said !== undefined) {
      await data.putRead(part, { stateVersion, sequence: Math.max(said, sequence) }, undefined, within);
      return { is: "read", part };
    }
    const polled = await publisher.poll(head.subscriptionId);
    const failure = pollFailure(polled);
    if (failure !== undefined) return { is: "failed", failure };
    const newest = newestOf(polled);
    if (newest === undefined) {
      await data.putRead(part, { stateVersion, sequence }, UNTIL_KNOWN, within);
      return { is: "read", part };
    }
    const after = Math.max(newest, sequence);
    if (before === after || attempt >= TRIES) {
      const settled = before === after;
      const at = { stateVersion, sequence: settled ? after : sequence };
      await data.putRead(part, at, settled ? undefined : after, within);
      return { is: "read", part };
    }
    before = after;
  }
}

async function readOne(
  publisher: Publisher,
  head: Head,
  place: Place,
  url: string | undefined,
): Promise<{ readonly answer: PartAnswer; readonly sequence?: number } | { readonly failure: ReadFailure }> {
  const { scope, subscriptionId, excludedScopes } = head;
  const what = { scope, place, subscriptionId, excludedScopes };
  const listing = await publisher.listState(url === undefined ? what : { ...what, url });
  if (listing.is === "failed") return listing;
  if (listing.is === "absent") return { answer: { is: "absent", place } };
  const { answers, sequence, stopped } = await listing.read([place], { patient: true });
  const [answer] = answers;
  if (answer === undefined) return { failure: stopped ?? { reason: "There was no time left to ask the peer." } };
  return sequence === undefined ? { answer } : { answer, sequence };
}

/** The publisher's newest number, when its answer says it. */
export const newestOf = (polled: Polled): number | undefined =>
  polled.is === "backlog" || polled.is === "unreadable" ? polled.sequence : undefined;

/** Why a poll gives no position. */
export function pollFailure(polled: Polled): ReadFailure | undefined {
  switch (polled.is) {
    case "failed":
      return polled.failure;
    case "unknown":
      return { reason: "The publisher does not know this subscription.", status: 404 };
    case "ended":
      return { reason: "The publisher has ended this subscription.", status: 410 };
    default:
      return undefined;
  }
}
