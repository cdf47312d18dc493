/** A store of received data as simple as its rules allow: one item a name, written only over a lower watermark. */
import { parseWatermark, watermark, type Position } from "../../../lib/domain/log/watermark.ts";
import {
  any,
  atMost,
  ConditionFailed,
  equals,
  itemMissing,
  type Attribute,
  type Item,
  type Table,
} from "../../../lib/dynamodb/table.ts";
import type { Staleness } from "../../../lib/receiving/replica/replica-entry.ts";
import type { StatePart } from "../../../lib/peers/publisher.ts";
import type { IncomingDiff } from "../../../lib/receiving/replica/incoming.ts";
import type { ReadPosition, StateTarget } from "../../../lib/receiving/replica/state-writer.ts";
import type { ReceivedData } from "../../../lib/receiving/stream/ports.ts";
import type { Place } from "../../../lib/domain/terms/scope.ts";

const PARTITION = "DATA";

export class PlainData implements ReceivedData<undefined> {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  prepare(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async apply(diff: IncomingDiff, at: Position): Promise<{ reread: readonly Place[] }> {
    const reread: Place[] = [];
    for (const [name, value] of Object.entries(diff.data as Readonly<Record<string, Attribute>>)) {
      if (await this.#applyOne(name, value, at)) reread.push([name]);
    }
    return { reread };
  }

  /** True when the list must be read again instead. */
  async #applyOne(name: string, value: Attribute, at: Position): Promise<boolean> {
    const mine = watermark(at);
    for (;;) {
      const stored = await this.#table.get({ pk: PARTITION, sk: name });
      const found = stored?.["watermark"] as string | undefined;
      const isStale = stored?.["stale"] !== undefined;
      if (found !== undefined && found >= mine) return isStale && found === mine;
      const operation = value as { operation?: string; item?: number };
      let next: Attribute = value;
      if (operation.operation === "append") {
        if (((stored?.["dirty"] as number | undefined) ?? 0) >= at.sequence || isStale) return true;
        next = [...((stored?.["value"] as readonly Attribute[] | undefined) ?? []), operation.item ?? 0];
      }
      if (await this.#write(name, next === "" ? undefined : next, mine, found)) return false;
    }
  }

  async #write(name: string, value: Attribute | undefined, mine: string, before: string | undefined) {
    const item = { pk: PARTITION, sk: name, watermark: mine, ...(value === undefined ? { gone: true } : { value }) };
    try {
      await this.#table.put(item, before === undefined ? itemMissing : equals("watermark", before));
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  async replace(state: Parameters<ReceivedData["replace"]>[0]): Promise<void> {
    await this.putParts(state, state.parts, state);
    await this.removeRest(state, state, () => true);
  }

  async putParts(_: StateTarget, parts: readonly StatePart[], at: ReadPosition): Promise<void> {
    for (const part of parts) {
      await this.putRead(
        part,
        { stateVersion: at.stateVersion, sequence: part.sequence ?? at.sequence },
        at.dirtyListsUntil,
      );
    }
  }

  async removeRest(_: StateTarget, at: Position, goesOn: () => boolean): Promise<boolean> {
    const { items } = await this.#table.query({ pk: PARTITION, prefix: "" });
    for (const item of items) {
      if (!goesOn()) return false;
      if (parseWatermark(String(item["watermark"])).stateVersion >= at.stateVersion) continue;
      await this.putRead({ place: [item.sk], kind: "value" }, at);
    }
    return true;
  }

  async markStale(
    _: StateTarget,
    [name = ""]: Place,
    at: Position,
    failed: { readonly reason: string; readonly again: number },
  ): Promise<number> {
    const stored = await this.#table.get({ pk: PARTITION, sk: name });
    const value = stored?.["value"];
    const replica = value === undefined ? { gone: true } : { value };
    await this.#put({ pk: PARTITION, sk: name, ...replica, watermark: watermark(at), stale: { ...failed, since: 1 } });
    return 1;
  }

  async storedNames(_: StateTarget): Promise<readonly Place[]> {
    const { items } = await this.#table.query({ pk: PARTITION, prefix: "" });
    return items.filter((item) => item["gone"] !== true).map(({ sk }) => [sk]);
  }

  async staleness([name = ""]: Place): Promise<Staleness | undefined> {
    return (await this.#table.get({ pk: PARTITION, sk: name }))?.["stale"] as unknown as Staleness | undefined;
  }

  async putRead(part: StatePart, at: Position, dirtyUntil = 0): Promise<void> {
    const [name = ""] = part.place;
    const value = (part.kind === "list" ? part.items : part.value) as Attribute | undefined;
    const item = {
      pk: PARTITION,
      sk: name,
      watermark: watermark(at),
      ...(dirtyUntil === 0 ? {} : { dirty: dirtyUntil }),
    };
    await this.#put(value === undefined || value === "" ? { ...item, gone: true } : { ...item, value });
  }

  /** Over what has the same position, or a lower one. */
  async #put(item: Item): Promise<void> {
    const mine = String(item["watermark"]);
    for (;;) {
      try {
        await this.#table.put(item, any(itemMissing, atMost("watermark", mine)));
        return;
      } catch (error) {
        if (!(error instanceof ConditionFailed)) throw error;
        // Refused for what is stored, and not for another reason: something newer is there.
        if (String(error.item?.["watermark"] ?? "") > mine) return;
      }
    }
  }
}
