import { describe, expect, it } from "vitest";
import { Gate } from "../../../infra/local/dynamodb/gate.ts";

/** Work that is inside until it is let go. */
function gated() {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { work: () => promise, release: () => resolve(undefined) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("the gate", () => {
  it("lets shared work run side by side", async () => {
    const gate = new Gate();
    const first = gated();
    const one = gate.shared(first.work);
    await gate.shared(() => Promise.resolve());
    first.release();
    await one;
  });

  it("keeps exclusive work alone, and in the order of arrival", async () => {
    const gate = new Gate();
    const seen: string[] = [];
    const reader = gated();
    const one = gate.shared(reader.work);
    const writer = gated();
    const two = gate.exclusive(() => {
      seen.push("writer");
      return writer.work();
    });
    const three = gate.shared(() => Promise.resolve(seen.push("late reader")));
    await settle();
    expect(seen).toEqual([]);
    reader.release();
    await settle();
    expect(seen).toEqual(["writer"]);
    writer.release();
    await Promise.all([one, two, three]);
    expect(seen).toEqual(["writer", "late reader"]);
  });

  it("opens again after work that failed", async () => {
    const gate = new Gate();
    await expect(gate.exclusive(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await gate.exclusive(() => Promise.resolve(1))).toBe(1);
  });
});
