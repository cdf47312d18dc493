import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { until } from "../../support/service.ts";
import { temporaryFolder } from "./emulated.ts";
import { serve, start } from "./serving.ts";

const portOf = (url: string): string => new URL(url).port;
const health = async (url: string): Promise<number> => (await fetch(`${url}/healthz`)).status;

/** Waits until nothing answers at the port. */
async function gone(url: string): Promise<void> {
  const refused = () =>
    fetch(url).then(
      () => false,
      () => true,
    );
  await until("no answer any more", refused);
}

describe("the local server as a process", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "prints one line when it is ready, serves, and ends with 0 on %s",
    async (signal) => {
      const server = await serve({});
      expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(await health(server.url)).toBe(200);
      server.kill(signal);
      expect(await server.ended).toBe(0);
      expect(server.out()).toBe(`ready ${server.url}\n`);
      expect(server.errors(), "the log").toContain('"request"');
    },
  );

  it("prints the operator's BASE_URL when there is one", async () => {
    const server = await serve({ BASE_URL: "https://example.org/base" });
    expect(server.out()).toBe("ready https://example.org/base\n");
  });

  it("keeps what it answered, also after kill -9", async () => {
    const DATA_DIR = await temporaryFolder();
    const first = await serve({ DATA_DIR });
    const made = await fetch(first.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ creator: "someone" }),
    });
    const { id } = (await made.json()) as { id: string };
    first.kill("SIGKILL");
    await first.ended;
    const second = await serve({ DATA_DIR });
    expect((await fetch(`${second.url}/${id}/meta`)).status).toBe(200);
  });

  it("is two peers when it is started twice", async () => {
    const [one, two] = await Promise.all([serve({}), serve({})]);
    expect(one.url).not.toBe(two.url);
    expect([await health(one.url), await health(two.url)]).toEqual([200, 200]);
  });
});

describe("a server that cannot start names the reason and what to do, and ends with 1", () => {
  const refusal = async (environment: Record<string, string>): Promise<string> => {
    const server = await serve(environment);
    expect(await server.ended).toBe(1);
    expect(server.out()).toBe("");
    expect(server.errors(), "no stack trace").not.toMatch(/^ {4}at /m);
    return server.errors();
  };

  it("a port that is taken", async () => {
    const PORT = portOf((await serve({})).url);
    expect(await refusal({ PORT })).toMatch(new RegExp(`port ${PORT} .*another program has it.*choose another PORT`));
  });

  it.each(["http", "70000", "-1", "3000.5"])("PORT=%s", async (PORT) => {
    expect(await refusal({ PORT })).toContain(`PORT is "${PORT}", which is no port. Give`);
  });

  it.each(["0.0.0.0", "example.org", "192.168.1.1"])("HOST=%s, which others could reach", async (HOST) => {
    expect(await refusal({ HOST })).toContain("Give a loopback address");
  });

  it("a folder another server has open", async () => {
    const DATA_DIR = await temporaryFolder();
    await serve({ DATA_DIR });
    expect(await refusal({ DATA_DIR })).toMatch(/in use: .*Stop that one, or/);
  });

  it("a folder that cannot be made", async () => {
    const file = join(await temporaryFolder(), "file");
    await writeFile(file, "");
    expect(await refusal({ DATA_DIR: file })).toMatch(/cannot be used: .*another DATA_DIR/);
    expect(await refusal({ DATA_DIR: "/proc/nowhere" })).toMatch(/cannot be used: .*another DATA_DIR/);
  });

  it("an operator variable with a value it cannot have", async () => {
    expect(await refusal({ MAX_PENDING: "0" })).toMatch(/MAX_PENDING is "0"; allowed is/);
  });
});

describe("npm start", () => {
  it("builds, serves, and ends with the server's code", async () => {
    const started = await start({});
    expect(await health(started.url), started.errors()).toBe(200);
    started.kill("SIGTERM");
    expect(await started.ended).toBe(0);
    expect(started.out()).toBe(`ready ${started.url}\n`);
  });

  it("ends the server when it is killed", async () => {
    const started = await start({});
    expect(await health(started.url), started.errors()).toBe(200);
    started.kill("SIGKILL");
    await started.ended;
    await gone(started.url);
  });
});
