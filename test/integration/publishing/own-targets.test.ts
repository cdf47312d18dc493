import { describe, expect, it, vi } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { StateHook } from "../../../lib/application/hooks.ts";
import { bearer, Network } from "../../support/in-process.ts";
import { WholeService } from "../../support/whole-service.ts";

const SECRET = "s".repeat(40);

async function serving(hook: StateHook, environment: Record<string, string> = {}) {
  const app = new ActingWebApp({ awType: "urn:test", desc: "test" }).stateHook("resources", hook);
  const world = new WholeService(new Network(), "https://a.example", { app, environment });
  const alice = await world.actor();
  await world.trusts(alice.id, "bob", "https://b.example/bob", SECRET, "associate");
  const ask = async (path: string, as: Record<string, string> = bearer(SECRET), method = "GET") =>
    await world.ask(method, `/${alice.id}/${path}`, { headers: as });
  return { world, alice, ask };
}

describe("an own target", () => {
  it("is what its state hook says of each place, to peers and to the creator", async () => {
    const { alice, ask } = await serving(({ actor, peerId, subtarget, resource }) => ({
      ...{ of: actor.id, to: peerId ?? "owner" },
      ...{ subtarget: subtarget ?? null, resource: resource ?? null },
    }));
    const whole = await ask("resources");
    expect([whole.status, whole.headers["content-type"]]).toEqual([200, "application/json"]);
    expect(whole.json).toEqual({ of: alice.id, to: "bob", subtarget: null, resource: null });
    expect((await ask("resources/files")).json).toMatchObject({ subtarget: "files", resource: null });
    expect((await ask("resources/files/a/b", alice.as)).json).toMatchObject({
      ...{ to: "owner", subtarget: "files", resource: "a/b" },
    });
  });

  it.each([["text"], [0], [null], [false], [[1, 2]], [{}]])("gives %j as JSON", async (state) => {
    const { ask } = await serving(() => state);
    const answer = await ask("resources");
    expect([answer.status, answer.text]).toEqual([200, JSON.stringify(state)]);
  });

  it("is 404 where the hook has nothing", async () => {
    const { ask } = await serving(({ subtarget }) => (subtarget === undefined ? {} : undefined));
    expect((await ask("resources/none")).status).toBe(404);
  });

  it("is closed to strangers and to wrong bearers", async () => {
    const { ask } = await serving(() => ({}));
    expect((await ask("resources", {})).status).toBe(401);
    expect((await ask("resources", bearer("wrong"))).status).toBe(403);
  });

  it("takes no other method", async () => {
    const { ask } = await serving(() => ({}));
    const answer = await ask("resources/x", bearer(SECRET), "PUT");
    expect([answer.status, answer.headers["allow"]]).toEqual([405, "GET, HEAD"]);
  });

  it.each([
    ["a throw", () => Promise.reject(new Error("the disk of a.example is full"))],
    ["what is no JSON", () => Symbol.iterator as unknown as null],
    ["a function", () => (() => 1) as unknown as null],
  ])("answers %s of the hook with a plain 500, and logs it", async (_, hook) => {
    const { world, ask } = await serving(hook);
    const answer = await ask("resources");
    expect([answer.status, answer.json.error.code]).toEqual([500, "internal_error"]);
    expect(answer.text).not.toContain("disk");
    expect(world.logged).toContainEqual(
      expect.objectContaining({ level: "error", message: "state hook failed", fields: expect.anything() }),
    );
  });

  it("does not wait for a hook that hangs", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { ask } = await serving(() => new Promise(() => undefined), { HOOK_TIMEOUT_SECONDS: "2" });
      let status = 0;
      void ask("resources").then((answer) => (status = answer.status));
      await vi.advanceTimersByTimeAsync(1_900);
      expect(status).toBe(0);
      await vi.advanceTimersByTimeAsync(200);
      expect(status).toBe(500);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is too large over 5 MiB", async () => {
    const { ask } = await serving(() => "x".repeat(5 * 1_024 * 1_024));
    expect((await ask("resources")).status).toBe(413);
  });
});

describe("a path that is no target's", () => {
  it.each([
    ...["nothing", "nothing/below", "trust/a/b/c/d", "properties/", "constructor", "__proto__"],
    ...["healthz", "resourcesx"],
  ])("is 404 whatever the method: %s", async (path) => {
    const { ask } = await serving(() => ({}));
    expect((await ask(path)).status).toBe(404);
    expect((await ask(path, {}, "DELETE")).status).toBe(404);
  });

  it("cannot be taken from the service by a hook", () => {
    const app = new ActingWebApp({ awType: "urn:test", desc: "test" });
    for (const name of ["properties", "trust", "subscriptions", "callbacks", "meta"]) {
      expect(() => app.stateHook(name, () => null)).toThrow("is the service's own");
    }
  });
});
