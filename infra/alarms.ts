import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, Metric, Stats, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import type { AlarmProps, IMetric } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Area } from "./routes.ts";

/** Where the sweep puts the age of the oldest gap (seconds, 0 when there is none), by embedded metric format. */
export const METRICS_NAMESPACE = "ActingWeb";
export const OLDEST_GAP = "OldestGapAgeSeconds";
/** Seconds beyond the gap timeout after which a gap that still stands means that recovery does not get through. */
const GAP_PATIENCE_SECONDS = 300;
const PERIOD = Duration.minutes(5);

export interface AlarmsProps {
  readonly functions: ReadonlyMap<Area, IFunction>;
  readonly deadLetters: IQueue;
  /** The value of the metrics' `service` dimension. */
  readonly service: string;
  readonly gapTimeoutSeconds: number;
  /** Where to send them; absent: they only show. */
  readonly email?: string;
}

/** What an operator is to be woken for: errors, throttles, dead letters, gaps nobody closes, a sweep that stopped. */
export class Alarms extends Construct {
  readonly #notify: SnsAction | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#notify = props.email === undefined ? undefined : new SnsAction(this.#mailTo(props.email));

    for (const [area, handler] of props.functions) {
      this.#alarm(`${area}-errors`, `The function "${area}" failed.`, handler.metricErrors({ period: PERIOD }));
      this.#alarm(
        `${area}-throttles`,
        `The function "${area}" was throttled.`,
        handler.metricThrottles({ period: PERIOD }),
      );
    }
    this.#alarm(
      "dead-letters",
      "Delayed work failed for good; the sweep still finds it, but its consumer is broken.",
      props.deadLetters.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: Stats.MAXIMUM }),
    );
    this.#alarm(
      "oldest-gap",
      "A gap in a subscription stands long after its timeout: recovery does not get through.",
      new Metric({
        namespace: METRICS_NAMESPACE,
        metricName: OLDEST_GAP,
        dimensionsMap: { service: props.service },
        period: PERIOD,
        statistic: Stats.MAXIMUM,
      }),
      { threshold: props.gapTimeoutSeconds + GAP_PATIENCE_SECONDS },
    );
    const sweep = props.functions.get("clockwork");
    if (sweep !== undefined) {
      this.#alarm("sweep-stopped", "The every-minute sweep did not run.", sweep.metricInvocations({ period: PERIOD }), {
        comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
        treatMissingData: TreatMissingData.BREACHING,
        evaluationPeriods: 2,
      });
    }
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

  #mailTo(email: string): Topic {
    const topic = new Topic(this, "Topic", { enforceSSL: true });
    topic.addSubscription(new EmailSubscription(email));
    return topic;
  }
}
