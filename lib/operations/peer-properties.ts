import { compact } from "../system/compact.ts";
import { isPeerName } from "../domain/terms/names.ts";
import { cursorOf } from "../dynamodb/keys/replica.ts";
import { ServiceError } from "../system/errors.ts";
import { jsonBytesInResult, MAX_ANSWER_BYTES } from "../http/answer-size.ts";
import { PAGE_BYTES, type ReplicaProperty, type PeerReader } from "../receiving/replica/peer-reader.ts";
import type { JsonObject } from "../system/ports.ts";

/** The most bytes of one answer's data; the envelope takes less than the rest. */
const ANSWER_BYTES = MAX_ANSWER_BYTES - 16 * 1_024;

/** What is stored of a peer, as the owner sees it. */
export class PeerProperties {
  readonly #reader: Pick<PeerReader, "page" | "property">;

  constructor(reader: Pick<PeerReader, "page" | "property">) {
    this.#reader = reader;
  }

  /** One page in the order of the names' keys: at most `limit` and what an answer can carry. `next` is what to pass as `after`. */
  async page(options: {
    readonly after?: string;
    readonly limit: number;
  }): Promise<{ readonly data: JsonObject; readonly next?: string }> {
    const { properties, next } = await this.#reader.page(options);
    const data: [string, JsonObject][] = [];
    let bytes = 0;
    for (const property of properties) {
      const shown = fitting(property);
      bytes += jsonBytesInResult(property.name) + jsonBytesInResult(shown) + 2;
      const last = data.at(-1);
      if (last !== undefined && bytes > ANSWER_BYTES) return { data: membersOf(data), next: cursorOf(last[0]) };
      data.push([property.name, shown]);
    }
    return compact({ data: membersOf(data), next });
  }

  /** One property, however large. @throws ServiceError resource.not_found */
  async one(name: string): Promise<JsonObject> {
    const found = isPeerName(name) ? await this.#reader.property(name, PAGE_BYTES) : undefined;
    if (found === undefined) {
      throw new ServiceError("resource.not_found", "Nothing is stored of this peer under that name.");
    }
    return shownOf(found);
  }
}

/** Own members, whatever their names: `__proto__` is a member like any other. */
const membersOf = (entries: readonly (readonly [string, JsonObject])[]): JsonObject => Object.fromEntries(entries);

/** Without the value where no answer can carry it, so that a page never ends at such a property. */
function fitting(property: ReplicaProperty): JsonObject {
  const shown = shownOf(property);
  return jsonBytesInResult(shown) <= ANSWER_BYTES ? shown : { ...shown, value: null, truncated: true };
}

function shownOf(property: ReplicaProperty): JsonObject {
  const { type, value, itemCount, sequence, updatedAt, stale } = property;
  return compact({
    type,
    value,
    itemCount,
    truncated: property.truncated === true ? true : undefined,
    sequence,
    updatedAt: new Date(updatedAt).toISOString(),
    stale: stale && { since: new Date(stale.since).toISOString(), reason: stale.reason },
  });
}
