import { describe, expect, it } from "vitest";
import { withBus } from "../../../lib/listeners/bus-http.ts";
import { outcomeOfFailure, outcomeOfStatus } from "../../../lib/listeners/webhooks/outcome.ts";
import { PeerFailure, type EventBus, type PeerRequest, type BusAnswer } from "../../../lib/system/ports.ts";

const EVENT = {
  specversion: "1.0",
  id: "e1",
  source: "https://x.example/a",
  type: "t",
  subject: "orders.new",
  data: 1,
};

function bound(publication: BusAnswer) {
  const [published, sent]: [unknown[], string[]] = [[], []];
  const bus = {
    publish: (topic: string, event: unknown) =>
      Promise.resolve(publication).finally(() => published.push([topic, event])),
  } as unknown as EventBus;
  const http = withBus(
    {
      send: ({ url }) => {
        sent.push(url);
        return Promise.resolve({ status: 200, headers: {}, body: Buffer.from("") });
      },
    },
    bus,
  );
  return { http, published, sent };
}

const request = (url: string): PeerRequest => ({
  ...{ method: "POST", url },
  body: { bytes: Buffer.from(JSON.stringify(EVENT)), type: "application/cloudevents+json" },
});

describe("a webhook onto the event bus", () => {
  it.each([
    ["taken", "taken"],
    ["refused", "failed"],
    ["unavailable", "unavailable"],
    ["ambiguous", "ambiguous"],
  ] as const)("publishes the event under its topic, and takes %s for %s", async (outcome, is) => {
    const { http, published, sent } = bound({ outcome, error: "because" });
    const answer = await http.send(request("bus:")).catch((error: unknown) => error);
    const judged =
      answer instanceof PeerFailure
        ? outcomeOfFailure(answer)
        : outcomeOfStatus((answer as { status: number }).status, undefined, 0);
    expect(judged).toEqual({ is });
    expect(published).toEqual([["orders.new", EVENT]]);
    expect(sent).toEqual([]);
  });

  it("leaves every other request to the client of peers", async () => {
    const { http, published, sent } = bound({ outcome: "taken" });
    await http.send(request("https://y.example/bus:"));
    await http.send({ method: "GET", url: "bus:" });
    expect(sent).toEqual(["https://y.example/bus:", "bus:"]);
    expect(published).toEqual([]);
  });
});
