import { ArnFormat, CfnOutput, Duration, Stack, Validations, type StackProps } from "aws-cdk-lib";
import { Table } from "aws-cdk-lib/aws-dynamodb";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as InvokeLambda } from "aws-cdk-lib/aws-events-targets";
import type { Code } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Construct } from "constructs";
import { compact } from "../lib/system/compact.ts";
import { METRICS_NAMESPACE } from "../lib/system/metric-names.ts";
import { Alarms } from "./alarms.ts";
import { DUE_INDEX, FEED_INDEXES, type TableReference } from "./data-stack.ts";
import { DelayQueue } from "./delay-queue.ts";
import { Gateway } from "./gateway.ts";
import { isApiEndpoint, isFor, type Deployment } from "./operator.ts";
import { functions, type FunctionName, type FunctionRights } from "./functions.ts";
import { ServiceFunction } from "./service-function.ts";
import { tokens } from "./tokens.ts";

interface ApiStackProps extends StackProps {
  /** The table of the data stack, unless the deployment names another. */
  readonly table: TableReference;
  readonly deployment: Deployment;
  /** The code of each function. */
  readonly code: (name: FunctionName) => Code;
}

/**
 * Everything without state: gateway, functions, delay queue, schedule, alarms. The stack may be deleted and created again
 * when actors' URLs begin with an address that is kept elsewhere; a stack that has that address itself is protected.
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
      ...tokens(this, deployment),
      ...compact({ EVENT_BUS_NAME: deployment.eventBusName }),
    };
    const eventBusArn = eventBusArnOf(this, deployment);
    const made = new Map<FunctionName, ServiceFunction>();
    for (const name of Object.keys(functions) as FunctionName[]) {
      const environment = Object.fromEntries(Object.entries(variables).filter(([variable]) => isFor(variable, name)));
      const own = { name, table, queue: delays.queue, environment, settings: deployment, code: props.code(name) };
      made.set(name, new ServiceFunction(this, name, { ...own, ...compact({ eventBusArn }) }));
    }
    const startedBy = (what: FunctionRights["startedBy"]) =>
      new Map(
        [...made].filter(([name]) => functions[name].startedBy === what).map(([name, one]) => [name, one.function]),
      );

    gateway.route(startedBy("requests"));
    for (const handler of startedBy("queue").values()) {
      handler.addEventSource(
        new SqsEventSource(delays.queue, {
          // One message each: a recovery takes seconds, and another gap must not wait for that.
          batchSize: 1,
          // Keeps background work from taking the account's concurrency from the functions that answer peers.
          maxConcurrency: deployment.workerConcurrency,
          reportBatchItemFailures: true,
        }),
      );
    }
    for (const [name, handler] of startedBy("schedule")) {
      // The next minute does what a missed one left; retries would only pile up.
      const once = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };
      handler.configureAsyncInvoke(once);
      new Rule(this, `${name}-every-minute`, {
        schedule: Schedule.rate(Duration.minutes(1)),
        targets: [new InvokeLambda(handler, once)],
      });
    }
    new CfnOutput(this, "Endpoint", { value: gateway.url });
    new Alarms(this, "Alarms", { functions: made, delays, gateway, table, service: this.stackName, deployment });
    Validations.of(gateway).acknowledge({
      id: "AwsSolutions-APIG4",
      reason:
        "The protocol's credentials (a trust's bearer, the owner's passphrase) belong to single actors and are checked " +
        "in the functions against the table, some routes are open by contract; a gateway authorizer cannot know them.",
    });
  }
}

/** Whether the address that actors' URLs begin with, the API's own endpoint or its domain, is deleted with the stack. */
function holdsBaseUrl({ baseUrl, domainName }: Deployment): boolean {
  if (baseUrl === undefined) return true;
  const { hostname } = new URL(baseUrl);
  return hostname === domainName || isApiEndpoint(hostname);
}

/** The data stack's event bus, by its name. */
function eventBusArnOf(stack: Stack, { eventBusName }: Deployment): string | undefined {
  if (eventBusName === undefined) return undefined;
  const { SLASH_RESOURCE_NAME: arnFormat } = ArnFormat;
  return stack.formatArn({ service: "events", resource: "event-bus", resourceName: eventBusName, arnFormat });
}

/** The table that the deployment names, such as a restored one, or else that of the data stack. */
function tableOf(scope: Construct, { table, deployment: { tableName } }: ApiStackProps): TableReference {
  if (tableName === undefined) return table;
  return Table.fromTableAttributes(scope, "NamedTable", { tableName, globalIndexes: [DUE_INDEX, ...FEED_INDEXES] });
}
