/** Each setting of the stacks: what it changes in the templates, and that nothing of it is there without it. */
import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { readSettings, settingNames, settings, type SettingName } from "../../infra/settings.ts";
import { functionsByName, serviceTemplates, serviceStacks, type Resource } from "../support/service-templates.ts";

const CERTIFICATE = "arn:aws:acm:eu-north-1:123456789012:certificate/11111111-2222-3333-4444-555555555555";
const ENDPOINT = "https://a1b2c3d4e5.execute-api.eu-north-1.amazonaws.com";
const DOMAIN = { domainName: "actors.example.com", certificateArn: CERTIFICATE };

const plain = serviceTemplates();
const withSettings = (context: Record<string, unknown>, environment: Record<string, string> = {}) =>
  serviceTemplates(environment, context);
type Templates = ReturnType<typeof serviceTemplates>;

const baseUrls = ({ api }: Templates): unknown[] =>
  [...functionsByName(api).values()].map(({ Properties }) => Properties["Environment"].Variables.BASE_URL);

describe("name", () => {
  it("begins the names of both stacks, and distinguishes their metrics", () => {
    const { data, api } = serviceStacks({}, { name: "Second" });
    expect([data.stackName, api.stackName]).toEqual(["Second-Data", "Second-Api"]);
    for (const { Properties } of functionsByName(withSettings({ name: "Second" }).api).values()) {
      expect(Properties["Environment"].Variables.POWERTOOLS_SERVICE_NAME).toBe("Second-Api");
    }
    expect(serviceStacks().api.stackName).toBe("ActingWeb-Api");
  });
});

describe("domainName and certificateArn", () => {
  it("give the API that name as its only address, and actors' URLs begin with the name", () => {
    const named = withSettings(DOMAIN);
    named.api.hasResourceProperties("AWS::ApiGatewayV2::DomainName", {
      DomainName: "actors.example.com",
      DomainNameConfigurations: [Match.objectLike({ CertificateArn: CERTIFICATE, EndpointType: "REGIONAL" })],
    });
    const [api] = Object.keys(named.api.findResources("AWS::ApiGatewayV2::Api"));
    named.api.hasResourceProperties("AWS::ApiGatewayV2::ApiMapping", { ApiId: { Ref: api }, Stage: "$default" });
    named.api.hasResourceProperties("AWS::ApiGatewayV2::Api", { DisableExecuteApiEndpoint: true });
    for (const url of baseUrls(named)) expect(url).toBe("https://actors.example.com");
    named.api.hasOutput("Endpoint", { Value: "https://actors.example.com" });
    named.api.hasOutput("DomainTarget", { Value: Match.anyValue() });
    named.api.hasOutput("DomainTargetHostedZoneId", { Value: Match.anyValue() });
  });

  it("leave BASE_URL to the deployer who gives both", () => {
    for (const url of baseUrls(withSettings(DOMAIN, { BASE_URL: "https://cdn.example.com" }))) {
      expect(url).toBe("https://cdn.example.com");
    }
  });

  it("are refused together with the disabled endpoint as the address of actors' URLs", () => {
    expect(() => withSettings(DOMAIN, { BASE_URL: ENDPOINT })).toThrow(/BASE_URL is .*execute-api.*domainName/);
  });

  it("are nowhere without them: the API's own endpoint serves", () => {
    plain.api.resourceCountIs("AWS::ApiGatewayV2::DomainName", 0);
    plain.api.resourceCountIs("AWS::ApiGatewayV2::ApiMapping", 0);
    plain.api.hasResourceProperties("AWS::ApiGatewayV2::Api", { DisableExecuteApiEndpoint: Match.absent() });
    plain.api.hasOutput("Endpoint", { Value: { "Fn::GetAtt": [Match.anyValue(), "ApiEndpoint"] } });
  });

  it.each([{ domainName: DOMAIN.domainName }, { certificateArn: CERTIFICATE }])("go together: not %j", (context) => {
    expect(() => withSettings(context)).toThrow(/domainName is .* and certificateArn is .*Allowed: both/);
  });
});

