/** Chooses the events that may be sent now, by the order of the events and by the endpoint's health. */
import { compact } from "../../system/compact.ts";
import { fewKeys, type BegunAttempt } from "./keeper-failures.ts";
import type { KeeperFronts } from "./keeper-fronts.ts";
import type { Item } from "./keeper-order.ts";
import type { EntryQueue } from "./keeper-queue.ts";
import { EXPIRING_MS } from "./keeper-schedule.ts";
import type { EndpointHealth, Failing, OrderedEvent } from "./keeper-state.ts";
import type { KeeperRules, StretchRequest } from "./keeper-steps.ts";

/** What a choice depends on. */
export interface ChoiceInput<E extends OrderedEvent, S> {
  readonly fronts: KeeperFronts<E, S>;
  readonly health: EndpointHealth;
  readonly rules: Pick<KeeperRules, "order" | "parallel" | "breaker">;
  /** The floor's events are preferred to those of the entries. */
  readonly floorFirst: boolean;
  readonly now: number;
}

/** The events that may be sent and why, what to read next, and when to choose again. */
export interface Choice<E extends OrderedEvent> {
  readonly items: readonly Item<E>[];
  readonly how: Pick<BegunAttempt, "why" | "inDoubt">;
  readonly read?: StretchRequest;
  readonly wakeAt?: number;
}

interface FailingEntry<E extends OrderedEvent> {
  readonly entry: EntryQueue<E>;
  readonly failing: Failing;
}

const PLAIN = { why: "plain", inDoubt: false } as const;
const nothing = <E extends OrderedEvent>(more: {
  readonly read?: StretchRequest | undefined;
  readonly wakeAt?: number | undefined;
}): Choice<E> => compact({ items: [], how: PLAIN, ...more });

/** The events that may be sent now. */
export function choose<E extends OrderedEvent, S>(standing: ChoiceInput<E, S>): Choice<E> {
  const { health, now } = standing;
  if ((health.pausedUntil ?? 0) > now) return nothing({ wakeAt: health.pausedUntil });
  return health.openUntil === undefined ? whileClosed(standing) : whileOpen(standing, health.openUntil);
}

function whileClosed<E extends OrderedEvent, S>(standing: ChoiceInput<E, S>): Choice<E> {
  const { fronts, rules, now } = standing;
  const free = (rules.order === "strict" ? 1 : rules.parallel) - fronts.inFlight.size;
  if (free <= 0) return nothing({});
  const { own, fresh, read } = unblocked(fronts, free);
  const due = failingOf(fronts).filter(({ failing }) => Math.max(failing.tryAt, failing.retryAfter ?? 0) <= now);
  // A failure that looks like the endpoint's may be the event's: events of other keys go first, and show which it is.
  const isIdle = own.length + fresh.length + fronts.inFlight.size === 0 && read === undefined;
  const retried = due.filter(({ failing }) => isIdle || !(failing.endpoint && failing.run));
  const retries = retried.flatMap(({ entry }) => entry.failed ?? []);
  const unread = retried.find(({ entry }) => entry.failed === undefined);
  const request = (unread && fronts.requestFor(unread.entry)) ?? read;
  const older = [...own, ...retries].toSorted((one, other) => one.number - other.number);
  const items = interleaved(older, fresh, standing.floorFirst).slice(0, free);
  const wakeAt = wakeTime(standing);
  if (items.length > 0) return compact({ items, how: PLAIN, read: request, wakeAt });
  return request !== undefined || fronts.inFlight.size > 0
    ? nothing({ read: request, wakeAt })
    : whileBlocked(standing);
}

/**
 * All keys with events are blocked: the one that has waited longest is tried at the breaker's pace, beside the schedule.
 */
function whileBlocked<E extends OrderedEvent, S>(standing: ChoiceInput<E, S>): Choice<E> {
  const { pace } = standing.health;
  const wakeAt = wakeTime(standing);
  const longest = longestWaiting(standing);
  if (pace === undefined || longest === undefined) return nothing({ wakeAt });
  if (pace.at > standing.now) return nothing({ wakeAt: Math.min(pace.at, wakeAt ?? Infinity) });
  return tryFailing(standing, longest, { why: "pace", inDoubt: true });
}

