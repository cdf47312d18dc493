/** The verdicts of a consumer of a group over all actors: all of them are carried out in one write, or none. */
import { positionGone } from "../../actors/position-gone.ts";
import { withTaken } from "../../domain/events/group-changes.ts";
import { acknowledged, type Acknowledgement, type VerdictItem } from "../../domain/events/group-verdicts.ts";
import { MOST_GIVEN_UP } from "../../domain/events/keeper-state.ts";
import { positionIn } from "../../domain/events/present-epoch.ts";
import {
  answeredLane,
  parseRootPosition,
  printRootPosition,
  upToOf,
  type RootLease,
  type RootPosition,
} from "../../domain/events/root-group.ts";
import type { Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import { compact } from "../../system/compact.ts";
import { WHY } from "../beginning.ts";
import { eventAt, type LogEvent } from "../log-events.ts";
import type { AckResult } from "./groups.ts";
import { NOT_DELETED } from "./group-events.ts";
import { rulesOf } from "./group-item.ts";
import { stop, type RootFetchingDeps } from "./root-fetching.ts";
import type { RootGroup, RootMember, RootStopped } from "./root-group-item.ts";
import { givenWrites, roomOf } from "./root-lending.ts";
import { readActors, resolveTaken } from "./root-members.ts";

/**
 * Carries out the verdicts. Positions are those of the events that were lent; `upTo` acknowledges everything of the batch
 * up to that event, in the order of the answer, that has no verdict of its own. One query for the group, one request for
 * the members, one write; more where events go to a person.
 *
 * @throws ServiceError resource.not_found; group.lease_ended when the lease is another's by now, resource.position_gone for
 *   a position of another epoch and an `upTo` that the group has not come to: nothing is changed
 */
export async function acknowledgeOfAll(
  deps: RootFetchingDeps,
  name: string,
  said: Acknowledgement,
): Promise<AckResult> {
  const { clock, store } = deps;
  const { result, resolved, group, stopped } = await store.again(name, async (standing) => {
    const stored = standing.lanes.find(({ lane }) => lane.lease?.token === said.token);
    const lease = stored?.lane.lease;
    if (stored === undefined || lease === undefined) throw leaseEnded();
    demandPresent(deps, said);
    const end = said.upTo === undefined ? undefined : demandLent(lease, said.upTo);
    const ofActors = verdictsOf(lease, said, end);
    const read = await readActors(deps, standing.group, [...ofActors.keys()]);
    const answers: ActorAnswer[] = [];
    // So many events can go to a person in one write.
    let most = MOST_GIVEN_UP;
    for (const [actorId, verdicts] of ofActors) {
      const member = read.get(actorId)?.stored;
      if (end?.actorId === actorId && member !== undefined) demandReached(member, end);
      const answer = await answerOf(deps, standing.group, { actorId, member, verdicts, said, most });
      most -= answer.given;
      answers.push(answer);
    }
    const { settings, drainedBy = Infinity } = standing.group;
    const until = Math.min(clock.now() + settings.leaseSeconds * 1_000, drainedBy);
    const to = answeredLane(stored.lane, {
      ended: new Set(answers.flatMap(({ actorId, isEnded }) => (isEnded ? [actorId] : []))),
      done: said.done,
      ...(said.extend && { until }),
    });
    const work = {
      to,
      members: answers.flatMap(({ member }) => (member === undefined ? [] : [member])),
      writes: answers.flatMap(({ writes }) => writes),
    };
    if (!(await store.write(standing.group, stored, work))) return undefined;
    const left = to.lease;
    const leases = left === undefined ? [] : [{ lane: stored.index, token: left.token, until: left.until }];
    const known = answers.flatMap(({ outcomes }) => outcomes);
    const unknown = said.items.filter(({ position }) => !known.some((each) => each.position === position));
    const outcomes = [...known, ...unknown.map(({ position }) => ({ position, outcome: "not_lent" as const }))];
    return {
      is: {
        result: { outcomes, leases },
        resolved: answers.flatMap(({ resolved }) => resolved),
        group: standing.group,
        stopped: answers.find((answer) => answer.stopped !== undefined)?.stopped,
      },
    };
  });
  for (const taken of resolved) {
    try {
      await resolveTaken(deps, group, taken);
    } catch (error) {
      deps.log.warn(NOT_DELETED, { actorId: taken.actorId, group: group.name, error });
    }
  }
  if (stopped !== undefined) await stop(store, group, stopped);
  return result;
}

/**
 * A position of another epoch may be that of an event which was lost with the log of that epoch, and is now another
 * event's.
 */
function demandPresent(
  { epoch }: Pick<RootFetchingDeps, "epoch">,
  { upTo, items }: Pick<Acknowledgement, "upTo" | "items">,
): void {
  const said = items.map(({ position }, index) => ({ text: position, field: `items.${String(index)}.position` }));
  for (const { text, field } of [...said, ...(upTo === undefined ? [] : [{ text: upTo, field: "upTo" }])]) {
    const at = parseRootPosition(text);
    if (at === undefined || positionIn(epoch, at.position) === at.position) continue;
    throw positionGone(undefined, `${WHY.epoch}.`, field);
  }
}

const leaseEnded = (): ServiceError =>
  new ServiceError(
    "group.lease_ended",
    "The lease of this token has ended, so nothing was acknowledged; fetch the events again.",
  );

/** What is said of one actor's events. */
interface ActorVerdicts {
  readonly items: readonly VerdictItem[];
  readonly upTo?: string;
}

/** By actor, those that have events of the lease: of an actor without a verdict only when the consumer is done. */
function verdictsOf(
  lease: RootLease,
  { items, done }: Acknowledgement,
  end: RootPosition | undefined,
): ReadonlyMap<string, ActorVerdicts> {
  const places = items.map((item) => ({ item, at: parseRootPosition(item.position) }));
  const found = new Map<string, ActorVerdicts>();
  for (const actorId of lease.left) {
    const own = places.flatMap(({ item, at }) => (at?.actorId === actorId ? [{ ...item, position: at.position }] : []));
    const last = end === undefined ? undefined : upToOf(lease, end, actorId);
    if (own.length > 0 || last !== undefined || done) found.set(actorId, { items: own, ...compact({ upTo: last }) });
  }
  return found;
}

/** The position, when it is one of an actor of the lease. @throws ServiceError resource.position_gone */
function demandLent({ actors }: RootLease, text: string): RootPosition {
  const position = parseRootPosition(text);
  if (position !== undefined && actors.includes(position.actorId)) return position;
  throw notReached();
}

/**
 * A position beyond what was lent would take more than the consumer has seen.
 * @throws ServiceError resource.position_gone
 */
function demandReached({ state: { lanes } }: RootMember, { position }: RootPosition): void {
  const isReached = lanes.some(({ after, replayed }) =>
    [after, ...replayed.map((each) => each.position)].some((each) => position <= each),
  );
  if (!isReached) throw notReached();
}

const notReached = (): ServiceError =>
  positionGone(
    undefined,
    "The group has lent no event as far as this position; name the position of one that it lent.",
    "upTo",
  );

interface ActorAnswer {
  readonly actorId: string;
  readonly outcomes: AckResult["outcomes"];
  readonly member?: RootMember;
  readonly writes: readonly Write[];
  /** How many events go to a person. */
  readonly given: number;
  /** Failed events that were sent again and are done. */
  readonly resolved: readonly { readonly actorId: string; readonly version: number; readonly id: string }[];
  /** The consumer has no event of the actor any more. */
  readonly isEnded: boolean;
  readonly stopped?: RootStopped;
}

async function answerOf(
  deps: RootFetchingDeps,
  group: RootGroup,
  {
    actorId,
    member,
    verdicts,
    said,
    most,
  }: {
    readonly actorId: string;
    readonly member: RootMember | undefined;
    readonly verdicts: ActorVerdicts;
    readonly said: Acknowledgement;
    readonly most: number;
  },
): Promise<ActorAnswer> {
  // The actor was deleted.
  const nothing = { actorId, outcomes: [], writes: [], given: 0, resolved: [], isEnded: true };
  if (member === undefined) return nothing;
  const rules = rulesOf(group.settings);
  const acknowledgement = { ...verdicts, token: said.token, extend: false, done: said.done };
  const decide = (room: number) =>
    acknowledged(member.state, acknowledgement, { rules, now: deps.clock.now(), random: deps.random, room, most });
  let acked = decide(MOST_GIVEN_UP);
  if (acked !== undefined && acked.given.length > 0) acked = decide(await roomOf(deps, group.name, actorId));
  if (acked === undefined) return nothing;
  const { outcomes, given, replayed } = acked;
  // Until what is kept of them is deleted, so that a crash before that leaves no event with a person that a consumer took.
  const taken = replayed.flatMap(({ id, isDone }) => (isDone ? [id] : []));
  const state = withTaken(acked.state, taken);
  const stream = (after: number, upTo: number) => deps.changeLog.stream(actorId, after, upTo);
  const found: { event: LogEvent; number: number; attempts: number; because: string }[] = [];
  for (const one of given) {
    const event = await eventAt({ ...deps, actorId, stream }, one.position);
    if (event !== undefined) found.push({ ...one, event });
  }
  const { stopped } = state;
  return {
    actorId,
    outcomes: outcomes.map(({ position, outcome }) => ({
      position: printRootPosition({ actorId, position }),
      outcome,
    })),
    member: { ...member, state },
    writes: found.length === 0 ? [] : await givenWrites(deps, group, { actorId, state, given: found }),
    given: found.length,
    // The write that says so makes the member one version newer.
    resolved: taken.map((id) => ({ actorId, version: (member.version ?? 0) + 1, id })),
    isEnded: state.lanes.every(({ lease }) => lease === undefined),
    ...compact({ stopped: stopped && { ...stopped, actorId } }),
  };
}
