import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { LAYOUT } from "../../infra/local/layout.ts";
import { functionsByName, serviceTemplates, type Resource } from "../support/service-templates.ts";

const { data } = serviceTemplates();

describe("the data stack", () => {
  it("has one table, paid per request, with string keys", () => {
    data.resourceCountIs("AWS::DynamoDB::Table", 1);
    data.hasResourceProperties("AWS::DynamoDB::Table", {
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      AttributeDefinitions: Match.arrayWith([
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
        { AttributeName: "dueShard", AttributeType: "S" },
        { AttributeName: "dueAt", AttributeType: "N" },
      ]),
    });
  });

  it("has the keys-only indexes of due work and of actors that have changed, and no other", () => {
    data.hasResourceProperties("AWS::DynamoDB::Table", {
      GlobalSecondaryIndexes: [
        {
          IndexName: "due",
          KeySchema: [
            { AttributeName: "dueShard", KeyType: "HASH" },
            { AttributeName: "dueAt", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
        ...[1, 2].map((at) => ({
          IndexName: `feed${String(at)}`,
          KeySchema: [
            { AttributeName: "feedShard", KeyType: "HASH" },
            { AttributeName: `feedAt${String(at)}`, KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        })),
      ],
    });
  });

  it("has the indexes of the layout that local data folders are marked with: another index needs another layout", () => {
    const [table] = Object.values(data.findResources("AWS::DynamoDB::Table") as Record<string, Resource>);
    const indexes = (table?.Properties["GlobalSecondaryIndexes"] as { IndexName: string }[]).map(
      (one) => one.IndexName,
    );
    expect({ layout: LAYOUT, indexes }).toEqual({ layout: 4, indexes: ["due", "feed1", "feed2"] });
  });

  it("expires items, recovers to a point in time, encrypts, and refuses deletion", () => {
    data.hasResourceProperties("AWS::DynamoDB::Table", {
      TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
      DeletionProtectionEnabled: true,
    });
  });

  it("keeps the table when the stack is deleted or replaces it", () => {
    data.hasResource("AWS::DynamoDB::Table", { DeletionPolicy: "Retain", UpdateReplacePolicy: "Retain" });
    expect(Object.keys(data.toJSON()["Resources"] as object)).toHaveLength(1);
  });
});

describe("the event bus", () => {
  it("is made when BUS is eventbridge, under a name that both stacks know without an export", () => {
    const { data: withBus, api } = serviceTemplates({ BUS: "eventbridge" });
    withBus.resourceCountIs("AWS::Events::EventBus", 1);
    withBus.hasResourceProperties("AWS::Events::EventBus", { Name: "ActingWeb-Events" });
    withBus.hasOutput("EventBusName", {});
    const names = [...functionsByName(api)].map(([name, { Properties }]) => {
      const { BUS, EVENT_BUS_NAME } = Properties["Environment"].Variables;
      return [name, BUS, EVENT_BUS_NAME];
    });
    expect(names).toHaveLength(4);
    for (const [, ...given] of names) expect(given).toEqual(["eventbridge", "ActingWeb-Events"]);
    const exports = Object.values(withBus.toJSON()["Outputs"] as Record<string, { Export?: unknown }>);
    const ofBus = exports.filter((output) => output.Export !== undefined && JSON.stringify(output).includes("Events"));
    expect(ofBus).toEqual([]);
  });

  it("belongs to the service, so that two of them share no bus", () => {
    const { data: second } = serviceTemplates({ BUS: "eventbridge" }, { name: "Second" });
    second.hasResourceProperties("AWS::Events::EventBus", { Name: "Second-Events" });
  });

  it.each(["none", "memory"])("is not made when BUS is %s", (bus) => {
    const { data: without, api } = serviceTemplates({ BUS: bus });
    without.resourceCountIs("AWS::Events::EventBus", 0);
    for (const { Properties } of functionsByName(api).values()) {
      expect(Properties["Environment"].Variables).not.toHaveProperty("EVENT_BUS_NAME");
    }
  });
});
