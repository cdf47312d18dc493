import { expect, it } from "vitest";
import { PropertyWorld } from "./world.ts";

it("an actor's own code gets, sets and deletes its properties, with their records", async () => {
  const world = await PropertyWorld.open();
  const { properties } = world.services.actorOf(world.actorId);
  await properties.set("color", "red");
  await properties.set("car", 4, ["wheels", "left"]);
  expect(await properties.get("color")).toBe("red");
  expect(await properties.get("car", ["wheels"])).toEqual({ left: 4 });
  expect(await properties.get("none")).toBeUndefined();
  await properties.delete("car", ["wheels", "left"]);
  await properties.delete("none");
  await properties.set("color", "");
  expect(await properties.all()).toEqual({ car: { wheels: {} } });
  expect(await world.state()).toEqual({ car: { wheels: {} } });
  expect(await world.records()).toHaveLength(4);
  await properties.delete("color");
  expect(await world.records()).toHaveLength(4);
});

it("refuses places that cannot exist, values that cannot be stored, and paths through values", async () => {
  const world = await PropertyWorld.open();
  const { properties } = world.services.actorOf(world.actorId);
  await properties.set("color", "red");
  await expect(properties.set("a/b", 1)).rejects.toMatchObject({ code: "request.invalid" });
  await expect(properties.get("a", ["b/c"])).rejects.toMatchObject({ code: "request.invalid" });
  await expect(properties.set("color", 1, ["deep"])).rejects.toMatchObject({ code: "resource.conflict" });
  await expect(properties.set("a", "x".repeat(262_144))).rejects.toMatchObject({ code: "request.too_large" });
  expect(await properties.all()).toEqual({ color: "red" });
});
