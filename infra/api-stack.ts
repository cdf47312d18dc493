import { CfnOutput, Duration, Stack, Validations } from "aws-cdk-lib";
import type { StackProps } from "aws-cdk-lib";
import { Table } from "aws-cdk-lib/aws-dynamodb";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as InvokeLambda } from "aws-cdk-lib/aws-events-targets";
import type { Code } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Construct } from "constructs";
import { METRICS_NAMESPACE } from "../lib/metric-names.ts";
import { actorCreationToken } from "./actor-creation-token.ts";
import { Alarms } from "./alarms.ts";
import { AreaFunction } from "./area-function.ts";
import { DUE_INDEX } from "./data-stack.ts";
import type { TableReference } from "./data-stack.ts";
import { DelayQueue } from "./delay-queue.ts";
import { Gateway } from "./gateway.ts";
import { isApiEndpoint, isFor } from "./operator.ts";
import type { Deployment } from "./operator.ts";
import { areas } from "./routes.ts";
import type { Area, Duties } from "./routes.ts";

export interface ApiStackProps extends StackProps {
  /** The data stack's, unless the deployment names another. */
  readonly table: TableReference;
  readonly deployment: Deployment;
  /** What each area's function runs. */
  readonly code: (area: Area) => Code;
}

/**
 * Everything without state: gateway, functions, delay queue, schedule, alarms. It may be deleted and made again at will
 * where actors' URLs begin with an address that is kept elsewhere; where it holds that address itself it is protected.
 */
export class ApiStack extends Stack {
  constructor(scope: Construct, id: string, props: ApiStackProps) {
    const { deployment } = props;
    super(scope, id, { ...props, terminationProtection: holdsBaseUrl(deployment) });
    const gateway = new Gateway(this, "Gateway", deployment);
    const delays = new DelayQueue(this, "Delays");
    const table = tableOf(this, props);
    const variables = {
      TABLE_NAME: table.tableName,
      BASE_URL: deployment.baseUrl ?? gateway.url,
      POWERTOOLS_SERVICE_NAME: this.stackName,
      POWERTOOLS_METRICS_NAMESPACE: METRICS_NAMESPACE,
      POWERTOOLS_LOG_LEVEL: deployment.logLevel,
      ...deployment.variables,
      ...actorCreationToken(this, deployment),
    };
    const functions = new Map<Area, AreaFunction>();
    for (const area of Object.keys(areas) as Area[]) {
      const environment = Object.fromEntries(Object.entries(variables).filter(([name]) => isFor(name, area)));
      const made = { area, table, queue: delays.queue, environment, settings: deployment, code: props.code(area) };
      functions.set(area, new AreaFunction(this, area, made));
    }
    const startedBy = (what: Duties["startedBy"]) =>
      new Map(
        [...functions].filter(([area]) => areas[area].startedBy === what).map(([area, made]) => [area, made.function]),
      );

    gateway.route(startedBy("requests"));
    for (const handler of startedBy("queue").values()) {
      handler.addEventSource(
        new SqsEventSource(delays.queue, {
          // One message each: a recovery takes seconds, and another gap must not wait for it.
          batchSize: 1,
          // So that background work never takes the account's concurrency from the functions that answer peers.
          maxConcurrency: deployment.workerConcurrency,
          reportBatchItemFailures: true,
        }),
      );
    }
    for (const [area, handler] of startedBy("schedule")) {
      // A minute that was missed is made good by the next one; trying it again would only pile up.
      const once = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };
      handler.configureAsyncInvoke(once);
      new Rule(this, `${area}-every-minute`, {
        schedule: Schedule.rate(Duration.minutes(1)),
        targets: [new InvokeLambda(handler, once)],
      });
    }
    new CfnOutput(this, "Endpoint", { value: gateway.url });
    new Alarms(this, "Alarms", { functions, delays, gateway, table, service: this.stackName, deployment });
    Validations.of(gateway).acknowledge({
      id: "AwsSolutions-APIG4",
      reason:
        "The protocol's credentials (a trust's bearer, the owner's passphrase) belong to single actors and are checked " +
        "in the functions against the table, some routes are open by contract; a gateway authorizer cannot know them.",
    });
  }
}

/** Whether what actors' URLs begin with, the API's own endpoint or its domain, goes with the stack. */
function holdsBaseUrl({ baseUrl, domainName }: Deployment): boolean {
  if (baseUrl === undefined) return true;
  const { hostname } = new URL(baseUrl);
  return hostname === domainName || isApiEndpoint(hostname);
}

/** The table that the deployment names, which a restore has made, or else the data stack's. */
function tableOf(scope: Construct, { table, deployment: { tableName } }: ApiStackProps): TableReference {
  if (tableName === undefined) return table;
  return Table.fromTableAttributes(scope, "NamedTable", { tableName, globalIndexes: [DUE_INDEX] });
}
