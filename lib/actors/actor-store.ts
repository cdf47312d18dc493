import { ServiceError } from "../system/errors.ts";
import { actorKey } from "../dynamodb/keys/actors.ts";
import { updateIf } from "../dynamodb/outcomes.ts";
import {
  all,
  equals,
  itemExists,
  itemMissing,
  missing,
  type Change,
  type Condition,
  type Table,
} from "../dynamodb/table.ts";
import { actorItem, readActor, type ActorRecord } from "./actor-record.ts";

/** After this long (ms) the sweep takes over a deletion; longer than any request lives. */
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
  async create(actor: Omit<ActorRecord, "deleting" | "closed" | "public">): Promise<void> {
    await this.#table.put(actorItem(actor), itemMissing);
  }

  /** Sets the trustee's root, and the creator's name. @throws ServiceError resource.not_found */
  async setTrustee(actorId: string, set: { readonly trusteeRoot: string; readonly creator?: string }): Promise<void> {
    await this.#update(actorId, { set: { ...set } }, all(itemExists, missing("deleting")));
  }

  /** From here on every other request finds no such actor. @throws ServiceError resource.not_found */
  async beginDeletion(actorId: string, now: number): Promise<void> {
    await this.#update(actorId, { set: { deleting: true, dueAt: now + TAKEOVER_MS } }, itemExists);
  }

  /**
   * Makes the rest of a deletion due now; the actor's peers are all closed by then.
   *
   * @returns false when another run has finished the deletion
   */
  async handOverDeletion(actorId: string, now: number): Promise<boolean> {
    const change = { set: { closed: true, dueAt: now } };
    return (await updateIf(this.#table, actorKey(actorId), change, equals("deleting", true))).written;
  }

  /** The last step of a deletion. */
  async remove(actorId: string): Promise<void> {
    // Needs no condition: ids are never reused, and only a started deletion gets here.
    await this.#table.deleteMany([actorKey(actorId)]);
  }

  async #update(actorId: string, change: Change, condition: Condition): Promise<void> {
    const { written } = await updateIf(this.#table, actorKey(actorId), change, condition);
    if (!written) throw new ServiceError("resource.not_found", "There is no such actor.");
  }
}
