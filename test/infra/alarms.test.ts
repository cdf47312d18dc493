/** Each alarm watches its metric, by the name under which the metric is written. */
import { describe, expect, it } from "vitest";
import { functions } from "../../infra/functions.ts";
import {
  BUS_DROPPED,
  LISTENER_TROUBLE,
  METRICS,
  METRICS_NAMESPACE,
  NOT_PUBLISHED,
  UNHANDLED_ERROR,
} from "../../lib/system/metric-names.ts";
import { functionsByName, serviceTemplates, type Resource } from "../support/service-templates.ts";

const { api } = serviceTemplates({}, { alarmEmail: "night@example.com" });
const alarms = Object.entries(api.findResources("AWS::CloudWatch::Alarm") as Record<string, Resource>);

/** The alarm of that name. */
function alarm(name: string, among = alarms): Resource["Properties"] {
  const id = `Alarms${name.replaceAll("-", "")}`;
  const found = among.filter(([logicalId]) => logicalId.slice(0, -8) === id);
  expect(found.map(([logicalId]) => logicalId)).toHaveLength(1);
  return found[0]?.[1].Properties ?? {};
}

/** The metrics of a math expression, by name and dimensions. */
const metricsOf = (properties: Resource["Properties"]): unknown[] =>
  (properties["Metrics"] as { MetricStat?: { Metric: unknown; Stat: string } }[]).flatMap(({ MetricStat }) =>
    MetricStat === undefined ? [] : [{ ...(MetricStat.Metric as object), Stat: MetricStat.Stat }],
  );

const table = { "Fn::ImportValue": expect.stringContaining("Table") };

/** The filters of the functions' logs that count something. */
function filtersOf(metric: string, of = api): readonly { pattern: string; namespace: string; value: string }[] {
  const filters = Object.values(of.findResources("AWS::Logs::MetricFilter") as Record<string, Resource>);
  return filters.flatMap(({ Properties: { FilterPattern, MetricTransformations } }) => {
    const [{ MetricName, MetricNamespace, MetricValue }] = MetricTransformations;
    return MetricName === metric ? [{ pattern: FilterPattern, namespace: MetricNamespace, value: MetricValue }] : [];
  });
}

