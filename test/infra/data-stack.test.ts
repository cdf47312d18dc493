import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { serviceTemplates } from "../support/service-templates.ts";

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

  it("has the keys-only index of due work, and no other", () => {
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
      ],
    });
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
