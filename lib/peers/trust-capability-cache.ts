import { trustKey } from "../dynamodb/keys-actors.ts";
import { ConditionFailed, itemExists } from "../dynamodb/table.ts";
import type { Item, Table } from "../dynamodb/table.ts";
import type { CachedCapabilities, CapabilityCache } from "./capabilities.ts";

const ATTRIBUTE = "capabilities";

/** Keeps a peer's capabilities in the item of its trust, so that they go with it. */
export class TrustCapabilityCache implements CapabilityCache {
  readonly #table: Table;
  readonly #actorId: string;
  readonly #peerId: string;

  constructor(table: Table, actorId: string, peerId: string) {
    this.#table = table;
    this.#actorId = actorId;
    this.#peerId = peerId;
  }

  /** What is kept; undefined when nothing is, or there is no trust. 1 read. */
  async read(): Promise<CachedCapabilities | undefined> {
    const item = await this.#table.get(trustKey(this.#actorId, this.#peerId), { only: [ATTRIBUTE] });
    return item === undefined ? undefined : readCapabilities(item);
  }

  /** Keeps them; nothing happens without a trust. 1 write. */
  async save(capabilities: CachedCapabilities): Promise<void> {
    const { version, supported, fetchedAt } = capabilities;
    const text = JSON.stringify({ version, supported, fetchedAt });
    try {
      await this.#table.update(trustKey(this.#actorId, this.#peerId), { set: { [ATTRIBUTE]: text } }, itemExists);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }
}

/** The capabilities kept in a trust's item, if any. */
export function readCapabilities(item: Item): CachedCapabilities | undefined {
  const text = item[ATTRIBUTE];
  return typeof text === "string" ? (JSON.parse(text) as CachedCapabilities) : undefined;
}