function whileOpen<E extends OrderedEvent, S>(standing: ChoiceInput<E, S>, openUntil: number): Choice<E> {
  const { fronts, rules, now } = standing;
  if (fronts.inFlight.size > 0) return nothing({});
  const isEarly = now < openUntil;
  const hasFew = fronts.entries.filter(({ failing }) => failing?.run === true).length < fewKeys(rules.breaker);
  const wakeAt = isEarly ? Math.min(wakeTime(standing) ?? openUntil, openUntil) : wakeTime(standing);
  if (isEarly && !hasFew) return nothing({ wakeAt });
  const { own, fresh, read, redriven } = unblocked(fronts, 1);
  const untried = [...own.filter((item) => item !== redriven), ...fresh];
  const [oldest] = untried.toSorted((one, other) => one.number - other.number);
  if (oldest !== undefined) return { items: [oldest], how: { why: isEarly ? "early" : "probe", inDoubt: false } };
  if (read !== undefined || isEarly) return nothing({ read, wakeAt });
  if (redriven !== undefined) return { items: [redriven], how: { why: "probe", inDoubt: false } };
  const longest = longestWaiting(standing);
  return longest === undefined ? nothing({ wakeAt }) : tryFailing(standing, longest, { why: "probe", inDoubt: hasFew });
}

/** Events that have not failed and wait for nothing, at most `most` of each front, and what to read to find more. */
function unblocked<E extends OrderedEvent, S>(
  fronts: KeeperFronts<E, S>,
  most: number,
): {
  /** Events of entries and of the redrive. */
  readonly own: readonly Item<E>[];
  readonly fresh: readonly Item<E>[];
  readonly redriven: Item<E> | undefined;
  readonly read: StretchRequest | undefined;
} {
  const redriven = fronts.readyRedriven();
  const own: Item<E>[] = redriven === undefined ? [] : [redriven];
  let read = fronts.redrive?.stretch;
  for (const entry of fronts.entries) {
    own.push(...fronts.ready(entry, most));
    if (entry.failing === undefined) read ??= fronts.requestFor(entry);
  }
  const fresh = fronts.ready(fronts.floor, most);
  return { own, fresh, redriven, read: read ?? fronts.requestForFloor(fresh.length, most) };
}

/** Entries whose first event failed, and which the order allows to be tried again. */
function failingOf<E extends OrderedEvent, S>(fronts: KeeperFronts<E, S>): readonly FailingEntry<E>[] {
  return fronts.entries.flatMap((entry) => {
    const { failing, failed } = entry;
    if (failing === undefined || failing.exhausted !== undefined) return [];
    if (failed !== undefined && (fronts.isInFlight(failed) || fronts.isBlocked(failed, entry))) return [];
    return [{ entry, failing }];
  });
}

function longestWaiting<E extends OrderedEvent, S>({ fronts, now }: ChoiceInput<E, S>): EntryQueue<E> | undefined {
  const [longest] = failingOf(fronts)
    .filter(({ failing }) => (failing.retryAfter ?? 0) <= now)
    .toSorted((one, other) => one.failing.triedAt - other.failing.triedAt);
  return longest?.entry;
}

function tryFailing<E extends OrderedEvent, S>(
  standing: ChoiceInput<E, S>,
  entry: EntryQueue<E>,
  how: Pick<BegunAttempt, "why" | "inDoubt">,
): Choice<E> {
  const item = entry.failed;
  if (item !== undefined) return { items: [item], how };
  return nothing({ read: standing.fronts.requestFor(entry), wakeAt: wakeTime(standing) });
}

/** When the next failed event is due or expires, ms since 1970. */
function wakeTime<E extends OrderedEvent, S>({ fronts, health, now }: ChoiceInput<E, S>): number | undefined {
  let wakeAt = Infinity;
  for (const { failing } of failingOf(fronts)) {
    const at = Math.max(health.openUntil ?? failing.tryAt, failing.retryAfter ?? 0);
    if (at > now) wakeAt = Math.min(wakeAt, at);
    if (isBlocked(failing)) wakeAt = Math.min(wakeAt, failing.expiresAt - EXPIRING_MS);
  }
  return wakeAt === Infinity ? undefined : wakeAt;
}

/** True when the failures of an event hold back later events of its key. */
export const isBlocked = ({ endpoint, attempts }: Failing): boolean => !endpoint || attempts > 0;

/** The items of both lists by turns. */
function interleaved<T>(own: readonly T[], fresh: readonly T[], freshFirst: boolean): readonly T[] {
  if (own.length === 0 || fresh.length === 0) return own.length === 0 ? fresh : own;
  const [first, second] = freshFirst ? [fresh, own] : [own, fresh];
  const all: T[] = [];
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    all.push(...first.slice(at, at + 1), ...second.slice(at, at + 1));
  }
  return all;
}
