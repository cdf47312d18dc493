import { compact } from "../compact.ts";
import { parkedCursor, parkedSortKey } from "../dynamodb/keys.ts";
import { ServiceError } from "../errors.ts";
import type { JsonObject } from "../ports.ts";
import type { Head } from "../receiving/head.ts";
import type { HookRuns } from "../receiving/hook-runs.ts";
import type { Parked, ParkedNotice } from "../receiving/parked-item.ts";
import type { ParkedStore } from "../receiving/parked-store.ts";
import { badAfter, fittingPage } from "./paging.ts";

export interface ParkedEventsDeps {
  readonly parked: Pick<ParkedStore, "notices" | "find">;
  readonly hooks: Pick<HookRuns, "again" | "skip">;
  readonly heads: { get(actorId: string, peerId: string, subscriptionId: string): Promise<Head | undefined> };
}

/** Hook events that did not go through, for whoever operates the actor: to see, to replay, to drop. */
export class ParkedEvents {
  readonly #deps: ParkedEventsDeps;

  constructor(deps: ParkedEventsDeps) {
    this.#deps = deps;
  }

  /** One page, stream by stream, in each in order. @throws ServiceError request.invalid for a foreign `after` */
  async page(
    actorId: string,
    options: { readonly peerId?: string; readonly after?: string; readonly limit: number },
  ): Promise<{ readonly data: readonly JsonObject[]; readonly next?: string }> {
    const { after, ...rest } = options;
    const from = after === undefined ? undefined : parkedSortKey(after);
    if (after !== undefined && from === undefined) throw badAfter();
    const found = await this.#deps.parked.notices(actorId, compact({ ...rest, after: from }));
    const { page, last } = fittingPage(found.notices, wireOf);
    const next = last?.key.sk ?? found.next;
    return compact({ data: page, next: next === undefined ? undefined : parkedCursor(next) });
  }

  /** The parked event. @throws ServiceError resource.not_found */
  async demand(actorId: string, eventId: string): Promise<Parked> {
    const parked = await this.#deps.parked.find(actorId, eventId);
    if (parked !== undefined) return parked;
    throw new ServiceError("resource.not_found", "There is no parked event of that id.");
  }

  /**
   * Runs the event's hook once more, now, also when its attempts are used up.
   *
   * @returns `done`, `dropped` (the hook said so), or the status it is parked with again
   * @throws ServiceError resource.conflict while it is being run, or waits behind an event that stopped its stream
   */
  async retry(parked: Parked): Promise<Exclude<Awaited<ReturnType<HookRuns["again"]>>, "busy">> {
    const { actorId, peerId, subscriptionId } = parked.event;
    if (parked.status === "held" && (await this.#deps.heads.get(actorId, peerId, subscriptionId))?.held === true) {
      throw new ServiceError(
        "resource.conflict",
        "This event waits behind one that stopped its subscription's hooks; retry or skip that one.",
      );
    }
    const result = await this.#deps.hooks.again(parked);
    if (result === "busy") throw underWay();
    return result;
  }

  /** Drops the event. @throws ServiceError resource.conflict while it is being run */
  async skip(parked: Parked): Promise<void> {
    if (!(await this.#deps.hooks.skip(parked))) throw underWay();
  }
}

const underWay = (): ServiceError =>
  new ServiceError("resource.conflict", "This event is being run, or has just been settled; look again in a moment.");

function wireOf(notice: ParkedNotice): JsonObject {
  const { target, subtarget, resource, sequence, callbackType, status, starts, attempts, dueAt } = notice;
  return {
    id: notice.eventId,
    peerid: notice.peerId,
    subscriptionid: notice.subscriptionId,
    target,
    ...(subtarget === undefined ? {} : { subtarget }),
    ...(resource === undefined ? {} : { resource }),
    sequence,
    callbackType,
    status,
    starts,
    attempts: attempts.map(({ at, error }) => ({ at: new Date(at).toISOString(), error })),
    ...(dueAt === undefined ? {} : { dueAt: new Date(dueAt).toISOString() }),
  };
}
