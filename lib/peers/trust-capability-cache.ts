import { parseText } from "../domain/json/json-text.ts";
import { trustKey } from "../dynamodb/keys/actors.ts";
import { updateIf } from "../dynamodb/outcomes.ts";
import { all, equals, itemExists, missing, type Item, type Table } from "../dynamodb/table.ts";
import type { CachedCapabilities, CapabilityCache } from "./capabilities.ts";

const ATTRIBUTE = "capabilities";
/** The address of the trust's peer: capabilities are those of the actor that answers there. */
const PEER = "baseUri";

/** Keeps a peer's capabilities in the item of its trust, so that they are deleted with it. For one use: read, ask, save. */
export class TrustCapabilityCache implements CapabilityCache {
  readonly #table: Table;
  readonly #actorId: string;
  readonly #peerId: string;
  /** The peer's address when the item was read. */
  #seen: string | undefined;

  constructor(table: Table, actorId: string, peerId: string) {
    this.#table = table;
    this.#actorId = actorId;
    this.#peerId = peerId;
  }

  /** The kept capabilities; undefined when there are none, or no trust. 1 read. */
  async read(): Promise<CachedCapabilities | undefined> {
    const item = await this.#table.get(trustKey(this.#actorId, this.#peerId), { only: [ATTRIBUTE, PEER] });
    const seen = item?.[PEER];
    this.#seen = typeof seen === "string" ? seen : undefined;
    return item === undefined ? undefined : readCapabilities(item);
  }

  /** Keeps capabilities; nothing happens without a trust, or when its peer has moved since `read`. 1 write. */
  async save(capabilities: CachedCapabilities): Promise<void> {
    const { version, supported, fetchedAt } = capabilities;
    const text = JSON.stringify({ version, supported, fetchedAt });
    const stands = all(itemExists, missing("ending"), ...(this.#seen === undefined ? [] : [equals(PEER, this.#seen)]));
    await updateIf(this.#table, trustKey(this.#actorId, this.#peerId), { set: { [ATTRIBUTE]: text } }, stands);
  }
}

/** The capabilities kept in a trust's item, if any. */
export function readCapabilities(item: Item): CachedCapabilities | undefined {
  const text = item[ATTRIBUTE];
  return typeof text === "string" ? (parseText(text) as CachedCapabilities) : undefined;
}
