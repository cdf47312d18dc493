import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { FunctionFailed, FunctionTimedOut, inProcess, WorkerFunction } from "../../../infra/local/functions.ts";
import { temporaryFolder } from "./emulated.ts";

const SOURCE = `
const mine = process.env.MINE;
let calls = 0;
export const handler = async (event, context) => {
  calls += 1;
  switch (event.what) {
    case "environment": return { mine, now: process.env.MINE, names: Object.keys(process.env).sort() };
    case "context": return { id: context.awsRequestId, name: context.functionName, left: context.getRemainingTimeInMillis() };
    case "calls": return calls;
    case "wait": {
      while (context.getRemainingTimeInMillis() > 4000) await new Promise((resolve) => setTimeout(resolve, 5));
      return context.getRemainingTimeInMillis();
    }
    case "throw": throw new Error("on purpose");
    case "exit": process.exit(3);
    case "hang": for (;;);
    case "never": return new Promise(() => {});
    case "cyclic": { const loop = {}; loop.loop = loop; return loop; }
    case "large": return "x".repeat(6 * 1024 * 1024);
    case "quoted": return { statusCode: 200, body: '"'.repeat(3.1 * 1024 * 1024) };
    default: return undefined;
  }
};
`;

async function start(environment: Record<string, string> = {}) {
  const folder = await temporaryFolder();
  const file = join(folder, "index.mjs");
  await writeFile(file, SOURCE);
  const log: string[] = [];
  const one = new WorkerFunction({ name: "one", file, environment, log: (line) => log.push(line) });
  onTestFinished(() => one.close());
  return { one, log, ask: (what: string, timeoutMs = 5000) => one.invoke({ what }, timeoutMs) };
}

describe("a function in its thread", () => {
  it("sees its own environment and nothing else", async () => {
    const [a, b] = [await start({ MINE: "a" }), await start({ MINE: "b" })];
    expect(await a.ask("environment")).toEqual({ mine: "a", now: "a", names: ["MINE"] });
    expect(await b.ask("environment")).toEqual({ mine: "b", now: "b", names: ["MINE"] });
  });

  it("keeps its instance between invocations", async () => {
    const { ask } = await start();
    await ask("calls");
    expect(await ask("calls")).toBe(2);
  });

  it("gets its name, the request id and the time that is left", async () => {
    const { ask } = await start();
    const context = (await ask("context", 4000)) as { id: string; name: string; left: number };
    expect(context).toMatchObject({ id: expect.any(String), name: "one" });
    expect(context.left).toBeGreaterThan(2000);
    expect(context.left).toBeLessThanOrEqual(4000);
  });

  it("is left little time when it is hurried, for what runs and for what comes", async () => {
    const { one, ask } = await start();
    await ask("calls");
    const waiting = ask("wait", 3_600_000);
    one.hurry();
    expect(await waiting).toBeLessThanOrEqual(3000);
    expect(await ask("wait", 3_600_000)).toBeLessThanOrEqual(3000);
  });

  it("answers null for undefined", async () => {
    const { ask } = await start();
    expect(await ask("nothing")).toBeNull();
  });

  it.each(["throw", "cyclic", "large", "quoted"])("fails that invocation alone when it is to: %s", async (what) => {
    const { ask } = await start();
    await expect(ask(what)).rejects.toThrow(FunctionFailed);
    expect(await ask("calls")).toBe(2);
  });

  it("starts again after it has ended itself", async () => {
    const { ask } = await start();
    await expect(ask("exit")).rejects.toThrow("ended with code 3");
    expect(await ask("calls")).toBe(1);
  });

  it("serves other requests while one is late", async () => {
    const { ask } = await start();
    await expect(ask("never", 50)).rejects.toThrow(FunctionTimedOut);
    expect(await ask("calls")).toBe(2);
  });

  it("is ended and started again when it hangs", async () => {
    const { ask, log } = await start();
    await expect(ask("hang", 50)).rejects.toThrow(FunctionTimedOut);
    await expect(ask("calls", 20_000)).rejects.toThrow(FunctionFailed);
    expect(await ask("calls")).toBe(1);
    expect(log.join()).toContain("hangs");
  });

  it("says why it cannot start", async () => {
    const folder = await temporaryFolder();
    const file = join(folder, "index.mjs");
    await writeFile(file, "throw new Error('no such luck')");
    const one = new WorkerFunction({ name: "one", file, environment: {}, log: () => undefined });
    await expect(one.start()).rejects.toThrow("no such luck");
  });
});

describe("a handler in this process", () => {
  it("fails when its answer is over 6 MB as JSON, where a quote counts twice", async () => {
    const answers = (body: string) => inProcess("one", () => Promise.resolve({ statusCode: 200, body }));
    const MIB = 1024 * 1024;
    await expect(answers('"'.repeat(3.1 * MIB)).invoke({}, 5_000)).rejects.toThrow("larger than 6 MB");
    await expect(answers('"'.repeat(2.9 * MIB)).invoke({}, 5_000)).resolves.toMatchObject({ statusCode: 200 });
  });

  it("gets the event as JSON would carry it, and answers likewise", async () => {
    const seen: unknown[] = [];
    const one = inProcess("one", (event) => {
      seen.push(event);
      return Promise.resolve({ at: new Date(0), gone: undefined });
    });
    expect(await one.invoke({ a: undefined, b: new Date(0) }, 1000)).toEqual({ at: "1970-01-01T00:00:00.000Z" });
    expect(seen).toEqual([{ b: "1970-01-01T00:00:00.000Z" }]);
  });
});
