import { describe, expect, it } from "vitest";
import { EventBridgeBus } from "../../../lib/bus/event-bridge-bus.ts";
import { MemoryBus } from "../../../lib/bus/memory-bus.ts";
import { NoBus } from "../../../lib/bus/no-bus.ts";
import { busOf } from "../../../lib/compose/runtime.ts";
import { readConfig } from "../../../lib/system/config.ts";
import { BUS_DROPPED } from "../../../lib/system/metric-names.ts";

const event = { specversion: "1.0", id: "e1", source: "https://x.example/actor-1", type: "com.example.moved", data: 1 };

function made(environment: Record<string, string>) {
  const lines: [string, unknown][] = [];
  const note = (message: string, fields?: unknown): void => void lines.push([message, fields]);
  const config = readConfig({ BASE_URL: "https://x.example", TABLE_NAME: "t", ...environment });
  return { lines, bus: busOf(config, { info: note, warn: note, error: note }) };
}

describe("the event bus of an instance", () => {
  it.each([
    [{}, NoBus],
    [{ BUS: "memory" }, MemoryBus],
    [{ BUS: "eventbridge", EVENT_BUS_NAME: "events", AWS_REGION: "eu-north-1" }, EventBridgeBus],
  ])("has the transport that the configuration names: %j", (environment, transport) => {
    expect(made(environment).bus).toBeInstanceOf(transport);
  });

  it("in memory shows a developer what EventBridge would be sent", async () => {
    const { bus, lines } = made({ BUS: "memory" });
    await bus.publish("orders", event);
    const entry = { Source: "actingweb.actor-1", DetailType: "com.example.moved", Detail: JSON.stringify(event) };
    expect(lines).toEqual([["event bus", entry]]);
  });

  it("in memory logs no event on Lambda", async () => {
    const { bus, lines } = made({ BUS: "memory", AWS_LAMBDA_FUNCTION_NAME: "api" });
    await bus.publish("orders", event);
    expect(lines).toEqual([]);
  });

  it("in memory logs what a slow consumer loses", async () => {
    const { bus, lines } = made({ BUS: "memory", AWS_LAMBDA_FUNCTION_NAME: "api" });
    bus.subscribe("orders.*");
    for (let n = 0; n <= 1_024; n += 1) await bus.publish("orders.new", event);
    expect(lines).toEqual([[BUS_DROPPED, { pattern: "orders.*", dropped: 1 }]]);
  });
});