describe("the alarms", () => {
  it("watch what clients see: answers of 5xx, and how long the slowest hundredth takes", () => {
    const ApiId = [{ Name: "ApiId", Value: { Ref: expect.stringContaining("GatewayApi") } }];
    expect(alarm("server-errors")).toMatchObject({
      ...{ Namespace: "AWS/ApiGateway", MetricName: "5xx", Dimensions: ApiId },
      ...{ Statistic: "Sum", Threshold: 5, EvaluationPeriods: 1 },
    });
    expect(alarm("latency")).toMatchObject({
      ...{ Namespace: "AWS/ApiGateway", MetricName: "Latency", Dimensions: ApiId },
      ...{ ExtendedStatistic: "p99", Threshold: 15_000, EvaluationPeriods: 3 },
      // Most deployments have fewer than the thousand requests in 15 min that "ignore" asks for.
      EvaluateLowSampleCountPercentile: "evaluate",
    });
  });

  it("ring for a single answer of 500, counted in the logs of the functions that answer", () => {
    const namespace = `${METRICS_NAMESPACE}/ActingWeb-Api`;
    const answering = Object.values(functions).filter(({ startedBy }) => startedBy === "requests");
    expect(filtersOf(METRICS.unhandledErrors)).toEqual(
      answering.map(() => ({ pattern: `{ $.message = "${UNHANDLED_ERROR}" }`, namespace, value: "1" })),
    );
    expect(alarm("unhandled-errors")).toMatchObject({
      ...{ Namespace: namespace, MetricName: METRICS.unhandledErrors, Statistic: "Sum", Threshold: 1 },
      EvaluationPeriods: 1,
    });
  });

  it("ring for webhooks that a person should look at, whichever function delivers", () => {
    const namespace = `${METRICS_NAMESPACE}/ActingWeb-Api`;
    expect(filtersOf(METRICS.listenerTrouble)).toEqual(
      Object.values(functions).map(() => ({ pattern: `{ $.trouble = "${LISTENER_TROUBLE}" }`, namespace, value: "1" })),
    );
    expect(alarm("listener-trouble")).toMatchObject({
      ...{ Namespace: namespace, MetricName: METRICS.listenerTrouble, Statistic: "Sum", Threshold: 1 },
    });
  });

  it("ring for an event that EventBridge did not take, in the functions that publish", () => {
    const { api: withBus } = serviceTemplates({ BUS: "eventbridge" });
    const namespace = `${METRICS_NAMESPACE}/ActingWeb-Api`;
    const publishing = Object.values(functions).filter(({ publishes }) => publishes);
    expect(filtersOf(METRICS.busEventsNotPublished, withBus)).toEqual(
      publishing.map(() => ({ pattern: `{ $.message = "${NOT_PUBLISHED}" }`, namespace, value: "1" })),
    );
    const all = Object.entries(withBus.findResources("AWS::CloudWatch::Alarm") as Record<string, Resource>);
    expect(alarm("bus", all)).toMatchObject({
      ...{ Namespace: namespace, MetricName: METRICS.busEventsNotPublished, Statistic: "Sum", Threshold: 1 },
    });
    expect(filtersOf(METRICS.busEventsNotPublished)).toEqual([]);
  });

  it("have a metric of what consumers of the bus in memory lose, and do not ring for it", () => {
    const { api: withBus } = serviceTemplates({ BUS: "memory" });
    const publishing = Object.values(functions).filter(({ publishes }) => publishes);
    const namespace = `${METRICS_NAMESPACE}/ActingWeb-Api`;
    expect(filtersOf(METRICS.busEventsDropped, withBus)).toEqual(
      publishing.map(() => ({ pattern: `{ $.message = "${BUS_DROPPED}" }`, namespace, value: "$.dropped" })),
    );
    withBus.resourcePropertiesCountIs("AWS::CloudWatch::Alarm", { MetricName: METRICS.busEventsDropped }, 0);
  });

  it("watch throttles of the table and of its indexes, that of changed actors where something stands in it", () => {
    const events = (dimensions: object[]) =>
      ["ReadThrottleEvents", "WriteThrottleEvents"].map((MetricName) => ({
        ...{ Namespace: "AWS/DynamoDB", MetricName, Dimensions: dimensions, Stat: "Sum" },
      }));
    const ofTable = { Name: "TableName", Value: table };
    expect(metricsOf(alarm("table-throttles"))).toEqual(events([ofTable]));
    const ofIndex = (name: string) => events([{ Name: "GlobalSecondaryIndexName", Value: name }, ofTable]);
    expect(metricsOf(alarm("index-throttles"))).toEqual(ofIndex("due"));
    const { api: withFeed } = serviceTemplates({ ALL_EVENTS: "true" });
    const alarmsWithFeed = Object.entries(withFeed.findResources("AWS::CloudWatch::Alarm") as Record<string, Resource>);
    expect(metricsOf(alarm("feed-throttles", alarmsWithFeed))).toEqual([...ofIndex("feed1"), ...ofIndex("feed2")]);
    expect(alarmsWithFeed).toHaveLength(alarms.length + 1);
  });

  it("fill metrics that are written only while something happens with zeros, because a sum with a missing one is missing", () => {
    const expressions = alarms.flatMap(([id, { Properties }]) =>
      ((Properties["Metrics"] ?? []) as { Expression?: string }[]).flatMap(({ Expression }) =>
        Expression === undefined ? [] : [[id, Expression] as const],
      ),
    );
    expect(expressions).toHaveLength(3);
    for (const [id, expression] of expressions) {
      for (const term of expression.split(" + "))
        expect([id, term]).toEqual([id, expect.stringMatching(/^FILL\(\w+, 0\)$/)]);
    }
  });

  it("watch DynamoDB's own errors in every operation that the functions may call", () => {
    const operations = metricsOf(alarm("table-system-errors")).map(
      (metric) => (metric as { Dimensions: { Name: string; Value: string }[] }).Dimensions[0]?.Value,
    );
    const called = Object.values(functions)
      .flatMap(({ table: actions }) => [...actions] as string[])
      .map((action) => (action === "ConditionCheckItem" ? "TransactWriteItems" : action));
    expect(new Set(operations)).toEqual(new Set(called));
    // An alarm takes no more metrics than these.
    expect(operations.length).toBeLessThan(10);
  });

  it("watch work that is not done: old messages, dead letters, old, held back and failing due work, old gaps", () => {
    const own = [{ Name: "service", Value: "ActingWeb-Api" }];
    const queue = (part: string) => [
      { Name: "QueueName", Value: { "Fn::GetAtt": [expect.stringContaining(part), "QueueName"] } },
    ];
    expect(alarm("oldest-message")).toMatchObject({
      ...{ Namespace: "AWS/SQS", MetricName: "ApproximateAgeOfOldestMessage", Dimensions: queue("DelaysQueue") },
      ...{ Statistic: "Maximum", Threshold: 1_800 },
    });
    expect(alarm("dead-letters")).toMatchObject({
      ...{ MetricName: "ApproximateNumberOfMessagesVisible", Dimensions: queue("DeadLetters"), Threshold: 1 },
    });
    expect(alarm("oldest-due-work")).toMatchObject({
      ...{ Namespace: METRICS_NAMESPACE, MetricName: METRICS.oldestDueAge, Dimensions: own },
      ...{ Statistic: "Maximum", Threshold: 900 },
    });
    expect(alarm("due-backlog")).toMatchObject({
      ...{ Namespace: METRICS_NAMESPACE, MetricName: METRICS.unsentDueWork, Dimensions: own },
      ...{ Statistic: "Minimum", Threshold: 1, EvaluationPeriods: 3 },
    });
    expect(alarm("due-work-failed")).toMatchObject({
      ...{ Namespace: METRICS_NAMESPACE, MetricName: METRICS.dueWorkFailed, Dimensions: own },
      ...{ Statistic: "Sum", Threshold: 1, EvaluationPeriods: 3 },
    });
    expect(alarm("oldest-gap")).toMatchObject({
      ...{ Namespace: METRICS_NAMESPACE, MetricName: METRICS.oldestGapAge, Dimensions: own, Threshold: 305 },
    });
  });

  it("watch every function and the sweep", () => {
    for (const name of Object.keys(functions)) {
      expect(alarm(`${name}-errors`)).toMatchObject({ MetricName: "Errors" });
      expect(alarm(`${name}-throttles`)).toMatchObject({ MetricName: "Throttles" });
    }
    expect(alarm("sweep-stopped")).toMatchObject({ MetricName: "Invocations", TreatMissingData: "breaching" });
    expect(functionsByName(api).size).toBe(Object.keys(functions).length);
  });

  it("have a description, and take missing data for a good sign, except the sweep's", () => {
    for (const [id, { Properties }] of alarms) {
      expect([id, Properties["AlarmDescription"]]).toEqual([id, expect.stringMatching(/\.$/)]);
      const quiet = id.startsWith("Alarmssweepstopped") ? "breaching" : "notBreaching";
      expect([id, Properties["TreatMissingData"]]).toEqual([id, quiet]);
    }
  });
});

describe("the mails", () => {
  const [topic] = Object.keys(api.findResources("AWS::SNS::Topic"));

  it("come from every alarm", () => {
    for (const [id, { Properties }] of alarms) {
      expect([id, Properties["AlarmActions"]]).toEqual([id, [{ Ref: topic }]]);
    }
  });

  it("can be published by CloudWatch for this account alone, although unencrypted requests are refused", () => {
    const [policy] = Object.values(api.findResources("AWS::SNS::TopicPolicy") as Record<string, Resource>);
    const statements = policy?.Properties["PolicyDocument"].Statement as Record<string, unknown>[];
    expect(statements).toContainEqual(
      expect.objectContaining({
        ...{ Effect: "Allow", Principal: { Service: "cloudwatch.amazonaws.com" }, Action: "sns:Publish" },
        ...{
          Resource: { Ref: topic },
          Condition: { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } },
        },
      }),
    );
    expect(statements).toContainEqual(
      expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
    );
    expect(statements).toHaveLength(2);
  });
});
