import { describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { StateHook } from "../../../lib/application/hooks.ts";
import { defaultPermissions, mergePermissions } from "../../../lib/domain/policy/permissions.ts";
import { READS_ALL, readsOf } from "../../../lib/domain/policy/visibility.ts";
import { readSnapshot, type SnapshotDeps } from "../../../lib/publishing/snapshots/state-snapshot.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { Network } from "../../support/in-process.ts";
import { WholeService } from "../../support/whole-service.ts";

async function publishing(hook?: StateHook) {
  const app = new ActingWebApp({ awType: "urn:test", desc: "test" });
  if (hook !== undefined) app.stateHook("resources", hook);
  const world = new WholeService(new Network(), "https://a.example", { app });
  const alice = await world.actor();
  const own = world.service.actorOf(alice.id).properties;
  const { service } = world;
  const deps: SnapshotDeps = {
    ...service,
    log: service.changeLog,
    ownTarget: async (...of) => await service.stateHooks.text(...of),
  };
  const read = async (scope: { target?: string; subtarget?: string; resource?: string }, reads = READS_ALL) =>
    await readSnapshot(deps, alice.id, { peerId: "bob", target: "properties", ...scope }, reads);
  const full = async (scope = {}, reads = READS_ALL) => (await read(scope, reads)).data;
  const post = async (path: string, json: Json): Promise<void> => {
    const { status } = await world.ask("POST", `/${alice.id}/${path}`, { headers: alice.as, json });
    expect(status).toBe(201);
  };
  return { world, alice, own, full, post, read };
}

const LIST = { _list: true, count: 2, items: ["a", { b: 1 }], description: "d", explanation: "" };

async function withAll(hook?: StateHook) {
  const made = await publishing(hook);
  await made.own.set("color", "red");
  await made.own.set("home", { city: { name: "Oslo" }, secret: 1 });
  await made.own.set("private", { key: 1 });
  await made.post("properties", { l: { _type: "list", description: "d" } });
  await made.post("properties/l", "a");
  await made.post("properties/l", { b: 1 });
  return made;
}

describe("the full state of a subscription", () => {
  it("is everything by name at target level, lists with their items", async () => {
    const { full } = await withAll();
    expect(await full()).toEqual({
      color: "red",
      home: { city: { name: "Oslo" }, secret: 1 },
      private: { key: 1 },
      l: LIST,
    });
  });

  it.each([
    [{ subtarget: "color" }, "red"],
    [{ subtarget: "home", resource: "city" }, { name: "Oslo" }],
    [{ subtarget: "home", resource: "city/name" }, "Oslo"],
    [{ subtarget: "l" }, LIST],
    [{ subtarget: "l", resource: "0" }, undefined],
    [{ subtarget: "none" }, undefined],
    [{ subtarget: "home", resource: "none" }, undefined],
  ])("is the bare value of %j", async (scope, state) => {
    const { full } = await withAll();
    expect(await full(scope)).toEqual(state);
  });

  it("leaves out what the peer may not read, lists too", async () => {
    const { full } = await withAll();
    const hidden = { properties: { excluded_patterns: ["home/secret", "l"] } };
    const reads = readsOf(mergePermissions(defaultPermissions("friend"), hidden).properties);
    expect(await full({}, reads)).toEqual({ color: "red", home: { city: { name: "Oslo" } } });
    expect(await full({ subtarget: "l" }, reads)).toBeUndefined();
    expect(await full({ subtarget: "private" }, reads)).toBeUndefined();
  });

  it("says of which record it is", async () => {
    const { world, alice, read } = await withAll();
    const newest = await world.service.changeLog.newest(alice.id);
    expect((await read({})).record).toBe(newest);
  });

  it("of an own target is what its hook says for that peer", async () => {
    const hook: StateHook = ({ peerId, subtarget, resource }) => [peerId ?? "", subtarget ?? "", resource ?? ""];
    const { full } = await withAll(hook);
    expect(await full({ target: "resources", subtarget: "a", resource: "b/c" })).toEqual(["bob", "a", "b/c"]);
  });

  it.each([
    ["there is no hook", undefined],
    ["the hook says nothing", () => undefined],
    ["the hook fails", () => Promise.reject(new Error("broken"))],
    ["it is over 5 MiB", () => "x".repeat(6_000_000)],
  ])("of an own target is null when %s", async (_, hook) => {
    const { full } = await withAll(hook);
    expect(await full({ target: "resources" })).toBeNull();
  });

  it("is null over 5 MiB, while each part is given", async () => {
    const { own, full } = await publishing();
    for (let n = 0; n < 21; n += 1) await own.set(`p${n}`, "x".repeat(262_000));
    expect(await full()).toBeNull();
    expect(await full({ subtarget: "p3" })).toHaveLength(262_000);
  });
});
