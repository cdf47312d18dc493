/** Writers of one actor in one process: they line up for their commits, and for nothing else. */
import { expect, it } from "vitest";
import { DeliveryWorld } from "./delivery-world.ts";

it("a writer waits for no peer that gets the callbacks of another writer's change", async () => {
  const world = await DeliveryWorld.begin();
  const { peer } = await world.subscriber("slow", { target: "properties", subtarget: "a" });
  peer.mood = "hangs";
  let answered = false;
  const first = world.set("a", 1).finally(() => (answered = true));
  await expect.poll(() => peer.seen.length).toBe(1);
  for (const name of ["b", "c"]) expect((await world.set(name, 1)).status).toBe(204);
  expect(answered).toBe(false);
  peer.letGo();
  expect((await first).status).toBe(204);
});

it("a commit that commits to the same actor while it is planned does not wait for itself", async () => {
  const { host, actor: hosted } = await DeliveryWorld.begin();
  const actor = host.service.actorOf(hosted.id);
  const made = await host.service.commits.commit(hosted.id, [], async () => {
    await actor.properties.set("inner", 1);
    return undefined;
  });
  expect([made, await actor.properties.get("inner")]).toEqual([undefined, 1]);
});
