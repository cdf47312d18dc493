/** What a subscriber holds of what its publisher hides later, with `AUTO_DELETE_ON_REVOCATION` off and on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import type { Json } from "../support/publisher/json.ts";
import { startService, until, type Service } from "../support/service.ts";

const QUICK = { SWEEP_INTERVAL_SECONDS: "1", RECONCILE_INTERVAL_SECONDS: "0" };

let publishing: Service;
const subscribing: Service[] = [];
beforeAll(async () => {
  publishing = await startService({ ...QUICK, TRUST_AUTO_APPROVE: "friend" });
});
afterAll(async () => {
  await Promise.all([publishing, ...subscribing].map(async (service) => await service.dispose()));
});

async function following(environment: Record<string, string>) {
  const service = await startService({ ...QUICK, ...environment });
  subscribing.push(service);
  const [publisher, subscriber] = [await publishing.createActor(), await service.createActor()];
  await subscriber.expect("POST", "/trust", 201, { url: publisher.uri, relationship: "friend" });
  const permit = async (excluded: string[], status: number): Promise<void> => {
    const json = { properties: { excluded_patterns: excluded } };
    await publisher.expect("PUT", `/trust/friend/${subscriber.id}/permissions`, status, json);
  };
  await permit(["size"], 201);
  await publisher.expect("POST", "/properties", 201, {
    color: "red",
    size: 5,
    profile: { name: "N", ssn: 7 },
    rows: { _type: "list" },
  });
  await publisher.expect("POST", "/properties/rows", 201, "one");
  const json = { peerid: publisher.id, target: "properties", granularity: "high" };
  await subscriber.fetch("POST", "/subscriptions", { json });
  return { publisher, subscriber, permit };
}

async function replica(subscriber: OwnedActor, publisher: OwnedActor): Promise<Record<string, Json>> {
  const answer = await subscriber.expect("GET", `/peers/${publisher.id}/properties`, 200);
  const { data } = answer as { data: Record<string, { value: Json }> };
  return Object.fromEntries(Object.entries(data).map(([name, { value }]) => [name, value]));
}

describe("a publisher that grants one place and hides others in the same callback", () => {
  it("leaves the hidden places in the subscriber's copy", async () => {
    const { publisher, subscriber, permit } = await following({ AUTO_DELETE_ON_REVOCATION: "false" });
    await until("the baseline", async () => (await replica(subscriber, publisher))["color"] === "red");
    await permit(["color", "profile/ssn", "rows"], 200);
    await until("what is granted", async () => (await replica(subscriber, publisher))["size"] === 5);
    expect(await replica(subscriber, publisher)).toEqual({
      color: "red",
      size: 5,
      profile: { name: "N", ssn: 7 },
      rows: ["one"],
    });
    // The next diff leaves out what is hidden, and takes nothing of it away.
    await publisher.expect("PUT", "/properties/profile/name", 204, "M");
    await until("the next change", async () => {
      const profile = (await replica(subscriber, publisher))["profile"] as { name: string };
      return profile.name === "M";
    });
    expect(await replica(subscriber, publisher)).toMatchObject({ color: "red", profile: { name: "M", ssn: 7 } });
  });

  it("removes them from the copy where the deployment says so", async () => {
    const { publisher, subscriber, permit } = await following({ AUTO_DELETE_ON_REVOCATION: "true" });
    await until("the baseline", async () => (await replica(subscriber, publisher))["color"] === "red");
    await permit(["color", "profile/ssn", "rows"], 200);
    await until("what is left", async () => {
      const left = Object.entries(await replica(subscriber, publisher)).toSorted();
      return JSON.stringify(left) === '[["profile",{"name":"N"}],["size",5]]';
    });
  });
});
