import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Handler } from "../../../infra/local/functions.ts";
import { startLocalStack, type LocalStackOptions } from "../../../infra/local/stack.ts";
import { temporaryFolder } from "./emulated.ts";
import { smallService } from "./serving.ts";

async function open(options: LocalStackOptions = {}) {
  const dist = options.dist ?? (await smallService());
  const stack = await startLocalStack({ dist, log: () => undefined, ...options });
  onTestFinished(() => stack.close());
  const get = async (path: string): Promise<any> => (await fetch(`${stack.url}${path}`)).json();
  return { stack, get, dist };
}

/** An address that answers nothing until it is opened. */
async function gate(): Promise<{ url: string; open: () => void }> {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const server = createServer((_request, response) => void opened.then(() => response.end()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => {
      open();
    },
  };
}

describe("the local stack", () => {
  it("gives each function the variables of the template, local addresses, and local defaults", async () => {
    const { stack, get } = await open({ environment: { GAP_TIMEOUT_SECONDS: "2", SOMETHING: "else" } });
    const environment = await get("/environment");
    expect(environment).toMatchObject({
      TABLE_NAME: stack.tableName,
      BASE_URL: stack.url,
      QUEUE_URL: stack.queueUrl,
      DYNAMODB_ENDPOINT: stack.endpoint,
      ACTOR_CREATION: "open",
      ALLOW_HTTP_PEERS: "true",
      ALLOW_PRIVATE_PEERS: "true",
      CALLBACK_MODE: "async",
      BUS: "memory",
      GAP_TIMEOUT_SECONDS: "2",
      INCARNATION: expect.stringMatching(/^local-/),
    });
    expect(environment).not.toHaveProperty("SOMETHING");
  });

  it.each([
    ["none", "none"],
    // EventBridge is out of reach here; the log shows what it would be sent.
    ["eventbridge", "memory"],
  ])("has, for the event bus %s, the transport %s", async (given, transport) => {
    const { get } = await open({ environment: { BUS: given } });
    expect((await get("/environment")).BUS).toBe(transport);
  });

  it("has another incarnation at each start", async () => {
    const incarnations = [];
    for (let start = 0; start < 2; start += 1)
      incarnations.push((await (await open()).get("/environment")).INCARNATION);
    expect(incarnations[0]).not.toBe(incarnations[1]);
  });

  it("takes an operator's variable before the local default", async () => {
    const { get } = await open({ environment: { ACTOR_CREATION: "closed", BASE_URL: "https://example.org" } });
    expect(await get("/environment")).toMatchObject({ ACTOR_CREATION: "closed", BASE_URL: "https://example.org" });
  });

  it("refuses an operator's variable that no function accepts, before anything runs", async () => {
    await expect(open({ environment: { MAX_PENDING: "many" } })).rejects.toThrow(/MAX_PENDING.*"many"/);
  });

  it("runs the sweep and delivers messages when asked", async () => {
    const { stack, get } = await open();
    await stack.runSweep();
    expect(await get("/scheduler")).toEqual({ text: "Scheduled Event" });
    await fetch(`${stack.url}/send`);
    await stack.deliverDue();
    expect(await get("/worker")).toEqual({ text: "hello" });
  });

  it("drops delayed messages when the queue is disabled", async () => {
    const { stack, get } = await open({ environment: { QUEUE_DISABLED: "1" } });
    expect((await fetch(`${stack.url}/send`)).status).toBe(202);
    await stack.deliverDue();
    expect(await get("/worker")).toEqual({ text: null });
  });

  it("runs handlers of this process where they are given", async () => {
    const { get } = await open({ handlers: { web: () => Promise.resolve({ here: process.pid }) } });
    expect(await get("/x")).toEqual({ here: process.pid });
  });

  it("leaves requests that wait little time when it stops, and sends their answers", async () => {
    const arrived = Promise.withResolvers<{ getRemainingTimeInMillis(): number }>();
    const release = Promise.withResolvers<undefined>();
    const web: Handler = async (_, context) => {
      arrived.resolve(context);
      await release.promise;
      return { done: true };
    };
    const { stack, get } = await open({ handlers: { web } });
    const inFlight = get("/x");
    const context = await arrived.promise;
    expect(context.getRemainingTimeInMillis()).toBeGreaterThan(3000);
    const closed = stack.close();
    expect(context.getRemainingTimeInMillis()).toBeLessThanOrEqual(3000);
    release.resolve(undefined);
    expect(await inFlight).toEqual({ done: true });
    await closed;
  });

  it("uses the table of another endpoint when that is set", async () => {
    const one = await open();
    await one.stack.runSweep();
    const two = await open({ environment: { DYNAMODB_ENDPOINT: one.stack.endpoint } });
    expect(await two.get("/scheduler")).toEqual({ text: "Scheduled Event" });
    expect((await two.get("/environment")).INCARNATION, "others may hold leases there").toBe("shared");
  });

  it("finishes the background work of a function, and keeps its result", async () => {
    const dataDir = await temporaryFolder();
    const { stack, get, dist } = await open({ dataDir });
    const { url, open: openGate } = await gate();
    expect(await get(`/later?after=${encodeURIComponent(url)}`)).toEqual({ text: null });
    const closed = stack.close();
    openGate();
    await closed;
    const again = await open({ dataDir, dist });
    expect(await again.get("/later")).toEqual({ text: "done" });
  });

  it("does not start with an app that cannot be loaded", async () => {
    const dist = await smallService();
    await writeFile(join(dist, "web/index.mjs"), 'throw new Error("no such luck");');
    await expect(open({ dist })).rejects.toThrow("no such luck");
  });

  it("starts the functions behind the schedule and the queue with their first events", async () => {
    const dist = await smallService();
    await writeFile(join(dist, "scheduler/index.mjs"), 'throw new Error("no such luck");');
    const log: string[] = [];
    const { stack } = await open({ dist, log: (line) => log.push(line) });
    expect(log.filter((line) => line.includes("no such luck"))).toEqual([]);
    await expect(stack.runSweep()).rejects.toThrow();
    expect(log.filter((line) => line.includes("no such luck"))).not.toEqual([]);
  });

  it("names what to do when nothing was built", async () => {
    const dist = await temporaryFolder();
    await expect(open({ dist })).rejects.toThrow(/nothing was built yet.*npm run build/);
  });
});