describe("the API stack", () => {
  it.each([
    [true, "the API's own endpoint", {}, {}],
    [true, "the API's own endpoint, written out", { BASE_URL: ENDPOINT }, {}],
    [true, "its domain", {}, DOMAIN],
    [true, "its domain, said twice", { BASE_URL: "https://actors.example.com/" }, DOMAIN],
    [false, "an address of the deployer's", { BASE_URL: "https://actors.example.com" }, {}],
    [false, "an address before its domain", { BASE_URL: "https://cdn.example.com" }, DOMAIN],
  ])("is protected from deletion: %s, when actors' URLs begin with %s", (is, _, environment, context) => {
    expect(serviceStacks(environment, context).api.terminationProtection).toBe(is);
  });

  it("keeps the logical id of its API: another one would be another endpoint", () => {
    expect(Object.keys(plain.api.findResources("AWS::ApiGatewayV2::Api"))).toEqual(["GatewayApi4EDF2151"]);
  });

  it("has outputs of the names that the documents use", () => {
    expect(Object.keys(plain.api.findOutputs("*"))).toEqual(["Endpoint"]);
    expect(Object.keys(plain.data.findOutputs("TableName"))).toEqual(["TableName"]);
  });
});

describe("tableName", () => {
  const restored = withSettings({ tableName: "Restored-1" });

  it("gives every function that table, and moves its rights to it", () => {
    for (const [name, { Properties }] of functionsByName(restored.api)) {
      expect([name, Properties["Environment"].Variables.TABLE_NAME]).toEqual([name, "Restored-1"]);
    }
    const roles = JSON.stringify(restored.api.findResources("AWS::IAM::Role"));
    expect(roles).toContain(":table/Restored-1");
    expect(roles).toContain(":table/Restored-1/index/due");
    expect(JSON.stringify(restored.api.toJSON())).not.toContain("Fn::ImportValue");
  });

  it("is watched by the alarms", () => {
    restored.api.hasResourceProperties("AWS::CloudWatch::Alarm", {
      Metrics: Match.arrayWith([
        Match.objectLike({
          MetricStat: Match.objectLike({
            Metric: Match.objectLike({ Dimensions: Match.arrayWith([{ Name: "TableName", Value: "Restored-1" }]) }),
          }),
        }),
      ]),
    });
  });

  it("leaves the data stack as it is, exports included, so that each stack can be deployed first", () => {
    expect(restored.data.toJSON()).toEqual(plain.data.toJSON());
    expect(JSON.stringify(plain.data.findOutputs("*"))).toContain("ExportsOutputRefTable");
    expect(JSON.stringify(plain.data.findOutputs("*"))).toContain("ExportsOutputFnGetAttTable");
  });

  it("is the data stack's without it", () => {
    for (const { Properties } of functionsByName(plain.api).values()) {
      expect(Properties["Environment"].Variables.TABLE_NAME).toEqual({
        "Fn::ImportValue": expect.stringContaining("ActingWeb-Data:ExportsOutputRefTable"),
      });
    }
  });
});

describe.each([
  ["memoryMb", 1769, "MemorySize", 512],
  ["tracing", true, "TracingConfig", undefined],
])("%s", (name, given, property, otherwise) => {
  it("is that of every function", () => {
    const expected = name === "tracing" ? { Mode: "Active" } : given;
    for (const { Properties } of functionsByName(withSettings({ [name]: given }).api).values()) {
      expect(Properties[property]).toEqual(expected);
    }
    for (const { Properties } of functionsByName(plain.api).values()) expect(Properties[property]).toEqual(otherwise);
  });
});

describe("functionMemoryMb", () => {
  it("is that of the functions that it names; the others have memoryMb", () => {
    const given = withSettings({ memoryMb: 256, functionMemoryMb: "callbacks=1024, worker=1769" });
    const memory = [...functionsByName(given.api)].map(([name, { Properties }]) => [name, Properties["MemorySize"]]);
    const expected = { callbacks: 1024, api: 256, worker: 1769, scheduler: 256 };
    expect(Object.fromEntries(memory)).toEqual(expected);
  });
});

describe("tracing", () => {
  it("lets the functions send traces, and nothing else; without it they may not", () => {
    const policies = withSettings({ tracing: "true" }).api.findResources("AWS::IAM::Policy");
    const statements = Object.values(policies as Record<string, Resource>).flatMap(
      ({ Properties }) => Properties["PolicyDocument"].Statement as { Action: unknown; Resource: unknown }[],
    );
    const everywhere = statements.filter(({ Resource }) => Resource === "*").map(({ Action }) => Action);
    expect(everywhere).toHaveLength(functionsByName(plain.api).size);
    expect(new Set(everywhere.flat())).toEqual(new Set(["xray:PutTelemetryRecords", "xray:PutTraceSegments"]));
    expect(JSON.stringify(plain.api.toJSON())).not.toContain("xray");
    expect(JSON.stringify(withSettings({ tracing: "false" }).api.toJSON())).not.toContain("xray");
  });
});

