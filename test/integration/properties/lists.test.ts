import { beforeEach, describe, expect, it } from "vitest";
import type { Json } from "../../../lib/ports.ts";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
});

/** The list operations in the log from a record on. */
async function told(after = 0): Promise<readonly Json[]> {
  const records = (await world.records()).filter(({ number }) => number > after);
  return records.flatMap(({ record }) =>
    record.kind === "change" ? record.changes.map((change) => (change.do === "list" ? change.operation : change.do)) : [],
  );
}

/** Makes a list with these items. */
async function list(name: string, items: readonly Json[]): Promise<void> {
  expect(await world.status("POST", "", { json: { [name]: { _type: "list" } } })).toBe(201);
  if (items.length > 0) {
    expect(await world.status("POST", `${name}/items`, { json: { operation: "extend", items } })).toBe(201);
  }
}

const items = async (name: string): Promise<Json> => (await world.ask("GET", name)).json;

describe("a list property", () => {
  it("is made empty, and appended to, each with its record", async () => {
    const made = await world.ask("POST", "", { json: { memo: { _type: "list", description: "what to do" } } });
    expect([made.status, made.json]).toEqual([201, { memo: { _list: true, count: 0 } }]);
    expect(await items("memo")).toEqual([]);
    const first = await world.ask("POST", "memo", { json: { t: "hi" } });
    expect([first.status, first.headers["location"]]).toEqual([
      201,
      `https://us.example/${world.actorId}/properties/memo/0`,
    ]);
    expect((await world.ask("POST", "memo", { body: "plain" })).headers["location"]).toMatch(/memo\/1$/);
    expect(await items("memo")).toEqual([{ t: "hi" }, "plain"]);
    expect(await world.state()).toEqual({ memo: { _list: true, count: 2 } });
    expect(await told()).toEqual([
      { list: "memo", operation: "metadata", description: "what to do", explanation: "", length: 0 },
      { list: "memo", operation: "append", item: { t: "hi" }, length: 1 },
      { list: "memo", operation: "append", item: "plain", length: 2 },
    ]);
  });
});
