import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { functions, type FunctionName } from "../../infra/functions.ts";
import { functionsByName, serviceTemplates, type Resource } from "../support/service-templates.ts";

const { api } = serviceTemplates();

describe("the functions", () => {
  it("run on Node 24, arm64, with 512 MB", () => {
    expect([...functionsByName(api).keys()].sort()).toEqual(Object.keys(functions).sort());
    api.allResourcesProperties("AWS::Lambda::Function", {
      Runtime: "nodejs24.x",
      Architectures: ["arm64"],
      MemorySize: 512,
      Handler: "index.handler",
    });
  });

  it("answer requests within 28 s and work in the background for a minute", () => {
    for (const [name, { Properties }] of functionsByName(api)) {
      const requests = functions[name as FunctionName].startedBy === "requests";
      expect([name, Properties["Timeout"]]).toEqual([name, requests ? 28 : 60]);
    }
  });

  it("keep every log a month, the access log included", () => {
    api.resourceCountIs("AWS::Logs::LogGroup", Object.keys(functions).length + 1);
    api.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 30 });
  });

  it("know the table, and the API's own endpoint as their base URL", () => {
    for (const { Properties } of functionsByName(api).values()) {
      expect(Properties["Environment"].Variables).toMatchObject({
        TABLE_NAME: { "Fn::ImportValue": expect.stringContaining("Table") },
        BASE_URL: { "Fn::GetAtt": [expect.stringContaining("Api"), "ApiEndpoint"] },
      });
    }
  });
});

describe("the gateway", () => {
  it("throttles its one stage, by the deployer's setting", () => {
    const limits = (context: Record<string, unknown>, rate: number, burst: number): void =>
      serviceTemplates({}, context).api.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
        StageName: "$default",
        DefaultRouteSettings: { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst },
      });
    limits({}, 200, 400);
    limits({ throttlingRateLimit: "7", throttlingBurstLimit: 9 }, 7, 9);
  });

  it("logs every request without fields that could contain a secret", () => {
    const [stage] = Object.values(api.findResources("AWS::ApiGatewayV2::Stage") as Record<string, Resource>);
    const { DestinationArn, Format } = stage?.Properties["AccessLogSettings"];
    expect(DestinationArn["Fn::GetAtt"][0]).toContain("AccessLog");
    expect(JSON.parse(Format)).toMatchObject({ requestId: "$context.requestId", status: "$context.status" });
    expect(Format).not.toMatch(/query|header|authorizer|body|protocol|\$context\.error\b/i);
  });
});

describe("the delay queue", () => {
  it("feeds the worker one message at a time, ten at once, and takes back only what failed", () => {
    api.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      BatchSize: 1,
      ScalingConfig: { MaximumConcurrency: 10 },
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      FunctionName: { Ref: functionsByName(api).get("worker")?.id },
    });
  });

  it("hides a message six times as long as the worker may run, then gives it up to the dead letters", () => {
    const seconds = functionsByName(api).get("worker")?.Properties["Timeout"];
    api.hasResourceProperties("AWS::SQS::Queue", {
      VisibilityTimeout: 6 * seconds,
      RedrivePolicy: { deadLetterTargetArn: Match.anyValue(), maxReceiveCount: 5 },
    });
  });

  it("is encrypted at rest and on the way, dead letters too", () => {
    api.resourceCountIs("AWS::SQS::Queue", 2);
    api.allResourcesProperties("AWS::SQS::Queue", { SqsManagedSseEnabled: true });
    api.resourceCountIs("AWS::SQS::QueuePolicy", 2);
    api.allResourcesProperties("AWS::SQS::QueuePolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
        ]),
      },
    });
  });
});

describe("the schedule", () => {
  it("starts the scheduler every minute and never twice for the same one", () => {
    const scheduler = functionsByName(api).get("scheduler")?.id;
    api.hasResourceProperties("AWS::Events::Rule", {
      ScheduleExpression: "rate(1 minute)",
      State: "ENABLED",
      Targets: [
        Match.objectLike({
          Arn: { "Fn::GetAtt": [scheduler, "Arn"] },
          RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
        }),
      ],
    });
    api.hasResourceProperties("AWS::Lambda::EventInvokeConfig", {
      FunctionName: { Ref: scheduler },
      MaximumRetryAttempts: 0,
    });
  });
});

describe("the alarms", () => {
  const alarmsOn = (metric: string): Resource["Properties"][] =>
    Object.values(api.findResources("AWS::CloudWatch::Alarm") as Record<string, Resource>)
      .map(({ Properties }) => Properties)
      .filter(({ MetricName }) => MetricName === metric);

  it("watch every function's errors and throttles", () => {
    expect(alarmsOn("Errors")).toHaveLength(Object.keys(functions).length);
    expect(alarmsOn("Throttles")).toHaveLength(Object.keys(functions).length);
  });

  it("watch the dead letters and that the sweep runs", () => {
    expect(alarmsOn("ApproximateNumberOfMessagesVisible")).toMatchObject([
      {
        Threshold: 1,
        Dimensions: [
          { Name: "QueueName", Value: { "Fn::GetAtt": [expect.stringContaining("DeadLetters"), "QueueName"] } },
        ],
      },
    ]);
    expect(alarmsOn("Invocations")).toMatchObject([
      { TreatMissingData: "breaching", Dimensions: [{ Value: { Ref: functionsByName(api).get("scheduler")?.id } }] },
    ]);
  });

  it("watch the age of the oldest gap of this deployment, with the gap timeout left to it first", () => {
    expect(alarmsOn("OldestGapAgeSeconds")).toMatchObject([
      { Namespace: "ActingWeb", Threshold: 305, Dimensions: [{ Name: "service", Value: "ActingWeb-Api" }] },
    ]);
    const patient = serviceTemplates({ GAP_TIMEOUT_SECONDS: "600" }).api;
    patient.hasResourceProperties("AWS::CloudWatch::Alarm", { MetricName: "OldestGapAgeSeconds", Threshold: 900 });
  });

  it("are mailed to the address in the context, and to none without one", () => {
    api.resourceCountIs("AWS::SNS::Topic", 0);
    const mailed = serviceTemplates({}, { alarmEmail: "night@example.com" }).api;
    mailed.hasResourceProperties("AWS::SNS::Subscription", { Protocol: "email", Endpoint: "night@example.com" });
    const alarms = Object.values(mailed.findResources("AWS::CloudWatch::Alarm") as Record<string, Resource>);
    expect(alarms.filter(({ Properties }) => Properties["AlarmActions"]?.length !== 1)).toEqual([]);
  });
});