describe("logRetentionDays", () => {
  it("is that of every log, the access log included", () => {
    withSettings({ logRetentionDays: 90 }).api.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 90 });
    plain.api.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 30 });
  });
});

describe("logLevel", () => {
  it.each([
    ["WARN", { logLevel: "WARN" }],
    ["INFO", {}],
  ])("is %s in every function with %j", (level, context) => {
    for (const { Properties } of functionsByName(withSettings(context).api).values()) {
      expect(Properties["Environment"].Variables.POWERTOOLS_LOG_LEVEL).toBe(level);
    }
  });
});

describe("workerConcurrency", () => {
  it.each([
    [2, { workerConcurrency: 2 }],
    [1_000, { workerConcurrency: "1000" }],
    [10, {}],
  ])("is at most %i messages at once with %j", (most, context) => {
    withSettings(context).api.allResourcesProperties("AWS::Lambda::EventSourceMapping", {
      ScalingConfig: { MaximumConcurrency: most },
    });
  });
});

describe("throttlingRateLimit and throttlingBurstLimit", () => {
  it("are those of the one stage", () => {
    const limits = (context: Record<string, unknown>, rate: number, burst: number): void =>
      withSettings(context).api.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
        DefaultRouteSettings: { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst },
      });
    limits({ throttlingRateLimit: 7, throttlingBurstLimit: 9 }, 7, 9);
    limits({}, 200, 400);
  });
});

describe("alarmEmail", () => {
  it("makes the alarms mailed; without it there is no topic", () => {
    const mailed = withSettings({ alarmEmail: "night@example.com" }).api;
    mailed.hasResourceProperties("AWS::SNS::Subscription", { Protocol: "email", Endpoint: "night@example.com" });
    plain.api.resourceCountIs("AWS::SNS::Topic", 0);
  });
});

describe("tags", () => {
  it("are on every resource that can carry them, in both stacks, the table included", () => {
    const { api, data } = withSettings({ tags: "team=night watch,env=prod" });
    const expected = [
      { Key: "env", Value: "prod" },
      { Key: "team", Value: "night watch" },
    ];
    data.allResourcesProperties("AWS::DynamoDB::Table", { Tags: expected });
    api.allResourcesProperties("AWS::Lambda::Function", { Tags: expected });
    api.allResourcesProperties("AWS::SQS::Queue", { Tags: expected });
    expect(JSON.stringify(plain.data.toJSON())).not.toContain('"Tags"');
  });
});

describe("a setting", () => {
  const WRONG: Readonly<Record<SettingName, readonly unknown[]>> = {
    name: ["1st", "with space", "x".repeat(41)],
    domainName: ["https://actors.example.com", "Actors.example.com", "actors", "a..b", "-a.example.com"],
    certificateArn: ["my-certificate", "arn:aws:iam::123456789012:server-certificate/x"],
    tableName: ["ab", "with space", "arn:aws:dynamodb:eu-north-1:123456789012:table/x", "x".repeat(256)],
    memoryMb: ["much", 127, 10_241, 512.5],
    functionMemoryMb: ["1024", "api=127", "api=10241", "gateway=512", "api=512,api=512", "api=512=1", "api=512,"],
    workerConcurrency: [1, 1_001, "many"],
    throttlingRateLimit: ["fast", 0],
    throttlingBurstLimit: [0, 10_001],
    logRetentionDays: [2, "forever"],
    logLevel: ["info", "TRACE"],
    tracing: ["yes", 1],
    alarmEmail: ["nobody", "a@b@c d"],
    tags: ["team", "=x", "aws:x=y", "a=b,,", `k=${"v".repeat(257)}`, "a=b;c"],
  };

  it.each(settingNames)("%s refuses a wrong value, and says what was given and what is allowed", (name) => {
    for (const value of WRONG[name]) {
      const read = () => readSettings((asked) => (asked === name ? String(value) : undefined));
      expect(read, String(value)).toThrow(
        `${name} is ${JSON.stringify(String(value))}. Allowed: ${settings[name].allowed}.`,
      );
    }
  });

  it("that is not given, or empty, has its default", () => {
    expect(readSettings(() => undefined)).toEqual(
      Object.fromEntries(settingNames.map((name) => [name, settings[name].otherwise])),
    );
    const empty = Object.fromEntries(settingNames.map((name) => [name, ""]));
    expect(withSettings(empty).api.toJSON()).toEqual(plain.api.toJSON());
  });
});
