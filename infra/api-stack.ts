import { Duration, RemovalPolicy, SecretValue, Stack, Validations } from "aws-cdk-lib";
import type { StackProps } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as InvokeLambda } from "aws-cdk-lib/aws-events-targets";
import type { Code, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { Alarms, METRICS_NAMESPACE } from "./alarms.ts";
import { AreaFunction } from "./area-function.ts";
import { DelayQueue } from "./delay-queue.ts";
import { Gateway } from "./gateway.ts";
import type { Deployment } from "./operator.ts";
import { areas } from "./routes.ts";
import type { Area, Duties } from "./routes.ts";

export interface ApiStackProps extends StackProps {
  readonly table: Table;
  readonly deployment: Deployment;
  /** What each area's function runs. */
  readonly code: (area: Area) => Code;
}

/** Everything without state: gateway, functions, delay queue, schedule, alarms. May be deleted and made again at will. */
export class ApiStack extends Stack {
  constructor(scope: Construct, id: string, props: ApiStackProps) {
    super(scope, id, props);
    const { deployment } = props;
    const gateway = new Gateway(this, "Gateway", deployment);
    const delays = new DelayQueue(this, "Delays");
    const environment = {
      TABLE_NAME: props.table.tableName,
      BASE_URL: gateway.api.apiEndpoint,
      POWERTOOLS_SERVICE_NAME: this.stackName,
      POWERTOOLS_METRICS_NAMESPACE: METRICS_NAMESPACE,
      ...deployment.variables,
      ...this.#actorCreationToken(deployment),
    };
    const functions = new Map<Area, LambdaFunction>();
    for (const area of Object.keys(areas) as Area[]) {
      const made = new AreaFunction(this, area, {
        area,
        table: props.table,
        queue: delays.queue,
        environment,
        code: props.code(area),
      });
      functions.set(area, made.function);
    }
    const startedBy = (what: Duties["startedBy"]): ReadonlyMap<Area, LambdaFunction> =>
      new Map([...functions].filter(([area]) => areas[area].startedBy === what));

    gateway.route(startedBy("requests"));
    for (const handler of startedBy("queue").values()) {
      // One message each: a recovery takes seconds, and another gap must not wait for it.
      handler.addEventSource(new SqsEventSource(delays.queue, { batchSize: 1, reportBatchItemFailures: true }));
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
    new Alarms(this, "Alarms", {
      functions,
      deadLetters: delays.deadLetters,
      service: this.stackName,
      gapTimeoutSeconds: deployment.gapTimeoutSeconds,
      ...(deployment.alarmEmail === undefined ? {} : { email: deployment.alarmEmail }),
    });
    Validations.of(gateway).acknowledge({
      id: "AwsSolutions-APIG4",
      reason:
        "The protocol's credentials (a trust's bearer, the owner's passphrase) belong to single actors and are checked " +
        "in the functions against the table, some routes are open by contract; a gateway authorizer cannot know them.",
    });
  }

  /**
   * The token as a reference that CloudFormation resolves while it deploys: the template holds none, and the function
   * needs no client for secrets, nor time for one at a cold start.
   */
  #actorCreationToken(deployment: Deployment): Record<string, string> {
    if (deployment.actorCreation !== "token") return {};
    if (deployment.actorCreationTokenSecret !== undefined) {
      const reference = SecretValue.secretsManager(deployment.actorCreationTokenSecret);
      return { ACTOR_CREATION_TOKEN: reference.unsafeUnwrap() };
    }
    const secret = new Secret(this, "ActorCreationToken", {
      description: `The bearer that may create actors at ${this.stackName}`,
      generateSecretString: { passwordLength: 40, excludePunctuation: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(secret).acknowledge({
      id: "AwsSolutions-SMG4",
      reason: "Clients of the deployment hold this token; it is changed by its operator, together with them.",
    });
    return { ACTOR_CREATION_TOKEN: secret.secretValue.unsafeUnwrap() };
  }
}
