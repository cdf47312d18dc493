import { parseText } from "../domain/json/json-text.ts";
import { trustKey } from "../dynamodb/keys/actors.ts";
import { all, ConditionFailed, equals, itemExists, missing } from "../dynamodb/table.ts";
import type { Item, Table } from "../dynamodb/table.ts";
import type { CachedCapabilities, CapabilityCache } from "./capabilities.ts";

const ATTRIBUTE = "capabilities";
/** Whom the trust is with: capabilities are those of whoever answers there. */
const PEER = "baseUri";

/** Keeps a peer's capabilities in the item of its trust, so that they go with it. For one use: read, ask, save. */
export class TrustCapabilityCache implements CapabilityCache {
  readonly #table: Table;
  readonly #actorId: string;
  readonly #peerId: string;
  /** Where the peer was when this was read. */
  #seen: string | undefined;

  constructor(table: Table, actorId: string, peerId: string) {
    this.#table = table;
    this.#actorId = actorId;
    this.#peerId = peerId;
  }

  /** What is kept; undefined when nothing is, or there is no trust. 1 read. */
  async read(): Promise<CachedCapabilities | undefined> {
    const item = await this.#table.get(trustKey(this.#actorId, this.#peerId), { only: [ATTRIBUTE, PEER] });
    const seen = item?.[PEER];
    this.#seen = typeof seen === "string" ? seen : undefined;
    return item === undefined ? undefined : readCapabilities(item);
  }

  /** Keeps them; nothing happens without a trust, or when it is with a peer elsewhere since it was read. 1 write. */
  async save(capabilities: CachedCapabilities): Promise<void> {
    const { version, supported, fetchedAt } = capabilities;
    const text = JSON.stringify({ version, supported, fetchedAt });
    const stands = all(itemExists, missing("ending"), ...(this.#seen === undefined ? [] : [equals(PEER, this.#seen)]));
    try {
      await this.#table.update(trustKey(this.#actorId, this.#peerId), { set: { [ATTRIBUTE]: text } }, stands);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }
}

/** The capabilities kept in a trust's item, if any. */
export function readCapabilities(item: Item): CachedCapabilities | undefined {
  const text = item[ATTRIBUTE];
  return typeof text === "string" ? (parseText(text) as CachedCapabilities) : undefined;
}
