import { actorKey, trustKey } from "../dynamodb/keys/actors.ts";
import type { PeerRef } from "../domain/terms/refs.ts";
import { all, equals, missing, type Table, type Write } from "../dynamodb/table.ts";
import { readTrust } from "./trust-record.ts";

/** What is known of the sender of a callback. */
interface IdentifiedSender {
  /** The actor exists and is not being deleted. */
  readonly actor: boolean;
  readonly trust?: { readonly digest: string; readonly approved: boolean };
}

/** Identifies and authenticates the senders of callbacks for receiving; the secrets themselves stay here. */
export class CallbackAuthenticator {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** Reads the actor and its trust with the peer, in one batch; either counts as missing while it is being deleted. */
  async identify({ actorId, peerId }: PeerRef): Promise<IdentifiedSender> {
    const items = await this.#table.getMany([actorKey(actorId), trustKey(actorId, peerId)]);
    const actorItem = items.find((item) => item.sk === actorKey(actorId).sk);
    const trustItem = items.find((item) => item.sk === trustKey(actorId, peerId).sk);
    const actor = actorItem !== undefined && actorItem["deleting"] !== true;
    const trust = trustItem === undefined ? undefined : readTrust(trustItem);
    if (trust === undefined || trust.ending) return { actor };
    return { actor, trust: { digest: String(trustItem?.["secretDigest"]), approved: trust.approved } };
  }

  /** The check that a trust is approved and opens with this digest, for a transaction. */
  approvedCheck({ actorId, peerId }: PeerRef, digest: string): Write {
    const condition = all(equals("approved", true), equals("secretDigest", digest), missing("ending"));
    return { check: trustKey(actorId, peerId), condition };
  }
}
