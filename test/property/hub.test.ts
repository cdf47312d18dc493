/** Random schedules of a hub: requests, answers, changes and withdrawals in several processes at the same time. */
import { describe, expect, it } from "vitest";
import { idle } from "../support/idle.ts";
import { jitteryTable } from "../support/jittery-table.ts";
import { seeded, type Random } from "../support/publisher/random.ts";
import { countFrom } from "../support/sizes.ts";
import { CALLBACK, HubWorld, MINUTE } from "../integration/websub/hub-world.ts";

const SCHEDULES = countFrom("SIMULATION_SCHEDULES", 15, 1_000);
const FIRST = Number(process.env["SIMULATION_SEED"] ?? 1);
const STEPS = 40;
const TOPICS = ["properties/blog", "properties/blog/a", "properties/list"];
const CALLBACKS = ["1", "2", "3", "4"].map((name) => `${CALLBACK}/${name}`);

const isMuch = (random: Random, percent: number): boolean => random.below(100) < percent;

/** One schedule, to its end and to rest. */
async function play(seed: number): Promise<void> {
  const random = seeded(seed);
  const hub = await new HubWorld({ table: jitteryTable(random) }).open();
  await hub.makePublic(["blog", "list"]);
  await hub.put("blog", { a: 0 });
  await hub.owner("POST", "/properties", { list: { _type: "list" } });
  await hub.work();
  const underWay = new Map<string, number>();
  const together: string[] = [];
  let isCalm = false;
  hub.network.hosts.set("https://s.example", async (request) => {
    const url = new URL(request.url);
    const isDelivery = request.method === "POST";
    const text = Buffer.from(request.body?.bytes ?? []).toString();
    const topic = /<([^>]*)>; rel="self"/.exec(request.headers?.["link"] ?? "")?.[1] ?? "";
    const name = `${topic} ${url.pathname}`;
    if (isDelivery) {
      underWay.set(name, (underWay.get(name) ?? 0) + 1);
      if ((underWay.get(name) ?? 0) > 1) together.push(name);
    }
    for (let rounds = random.below(6); rounds > 0; rounds -= 1) await new Promise((resolve) => setImmediate(resolve));
    if (isDelivery) underWay.set(name, (underWay.get(name) ?? 1) - 1);
    const status = isCalm || isMuch(random, 70) ? 200 : ([404, 410, 500, 429, 302][random.below(5)] ?? 500);
    hub.got.push({ method: request.method, url, headers: request.headers ?? {}, text, type: "" });
    return { status, headers: {}, text: url.searchParams.get("hub.challenge") ?? "", json: undefined };
  });

  let changes = 0;
  const step = async (): Promise<unknown> => {
    const topic = hub.topic(TOPICS[random.below(TOPICS.length)]);
    const callback = CALLBACKS[random.below(CALLBACKS.length)] ?? CALLBACK;
    switch (random.below(8)) {
      case 0:
      case 1:
        return await hub.ask({ "hub.topic": topic, "hub.callback": callback });
      case 2:
        return await hub.ask({ "hub.topic": topic, "hub.callback": callback, "hub.mode": "unsubscribe" });
      case 3:
      case 4:
        changes += 1;
        return await hub.put("blog", { a: changes, other: changes % 3 });
      case 5:
        return isMuch(random, 30) ? await hub.makePublic(isMuch(random, 50) ? ["list"] : ["blog", "list"]) : undefined;
      case 6:
        return await hub.owner("POST", "/properties/list", random.below(10));
      default:
        if (isMuch(random, 30)) hub.world.messages.splice(0);
        return await hub.world.sweep();
    }
  };
  const running: Promise<unknown>[] = [];
  for (let made = 0; made < STEPS; made += 1) {
    running.push(step());
    if (isMuch(random, 50)) running.push(hub.work());
    if (!isMuch(random, 40)) continue;
    await Promise.all(running.splice(0));
    if (isMuch(random, 40)) hub.world.now += random.below(10) * 10_000;
  }
  await Promise.all(running);
  isCalm = true;
  await hub.makePublic(["blog", "list"]);
  // Until every request that waits is verified, or has failed.
  for (let minute = 0; minute < 15; minute += 1) await hub.sweep(MINUTE);
  changes += 1;
  await hub.put("blog", { a: changes, other: "last" });
  await hub.owner("POST", "/properties/list", "last");
  // The longest pause of a retry is an hour, and leases are longer.
  for (let minute = 0; minute < 15; minute += 1) await hub.sweep(MINUTE);
  for (let hour = 0; hour < 3; hour += 1) await hub.sweep(61 * MINUTE);
  await idle();

  expect(together, `seed ${String(seed)}: two deliveries of one subscription at the same time`).toEqual([]);
  expect(await hub.contradictions(), `seed ${String(seed)}`).toEqual([]);
  for (const item of await hub.items("SUB#")) {
    const { active, path, callback, pending, withdrawnAt } = item;
    expect([pending, withdrawnAt], `seed ${String(seed)}: at rest`).toEqual([undefined, undefined]);
    const { text } = await hub.world.ask("GET", hub.topic(String(path)));
    const self = `<${hub.topic(String(path))}>; rel="self"`;
    const taken = hub.sent.filter(
      ({ url, headers }) => url.href === callback && (headers["link"] ?? "").includes(self),
    );
    const { revision, requested, failures } = active as unknown as { [name: string]: number };
    expect(failures, `seed ${String(seed)}`).toBe(0);
    const last = taken.at(-1)?.text;
    const topic = (await hub.items("TOPIC#")).find((each) => each["path"] === path);
    expect(Math.max(revision ?? 0, requested ?? 0), `seed ${String(seed)}`).toBeLessThanOrEqual(
      Number(topic?.["revision"]),
    );
    expect(last, `seed ${String(seed)}: ${String(path)} to ${String(callback)}`).toBe(text);
  }
}

describe("a hub in random schedules", () => {
  it("sends one state at a time, ends with the newest everywhere, and counts right", async () => {
    for (let seed = FIRST; seed < FIRST + SCHEDULES; seed += 1) await play(seed);
  });
});
