import { describe, expect, it } from "vitest";
import { readTemplates, resolve, type Template } from "../../../infra/local/template.ts";

const data: Template = {
  Resources: {
    Table1: {
      Type: "AWS::DynamoDB::Table",
      Properties: {
        AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        BillingMode: "PAY_PER_REQUEST",
        DeletionProtectionEnabled: true,
        TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
      },
    },
  },
  Outputs: { Name: { Value: { Ref: "Table1" }, Export: { Name: "Data:Table" } } },
};

const api: Template = {
  Resources: {
    Api1: { Type: "AWS::ApiGatewayV2::Api" },
    Dead1: { Type: "AWS::SQS::Queue" },
    Queue1: { Type: "AWS::SQS::Queue", Properties: { VisibilityTimeout: 90, RedrivePolicy: { maxReceiveCount: 4 } } },
    apiFunction12345678: {
      Type: "AWS::Lambda::Function",
      Properties: { Timeout: 29, Environment: { Variables: { TABLE_NAME: { "Fn::ImportValue": "Data:Table" } } } },
    },
    Other1: { Type: "AWS::Lambda::Function", Metadata: { function: "worker" }, Properties: { Timeout: 60 } },
    Integration1: {
      Type: "AWS::ApiGatewayV2::Integration",
      Properties: { IntegrationUri: { "Fn::GetAtt": ["apiFunction12345678", "Arn"] }, TimeoutInMillis: 29000 },
    },
    Route1: {
      Type: "AWS::ApiGatewayV2::Route",
      Properties: { RouteKey: "ANY /", Target: { "Fn::Join": ["", ["integrations/", { Ref: "Integration1" }]] } },
    },
    Mapping1: {
      Type: "AWS::Lambda::EventSourceMapping",
      Properties: {
        BatchSize: 1,
        ScalingConfig: { MaximumConcurrency: 7 },
        EventSourceArn: { "Fn::GetAtt": ["Queue1", "Arn"] },
        FunctionName: { Ref: "Other1" },
      },
    },
    Rule1: { Type: "AWS::Events::Rule", Properties: { Targets: [{ Arn: { "Fn::GetAtt": ["Other1", "Arn"] } }] } },
  },
};

describe("the service as read from the templates", () => {
  it("is the table, the routes with their functions, the queue with its consumer, and the schedule", () => {
    expect(readTemplates(data, api)).toEqual({
      table: {
        AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        BillingMode: "PAY_PER_REQUEST",
      },
      ttlAttribute: "ttl",
      functions: [
        { name: "api", timeoutMs: 29_000, environment: { TABLE_NAME: { "Fn::ImportValue": "Data:Table" } } },
        { name: "worker", timeoutMs: 60_000, environment: {} },
      ],
      routes: [{ routeKey: "ANY /", functionName: "api", timeoutMs: 29_000 }],
      queue: {
        logicalId: "Queue1",
        visibilitySeconds: 90,
        maxReceives: 4,
        consumer: "worker",
        batchSize: 1,
        concurrency: 7,
      },
      scheduled: "worker",
    });
  });

  it("names the missing part", () => {
    expect(() => readTemplates({ Resources: {} }, api)).toThrow("holds no table");
  });
});

describe("a reference in a function's environment", () => {
  const places = { tableName: "table", queueUrl: "http://queue/1", baseUrl: "http://here" };
  it.each([
    ["text", "text"],
    [{ "Fn::ImportValue": "Data:Table" }, "table"],
    [{ Ref: "Queue1" }, "http://queue/1"],
    [{ "Fn::GetAtt": ["Api1", "ApiEndpoint"] }, "http://here"],
    [{ "Fn::Join": ["-", ["a", { Ref: "Table1" }]] }, "a-table"],
  ])("%j stands for %s", (value, text) => {
    expect(resolve(value, places, data, api)).toBe(text);
  });

  it("to something that is not here is an error that shows it", () => {
    expect(() => resolve({ Ref: "Nothing" }, places, data, api)).toThrow('{"Ref":"Nothing"}');
  });
});
