import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reservedPort } from "../../../support/ports.ts";
import { startPublisher, type Publisher } from "../../../support/publisher/publisher.ts";
import { ask } from "../../../support/publisher/wire.ts";

const MAIN = fileURLToPath(new URL("../../../support/publisher/main.ts", import.meta.url));

let child: ChildProcess;
let url: string;
let subscriber: Publisher;
beforeAll(async () => {
  subscriber = await startPublisher({ style: "ours", seed: 3 });
  const port = await reservedPort();
  const { PATH = "" } = process.env;
  child = spawn(process.execPath, [MAIN], {
    env: { PATH, PEER_PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  url = `http://127.0.0.1:${port}/demo`;
  expect(line.toString()).toBe(`peer ready ${url}\n`);
});
afterAll(async () => {
  child.kill("SIGKILL");
  await subscriber.close();
});

describe("npm run peer", () => {
  it("approves a peer that asks, and sends changes by hand to its subscribers", async () => {
    const { status, trust } = await subscriber.trusts.initiate(url, "friend");
    expect(status).toBe(201);
    const subscribe = { method: "POST", bearer: trust.secret, json: { target: "properties", granularity: "high" } };
    expect((await ask(`${url}/subscriptions/${subscriber.id}`, subscribe)).status).toBe(201);

    await ask(`${url}/properties/color`, { method: "PUT", raw: "red" });
    await ask(`${url}/properties/size`, { method: "PUT", raw: '{"w": 1}' });
    await ask(`${url}/properties/memo`, { method: "POST", raw: '{"t": "hi"}' });
    const notified = await ask(`${url}/properties/color`, { method: "DELETE" });
    expect(notified.json).toMatchObject({ callbacks: [{ sequence: 4 }] });
    expect((await ask(`${url}/properties`)).json).toEqual({ size: { w: 1 }, memo: [{ t: "hi" }] });
    const data = subscriber.received("POST", /callbacks/).map((call) => (call.body as { data: unknown }).data);
    expect(data.slice(0, 2)).toEqual([{ color: "red" }, { size: { w: 1 } }]);
    expect(data[3]).toEqual({ color: "" });
  });

  it("ends with 0 on SIGTERM", async () => {
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});
