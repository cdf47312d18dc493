/** Who may send callbacks for a subscription, and why not. The hot path needs none of this: its lease carries the digest. */
import { timingSafeEqual } from "node:crypto";
import type { PeerRef } from "../../domain/terms/refs.ts";
import { TransactionRefused, type Key, type Write, type Table } from "../../dynamodb/table.ts";
import { outboundHeadKey } from "../../dynamodb/keys/streams.ts";
import { ServiceError } from "../../system/errors.ts";
import { readHead, type Head } from "../stream/head.ts";
import { admit, writeOf } from "../stream/stream-changes.ts";

/** What the trust side knows of a sender. */
export interface Authenticator {
  /** One batch read: whether the actor exists, and its trust with the peer. */
  identify(
    peer: PeerRef,
  ): Promise<{ readonly actor: boolean; readonly trust?: { readonly digest: string; readonly approved: boolean } }>;
  /** The check that a trust is approved and opens with this digest, for a transaction. */
  approvedCheck(peer: PeerRef, digest: string): Write;
}

export interface Sender {
  readonly actorId: string;
  readonly peerId: string;
  readonly subscriptionId: string;
  /** Digest of the bearer; undefined when none was sent. */
  readonly digest: string | undefined;
}

/** Says who may send callbacks to a stream, and why one may not. */
export class CallbackAccess {
  readonly #table: Table;
  readonly #authenticator: Authenticator;

  constructor(deps: { table: Table; authenticator: Authenticator }) {
    this.#table = deps.table;
    this.#authenticator = deps.authenticator;
  }

  /** The live head these credentials open. @throws ServiceError 401, 403 or 404 */
  async open(sender: Sender): Promise<Head> {
    const key = outboundHeadKey(sender);
    const item = sender.digest === undefined ? undefined : await this.#table.get(key);
    const head = item === undefined ? undefined : readHead(item);
    if (head?.live === true && head.auth !== undefined && same(head.auth, sender.digest)) return head;
    return await this.explain(sender);
  }

  /**
   * Says why a stream is closed to a sender. An approved trust whose approval has not reached this head (a crash in
   * between) is made good, then the head is returned.
   */
  async explain(sender: Sender): Promise<Head> {
    await this.trusted(sender);
    const key = outboundHeadKey(sender);
    const item = await this.#table.get(key);
    const head = item === undefined ? undefined : readHead(item);
    if (head?.live !== true) {
      throw new ServiceError("resource.not_found", "There is no such subscription with this peer.");
    }
    return await this.#admit(key, sender);
  }

  /** @throws ServiceError unless the credentials are those of an approved trust with this peer */
  async trusted(sender: Sender): Promise<void> {
    const { actor, trust } = await this.#authenticator.identify(sender);
    if (!actor) throw new ServiceError("resource.not_found", "There is no such actor.");
    if (sender.digest === undefined) throw unauthorized("This needs the trust's secret as a bearer token.");
    if (trust === undefined) throw new ServiceError("auth.forbidden", "There is no trust with this peer.");
    if (!same(trust.digest, sender.digest)) throw unauthorized("The bearer token is not this trust's secret.");
    if (!trust.approved) throw new ServiceError("auth.forbidden", "The trust with this peer is not approved.");
  }

  async #admit(key: Key, sender: Sender): Promise<Head> {
    const digest = sender.digest ?? "";
    try {
      await this.#table.transact([
        this.#authenticator.approvedCheck(sender, digest),
        { update: key, ...writeOf(key, admit(digest)) },
      ]);
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error;
      throw new ServiceError("callback.busy", "This trust is changing; send the callback again.", {
        headers: { "retry-after": "1" },
        cause: error,
      });
    }
    const item = await this.#table.get(key);
    if (item === undefined)
      throw new ServiceError("resource.not_found", "There is no such subscription with this peer.");
    return readHead(item);
  }
}

function same(expected: string, given: string | undefined): boolean {
  const [one, other] = [Buffer.from(expected), Buffer.from(given ?? "")];
  return one.length === other.length && timingSafeEqual(one, other);
}

const unauthorized = (message: string): ServiceError =>
  new ServiceError("auth.missing", message, { headers: { "www-authenticate": 'Bearer realm="actingweb"' } });
