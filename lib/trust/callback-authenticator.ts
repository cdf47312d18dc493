import { actorKey, trustKey } from "../dynamodb/keys/actors.ts";
import { all, equals, missing } from "../dynamodb/table.ts";
import type { Table, Write } from "../dynamodb/table.ts";
import { readTrust } from "./trust-record.ts";

/** What is known of whoever sends callbacks. */
export interface IdentifiedSender {
  /** The actor is there. */
  readonly actor: boolean;
  readonly trust?: { readonly digest: string; readonly approved: boolean };
}

/** Identifies and authenticates the senders of callbacks for receiving; the secrets themselves stay here. */
export class CallbackAuthenticator {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** One batch read: whether the actor is there, and its trust with the peer. What is being deleted is not there. */
  async identify(actorId: string, peerId: string): Promise<IdentifiedSender> {
    const items = await this.#table.getMany([actorKey(actorId), trustKey(actorId, peerId)]);
    const actorItem = items.find((item) => item.sk === actorKey(actorId).sk);
    const trustItem = items.find((item) => item.sk === trustKey(actorId, peerId).sk);
    const actor = actorItem !== undefined && actorItem["deleting"] !== true;
    const trust = trustItem === undefined ? undefined : readTrust(trustItem);
    if (trust === undefined || trust.ending) return { actor };
    return { actor, trust: { digest: String(trustItem?.["secretDigest"]), approved: trust.approved } };
  }

  /** The check that a trust is approved and opens with this digest, for a transaction. */
  approvedCheck(actorId: string, peerId: string, digest: string): Write {
    const condition = all(equals("approved", true), equals("secretDigest", digest), missing("ending"));
    return { check: trustKey(actorId, peerId), condition };
  }
}
