import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import { actorKey } from "../dynamodb/keys/actors.ts";
import { ConditionFailed, all, equals, itemExists, itemMissing, missing } from "../dynamodb/table.ts";
import type { Change, Table } from "../dynamodb/table.ts";
import { actorItem, deletionDue, readActor } from "./actor-record.ts";
import type { ActorRecord } from "./actor-record.ts";

/** How long a deletion may take before the sweep takes it over; longer than any request lives. */
const TAKEOVER_MS = 60_000;

/** The actors' records. One request each. */
export class ActorStore {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** The actor, also while its deletion is under way; undefined when there is none. */
  async get(actorId: string): Promise<ActorRecord | undefined> {
    const item = await this.#table.get(actorKey(actorId));
    return item === undefined ? undefined : readActor(item);
  }

  /** Stores a new actor. @throws ConditionFailed when the id is taken, which random ids never are */
  async create(actor: Omit<ActorRecord, "deleting" | "closed">): Promise<void> {
    await this.#table.put(actorItem(actor), itemMissing);
  }

  /** Sets where the trustee lives, and who the creator is. @throws ServiceError resource.not_found */
  async setTrustee(actorId: string, trusteeRoot: string, creator?: string): Promise<void> {
    const set = compact({ trusteeRoot, creator });
    await this.#update(actorId, { set }, all(itemExists, missing("deleting")));
  }

  /** From here on the actor is gone for everyone but whoever deletes it. @throws ServiceError resource.not_found */
  async beginDeletion(actorId: string, now: number): Promise<void> {
    await this.#update(actorId, { set: { deleting: true, ...deletionDue(actorId, now + TAKEOVER_MS) } }, itemExists);
  }

  /** What is left of a deletion, whose peers are all shut out, is due now. False: another has finished it. */
  async handOverDeletion(actorId: string, now: number): Promise<boolean> {
    try {
      const change = { set: { closed: true, ...deletionDue(actorId, now) } };
      await this.#table.update(actorKey(actorId), change, equals("deleting", true));
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  /** The last step of a deletion. */
  async remove(actorId: string): Promise<void> {
    // Right whatever is stored: ids are never given twice, and only a deletion that has begun comes here.
    await this.#table.deleteMany([actorKey(actorId)]);
  }

  async #update(actorId: string, change: Change, condition: Parameters<Table["update"]>[2]): Promise<void> {
    try {
      await this.#table.update(actorKey(actorId), change, condition);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      throw new ServiceError("resource.not_found", "There is no such actor.", { cause: error });
    }
  }
}
