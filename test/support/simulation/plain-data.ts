/** A store of received data as simple as its rules allow: one item a name, written only over a lower watermark. */
import { watermark } from "../../../lib/domain/watermark.ts";
import { any, below, ConditionFailed, equals, itemMissing } from "../../../lib/dynamodb/table.ts";
import type { Attribute, Table } from "../../../lib/dynamodb/table.ts";
import type { Position } from "../../../lib/domain/watermark.ts";
import type { IncomingDiff, StatePart } from "../../../lib/peer-data/incoming.ts";
import type { ReceivedData } from "../../../lib/receiving/ports.ts";
import type { Place } from "../../../lib/domain/scope.ts";

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
      const wm = stored?.["wm"] as string | undefined;
      if (wm !== undefined && wm >= mine) return false;
      const operation = value as { operation?: string; item?: number };
      let next: Attribute = value;
      if (operation.operation === "append") {
        if (((stored?.["dirty"] as number | undefined) ?? 0) >= at.sequence) return true;
        next = [...((stored?.["value"] as readonly Attribute[] | undefined) ?? []), operation.item ?? 0];
      }
      if (await this.#write(name, next === "" ? undefined : next, mine, wm)) return false;
    }
  }

  async #write(name: string, value: Attribute | undefined, wm: string, seen: string | undefined, dirty = 0) {
    const item = { pk: PARTITION, sk: name, wm, dirty, ...(value === undefined ? { gone: true } : { value }) };
    try {
      await this.#table.put(item, seen === undefined ? itemMissing : equals("wm", seen));
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  async replace(state: Parameters<ReceivedData["replace"]>[0]): Promise<void> {
    const names = new Set(state.parts.map((part) => part.place[0] ?? ""));
    const { items } = await this.#table.query({ pk: PARTITION, prefix: "" });
    for (const item of items) names.add(item.sk);
    for (const name of names) {
      const part = state.parts.find((each) => each.place[0] === name);
      const at = { fence: state.fence, sequence: part?.sequence ?? state.sequence };
      await this.putRead(part ?? { place: [name], kind: "value" }, at, state.dirtyListsUntil);
    }
  }

  async putRead(part: StatePart, at: Position, dirtyUntil = 0): Promise<void> {
    const [name = ""] = part.place;
    const value = (part.kind === "list" ? part.items : part.value) as Attribute | undefined;
    const item = { pk: PARTITION, sk: name, wm: watermark(at), dirty: dirtyUntil };
    const whole = value === undefined || value === "" ? { ...item, gone: true } : { ...item, value };
    for (;;) {
      try {
        await this.#table.put(whole, any(itemMissing, below("wm", whole.wm)));
        return;
      } catch (error) {
        if (!(error instanceof ConditionFailed)) throw error;
        // Refused for what is stored, and not for another reason: something newer is there.
        if (String(error.item?.["wm"] ?? "") >= whole.wm) return;
      }
    }
  }
}
