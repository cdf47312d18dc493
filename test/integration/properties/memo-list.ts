/** The list `memo` of a world, over HTTP. */
import { expect } from "vitest";
import type { Json } from "../../../lib/system/ports.ts";
import type { PropertyWorld } from "./world.ts";

/** Operations of tests on that list. */
export function memoList(world: () => PropertyWorld) {
  /** The list operations in the log from a record on. */
  async function logged(after = 0): Promise<readonly Json[]> {
    const records = (await world().records()).filter(({ number }) => number > after);
    return records.flatMap(({ record }) =>
      record.kind === "change"
        ? record.changes.map((change) => (change.do === "list" ? change.operation : change.do))
        : [],
    );
  }

  /** Creates the list `memo` with these items. Resolves with the number of the last record. */
  async function memo(...content: readonly Json[]): Promise<number> {
    expect(await world().status("POST", "", { json: { memo: { _type: "list" } } })).toBe(201);
    if (content.length > 0) await operate({ operation: "extend", items: content });
    return (await world().records()).length;
  }

  /** Operates on `memo`. Resolves with the status, and the index in the answer if there is one. */
  async function operate(json: unknown): Promise<readonly [number, unknown]> {
    const { status, json: answer, text } = await world().ask("POST", "memo/items", { json });
    if (status === 201) expect(answer).toEqual({ success: true, index: answer.index });
    if (status === 204) expect(text).toBe("");
    return [status, answer?.index];
  }

  const items = async (name: string): Promise<Json> => (await world().ask("GET", name)).json;

  return { logged, memo, operate, items };
}
