/** Readers that ask for anything: an answer that says which parameter is wrong, and never a fault of the service. */
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { positionAfter } from "../../../lib/domain/events/position.ts";
import { bearer } from "../../support/in-process.ts";
import { ReaderWorld } from "./reader-world.ts";

const PARAMETERS = ["from", "topics", "types", "limit", "wait", "offset", "live", "cursor", "other"];

let world: ReaderWorld;
let atRoot = "";
beforeAll(async () => {
  world = await ReaderWorld.begin({ environment: { ALL_EVENTS: "true", OPERATOR_TOKEN: "operator" } });
  for (const name of ["a", "b", "private"]) await world.put(name, { name });
  await world.publish("orders.new", 1);
  world.whole.now += 20_000;
  const { headers } = await world.whole.ask("HEAD", "/events", { headers: bearer("operator") });
  atRoot = headers["stream-next-offset"] ?? "";
});

/** Known when the service is there. */
const positions = (): readonly string[] => [
  ...["earliest", "now", "-1", atRoot, atRoot.slice(0, -1), `${atRoot}A`],
  ...[0, 1, 4, 5, Number.MAX_SAFE_INTEGER].map((record) => positionAfter(1, record)),
  ...["0001-0000000000000001-000000", "0001-0000000000000001-000009", "0000-0000000000000001-z", "0001-1-z"],
];
const sensible = fc.constantFrom(
  ...[">", "*", "*.>", "properties.*", "*.$sys.>", "$sys.>", "org.actingweb.*", "long-poll"],
);
const value = fc.oneof(
  fc.nat(20).map((at) => positions()[at] ?? ""),
  sensible,
  fc.integer({ min: -5, max: 1_005 }).map(String),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ maxLength: 600 }),
);
const query = fc.array(fc.tuple(fc.constantFrom(...PARAMETERS), value), { maxLength: 5 });

it("are answered 200, 204, 304 or 410, or 400 that names a parameter", async () => {
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(query, fc.boolean(), fc.boolean(), async (given, ofAll, isHead) => {
      const text = new URLSearchParams(given).toString();
      const at = ofAll ? "/events" : `${world.owner.root}/events`;
      const headers = ofAll ? bearer("operator") : { ...world.owner.as };
      const answer = await world.whole.ask(isHead ? "HEAD" : "GET", `${at}?${text}`, { headers });
      seen.add(answer.status);
      expect([200, 204, 400, 410]).toContain(answer.status);
      if (answer.status === 400 && !isHead) expect(PARAMETERS).toContain(answer.json.error.field);
      if (answer.status < 300) expect(answer.headers["stream-next-offset"]).toMatch(/^[A-Za-z0-9._-]{1,512}$/);
    }),
    { numRuns: 300 },
  );
  expect([...seen]).toEqual(expect.arrayContaining([200, 400, 410]));
});
