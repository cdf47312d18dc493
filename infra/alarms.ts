import { Duration } from "aws-cdk-lib";
import {
  Alarm,
  ComparisonOperator,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
  type AlarmProps,
  type IMetric,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { FilterPattern, MetricFilter } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import {
  BUS_DROPPED,
  LISTENER_TROUBLE,
  METRICS,
  METRICS_NAMESPACE,
  NOT_PUBLISHED,
  UNHANDLED_ERROR,
} from "../lib/system/metric-names.ts";
import { alarmTopic } from "./alarm-topic.ts";
import { DUE_INDEX, FEED_INDEXES, type TableReference } from "./data-stack.ts";
import type { DelayQueue } from "./delay-queue.ts";
import type { Gateway } from "./gateway.ts";
import type { Deployment } from "./operator.ts";
import { functions as listed, type FunctionName } from "./functions.ts";
import type { ServiceFunction } from "./service-function.ts";

/** Answers of 500 to 599 in one period that ring the alarm: a single 503 is no cause for one. */
const SERVER_ERRORS = 5;
/** Milliseconds that the slowest hundredth of the requests may take: awaiting callbacks takes up to 12 s by design. */
const LATENCY_MS = 15_000;
/** A gap that stands this many seconds longer than the gap timeout means that recovery does not succeed. */
const GAP_PATIENCE_SECONDS = 300;
/** Seconds by which due work may be late: the sweep runs every minute. */
const DUE_PATIENCE_SECONDS = 900;
/** Seconds that a message may be old: its delay of up to 15 minutes counts. */
const MESSAGE_PATIENCE_SECONDS = 1_800;
const PERIOD = Duration.minutes(5);
/** The operations of the functions on the table; each has its own metric. */
const OPERATIONS = [
  "GetItem",
  "BatchGetItem",
  "Query",
  "PutItem",
  "UpdateItem",
  "DeleteItem",
  "BatchWriteItem",
  "TransactWriteItems",
];

/** What is counted in the logs of each transport of the bus: the lines, or the values in them. */
const BUS_METRICS: Readonly<
  Record<string, { readonly message: string; readonly metricName: string; readonly metricValue?: string }>
> = {
  eventbridge: { message: NOT_PUBLISHED, metricName: METRICS.busEventsNotPublished },
  memory: { message: BUS_DROPPED, metricName: METRICS.busEventsDropped, metricValue: "$.dropped" },
};

interface AlarmsProps {
  readonly functions: ReadonlyMap<FunctionName, ServiceFunction>;
  readonly delays: DelayQueue;
  readonly gateway: Gateway;
  readonly table: TableReference;
  /** The value of the metrics' `service` dimension. */
  readonly service: string;
  /** `alarmEmail`: the address that alarms are mailed to; absent: alarms only show in CloudWatch. */
  readonly deployment: Pick<Deployment, "allEvents" | "gapTimeoutSeconds" | "alarmEmail" | "variables">;
}

/** The alarms: errors that clients see, requests that the table refuses, and due work that is not done. */
export class Alarms extends Construct {
  readonly #notify: SnsAction | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { alarmEmail } = props.deployment;
    this.#notify = alarmEmail === undefined ? undefined : new SnsAction(alarmTopic(this, alarmEmail));
    this.#functions(props);
    this.#clients(props);
    this.#listeners(props);
    this.#bus(props);
    this.#table(props);
    this.#work(props);
  }

  /** Functions that do not start, that crash, or that are throttled. An answer of 500 is no error of a function: see `#clients`. */
  #functions({ functions }: AlarmsProps): void {
    for (const [name, made] of functions) {
      this.#alarm(`${name}-errors`, `The function "${name}" failed.`, made.function.metricErrors({ period: PERIOD }));
      this.#alarm(
        `${name}-throttles`,
        `The function "${name}" was throttled.`,
        made.function.metricThrottles({ period: PERIOD }),
      );
    }
  }

  #clients({ gateway, functions, service }: AlarmsProps): void {
    this.#alarm(
      "server-errors",
      "Clients were answered 5xx, by the gateway or by a function.",
      gateway.api.metricServerError({ period: PERIOD, statistic: Stats.SUM }),
      { threshold: SERVER_ERRORS },
    );
    this.#alarm(
      "latency",
      "The slowest hundredth of the requests takes far longer than it should.",
      gateway.api.metricLatency({ period: PERIOD, statistic: Stats.percentile(99) }),
      // Evaluated with few requests too: "ignore" would need a thousand requests before a 99th percentile is evaluated.
      { threshold: LATENCY_MS, evaluationPeriods: 3, evaluateLowSampleCountPercentile: "evaluate" },
    );
    // A metric filter takes dimensions from the log line only, so the namespace contains the service's name.
    const namespace = `${METRICS_NAMESPACE}/${service}`;
    for (const [name, { logGroup }] of functions) {
      if (listed[name].startedBy !== "requests") continue;
      new MetricFilter(this, `${name}-unhandled`, {
        logGroup,
        filterPattern: FilterPattern.stringValue("$.message", "=", UNHANDLED_ERROR),
        metricNamespace: namespace,
        metricName: METRICS.unhandledErrors,
      });
    }
    this.#alarm(
      "unhandled-errors",
      "A request was answered 500: a fault of the code or of its permissions. The log has it.",
      new Metric({ namespace, metricName: METRICS.unhandledErrors, period: PERIOD, statistic: Stats.SUM }),
    );
  }

  /** Webhooks that a person should look at; any function may be the one that delivers. */
  #listeners({ functions, service }: AlarmsProps): void {
    const namespace = `${METRICS_NAMESPACE}/${service}`;
    const metricName = METRICS.listenerTrouble;
    for (const [name, { logGroup }] of functions) {
      new MetricFilter(this, `${name}-listener-trouble`, {
        logGroup,
        filterPattern: FilterPattern.stringValue("$.trouble", "=", LISTENER_TROUBLE),
        metricNamespace: namespace,
        metricName,
      });
    }
    this.#alarm(
      "listener-trouble",
      "A listener has stopped, lags behind by half of the time that records stay, or may have missed events. The log names it.",
      new Metric({ namespace, metricName, period: PERIOD, statistic: Stats.SUM }),
    );
  }

  /** Direct publishing is one attempt: what the bus did not take is lost. The bus in memory has a metric and no alarm. */
  #bus({ functions, service, deployment }: AlarmsProps): void {
    const metricNamespace = `${METRICS_NAMESPACE}/${service}`;
    const counted = BUS_METRICS[deployment.variables.BUS ?? "none"];
    if (counted === undefined) return;
    const { message, ...metric } = counted;
    for (const [name, { logGroup }] of functions) {
      if (!listed[name].publishes) continue;
      const filterPattern = FilterPattern.stringValue("$.message", "=", message);
      new MetricFilter(this, `${name}-bus`, { logGroup, filterPattern, metricNamespace, ...metric });
    }
    if (deployment.variables.BUS !== "eventbridge") return;
    this.#alarm(
      "bus",
      "Events were not published to the event bus, or perhaps not. The log has the reasons.",
      new Metric({
        namespace: metricNamespace,
        metricName: metric.metricName,
        period: PERIOD,
        statistic: Stats.SUM,
      }),
    );
  }

  #table({ table: { tableName }, deployment }: AlarmsProps): void {
    const throttles = (...indexes: readonly string[]): IMetric => {
      const places = indexes.length === 0 ? [{}] : indexes.map((name) => ({ GlobalSecondaryIndexName: name }));
      const counted = places.flatMap((place, at) =>
        ["Read", "Write"].map((kind): [string, IMetric] => [
          `${kind.toLowerCase()}s${String(at)}`,
          new Metric({
            namespace: "AWS/DynamoDB",
            metricName: `${kind}ThrottleEvents`,
            dimensionsMap: { TableName: tableName, ...place },
            statistic: Stats.SUM,
            period: PERIOD,
          }),
        ]),
      );
      return sumOf(counted);
    };
    this.#alarm("table-throttles", "DynamoDB throttles the table.", throttles());
    this.#alarm(
      "index-throttles",
      "DynamoDB throttles the index of due work, and with it writes to the table.",
      throttles(DUE_INDEX),
    );
    if (deployment.allEvents) {
      this.#alarm(
        "feed-throttles",
        "DynamoDB throttles an index of changed actors: it may lag by more than readers of all actors wait for it.",
        throttles(...FEED_INDEXES),
      );
    }
    const errors = OPERATIONS.map((operation, at): [string, IMetric] => [
      `errors${String(at)}`,
      new Metric({
        namespace: "AWS/DynamoDB",
        metricName: "SystemErrors",
        dimensionsMap: { TableName: tableName, Operation: operation },
        statistic: Stats.SUM,
        period: PERIOD,
      }),
    ]);
    this.#alarm("table-system-errors", "DynamoDB itself fails requests to the table or its index.", sumOf(errors));
  }

  #work({ delays, functions, service, deployment }: AlarmsProps): void {
    const dimensions = { service };
    this.#alarm(
      "dead-letters",
      "Delayed work failed for good; the sweep still finds it, but its consumer is broken.",
      delays.deadLetters.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: Stats.MAXIMUM }),
    );
    this.#alarm(
      "oldest-message",
      "Delayed messages wait far longer than their delay: the worker does not keep up.",
      delays.queue.metricApproximateAgeOfOldestMessage({ period: PERIOD, statistic: Stats.MAXIMUM }),
      { threshold: MESSAGE_PATIENCE_SECONDS },
    );
    this.#alarm(
      "oldest-due-work",
      "Work has been due for long: the worker does not get through what the sweep finds.",
      this.#own(METRICS.oldestDueAge, dimensions, Stats.MAXIMUM),
      { threshold: DUE_PATIENCE_SECONDS },
    );
    this.#alarm(
      "due-backlog",
      "At each minute of a quarter of an hour the sweep held back due work: the worker does not keep up.",
      this.#own(METRICS.unsentDueWork, dimensions, Stats.MINIMUM),
      { evaluationPeriods: 3 },
    );
    this.#alarm(
      "due-work-failed",
      "Due work keeps failing in a way that was not foreseen. It is tried again, and the log has it.",
      this.#own(METRICS.dueWorkFailed, dimensions, Stats.SUM),
      { evaluationPeriods: 3 },
    );
    this.#alarm(
      "oldest-gap",
      "A gap in a subscription stands long after its timeout: recovery does not get through.",
      this.#own(METRICS.oldestGapAge, dimensions, Stats.MAXIMUM),
      { threshold: deployment.gapTimeoutSeconds + GAP_PATIENCE_SECONDS },
    );
    const sweep = functions.get("scheduler");
    if (sweep === undefined) return;
    this.#alarm(
      "sweep-stopped",
      "The every-minute sweep did not run.",
      sweep.function.metricInvocations({ period: PERIOD }),
      {
        comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
        treatMissingData: TreatMissingData.BREACHING,
        evaluationPeriods: 2,
      },
    );
  }

  #own(metricName: string, dimensionsMap: Record<string, string>, statistic: string): Metric {
    return new Metric({ namespace: METRICS_NAMESPACE, metricName, dimensionsMap, period: PERIOD, statistic });
  }

  #alarm(id: string, alarmDescription: string, metric: IMetric, more: Partial<AlarmProps> = {}): void {
    const alarm = new Alarm(this, id, {
      alarmDescription,
      metric,
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...more,
    });
    if (this.#notify !== undefined) alarm.addAlarmAction(this.#notify);
  }
}

/** The sum of metrics, each of which has data only while there is something to count: a sum with a missing one is missing. */
const sumOf = (metrics: readonly (readonly [string, IMetric])[]): IMetric =>
  new MathExpression({
    expression: metrics.map(([name]) => `FILL(${name}, 0)`).join(" + "),
    usingMetrics: Object.fromEntries(metrics),
    period: PERIOD,
  });
