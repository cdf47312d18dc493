import { describe, expect, it } from "vitest";
import { peer } from "./serving.ts";

describe("the small publisher", () => {
  it("prints one line when it is ready, and ends with 0 on a signal", async () => {
    const one = await peer({ PEER_PORT: "0" });
    expect(one.out()).toMatch(/^peer ready http:\/\/127\.0\.0\.1:\d+\/demo\n$/);
    expect(await (await fetch(`${one.url}/meta`)).json()).toMatchObject({ id: "demo" });
    one.kill("SIGTERM");
    expect(await one.ended).toBe(0);
  });

  it("names the port that is in use, and what to do", async () => {
    const taken = new URL((await peer({ PEER_PORT: "0" })).url).port;
    const other = await peer({ PEER_PORT: taken });
    expect(await other.ended).toBe(1);
    expect(other.errors()).toBe(
      `Cannot listen on port ${taken} of 127.0.0.1: another program has it; stop that one, or choose another PEER_PORT.\n`,
    );
  });

  it.each(["http", "70000", "-1", "4000.5"])("refuses PEER_PORT=%s", async (PEER_PORT) => {
    const one = await peer({ PEER_PORT });
    expect(await one.ended).toBe(1);
    expect(one.errors()).toMatch(/^PEER_PORT is ".*", which is no port\. Give .*\n$/);
  });
});
