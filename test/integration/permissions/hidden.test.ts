import { beforeEach, describe, expect, it } from "vitest";
import { bearer } from "../../support/in-process.ts";
import { DeliveryWorld, type Subscribed } from "../delivery/delivery-world.ts";

const WRITERS = 8;
const ROUNDS = 12;

let world: DeliveryWorld;
let all: Subscribed;
let one: Subscribed;
beforeEach(async () => {
  world = await DeliveryWorld.begin({ environment: { DELIVERED_KEEP_SECONDS: "86400" } });
  all = await world.subscriber("bob");
  one = await world.subscriber("carol", { target: "properties", subtarget: "secret" });
});

const hide = async (peer: string) =>
  await world.host.ask("PUT", `${world.actor.root}/trust/friend/${peer}/permissions`, {
    headers: world.actor.as,
    json: { properties: { excluded_patterns: ["secret"] } },
  });

/** As its peer sees it. */
const read = async ({ peer }: Subscribed, path: string) =>
  await world.host.ask("GET", `${world.actor.root}/${path}`, { headers: bearer(peer.secret) });

/** Everything that a peer can read of its subscription and of the properties, as text. */
async function readable(subscribed: Subscribed): Promise<string> {
  const { peer, id } = subscribed;
  const below = `subscriptions/${peer.id}/${id}`;
  const { sequence } = (await read(subscribed, below)).json as { sequence: number };
  const paths = [
    ...["properties", "properties?metadata=true", "properties?format=full", "properties/secret", below],
    ...Array.from({ length: sequence }, (_, index) => `${below}/${String(index + 1)}`),
  ];
  return (await Promise.all(paths.map(async (path) => (await read(subscribed, path)).text))).join("\n");
}

describe("a property that is hidden from a peer while others change it", () => {
  it("is nowhere in what the peer can read from then on, and takes no number", async () => {
    let hidden = false;
    const writer = async (name: string): Promise<void> => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const [place, what] = round % 2 === 0 ? ["secret", "classified"] : [`open${name}`, "public"];
        expect((await world.set(`${place}/${name}`, { what, hidden, round })).status).toBe(204);
      }
    };
    const work = Promise.all(Array.from({ length: WRITERS }, async (_, index) => await writer(String(index))));
    for (let writes = 0; writes < 20; writes += 1) await world.set("open", writes);
    await Promise.all([hide("bob"), hide("carol")]);
    hidden = true;
    await work;
    for (let writes = 0; writes < 4; writes += 1) await world.set("secret/late", { what: "classified", hidden: true });
    await world.set("open", "last");

    for (const subscribed of [all, one]) expect(await readable(subscribed)).not.toContain("classified");
    // A write that began after the answer to the change is in no callback either.
    const late = [all, one].flatMap(({ peer }) =>
      peer.seen.filter(({ body }) => /"hidden":true/.test(JSON.stringify(body))),
    );
    expect(late.filter(({ body }) => JSON.stringify(body).includes("classified"))).toEqual([]);

    const { changeLog } = world.host.service;
    const { records } = await changeLog.read(world.actor.id, 0, await changeLog.newest(world.actor.id));
    for (const { peer, id } of [all, one]) {
      const from = records.findIndex(({ record }) => record.kind === "permissions" && record.peerId === peer.id);
      const made = records.filter(({ record }, index) => {
        if (record.kind !== "change" || record.changes[0]?.do !== "set") return false;
        const isSecret = record.changes[0].path[0] === "secret";
        return isSecret ? index < from : peer === all.peer;
      });
      const { state } = await world.head({ peer, id });
      expect(from).toBeGreaterThan(0);
      expect((await read({ peer, id }, `subscriptions/${peer.id}/${id}`)).json.sequence).toBe(made.length);
      expect(state.sequence).toBeLessThanOrEqual(made.length);
      expect(peer.sequences(id)).toEqual(Array.from({ length: made.length }, (_, index) => index + 1));
    }
  });
});
