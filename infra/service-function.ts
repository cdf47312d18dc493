import { compact } from "../lib/system/compact.ts";
import { Duration, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  Function as LambdaFunction,
  RecursiveLoop,
  Runtime,
  Tracing,
  type CfnFunction,
  type Code,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { DUE_INDEX, FEED_INDEXES, type TableReference } from "./data-stack.ts";
import { functions, type FunctionName, type FunctionRights } from "./functions.ts";
import type { Settings } from "./settings.ts";

/** Seconds. Less than the gateway's 30, which include a cold start: the function still answers itself. */
const REQUEST_SECONDS = 28;
/** Seconds for background work: a sweep, a recovery. */
export const BACKGROUND_SECONDS = 60;

interface ServiceFunctionProps {
  readonly name: FunctionName;
  readonly table: TableReference;
  readonly queue: Queue;
  /** The event bus, when the deployment has one. */
  readonly eventBusArn?: string;
  /** The variables of every function. */
  readonly environment: Readonly<Record<string, string>>;
  readonly settings: Pick<Settings, "memoryMb" | "functionMemoryMb" | "logRetentionDays" | "tracing">;
  /** Has `index.mjs`, which exports `handler`. */
  readonly code: Code;
}

/** One Lambda function with a role that has exactly the rights of functions.ts, and a log of its own. */
export class ServiceFunction extends Construct {
  readonly function: LambdaFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: ServiceFunctionProps) {
    super(scope, id);
    const rights: FunctionRights = functions[props.name];
    const { memoryMb, functionMemoryMb, logRetentionDays, tracing } = props.settings;
    const logGroup = new LogGroup(this, "Log", { retention: logRetentionDays, removalPolicy: RemovalPolicy.DESTROY });
    this.logGroup = logGroup;
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      inlinePolicies: { rights: new PolicyDocument({ statements: statements(rights, props, logGroup) }) },
    });
    this.function = new LambdaFunction(this, "Function", {
      description: `${Stack.of(this).stackName}: ${props.name}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: functionMemoryMb[props.name] ?? memoryMb,
      timeout: Duration.seconds(rights.startedBy === "requests" ? REQUEST_SECONDS : BACKGROUND_SECONDS),
      code: props.code,
      handler: "index.handler",
      environment: compact({ ...props.environment, QUEUE_URL: rights.sends ? props.queue.queueUrl : undefined }),
      role,
      logGroup,
      ...compact({
        tracing: tracing ? Tracing.ACTIVE : undefined,
        // A gap longer than a queue delay, or a recovery that fails for long, sends its message again and again, each time
        // for a later due time; Lambda would take the sixteenth for a runaway loop and drop it.
        recursiveLoop: rights.startedBy === "queue" ? RecursiveLoop.ALLOW : undefined,
      }),
    });
    // The local stack finds the bundle of a function by this name.
    (this.function.node.defaultChild as CfnFunction).addMetadata("function", props.name);
    if (tracing) {
      Validations.of(role).acknowledge({
        id: "AwsSolutions-IAM5[Resource::*]",
        reason: "X-Ray knows no resources: permission to send it traces is given for all or for none.",
      });
    }
  }
}

function statements(rights: FunctionRights, props: ServiceFunctionProps, logGroup: LogGroup): PolicyStatement[] {
  const allowed = [
    new PolicyStatement({ actions: ["logs:CreateLogStream", "logs:PutLogEvents"], resources: [logGroup.logGroupArn] }),
  ];
  if (rights.table.length > 0) {
    const actions = rights.table.map((action) => `dynamodb:${action}`);
    allowed.push(new PolicyStatement({ actions, resources: [props.table.tableArn] }));
  }
  for (const name of [...(rights.dueIndex ? [DUE_INDEX] : []), ...(rights.feedIndex ? FEED_INDEXES : [])]) {
    const index = `${props.table.tableArn}/index/${name}`;
    allowed.push(new PolicyStatement({ actions: ["dynamodb:Query"], resources: [index] }));
  }
  const onQueue = [
    // For SendMessageBatch too.
    ...(rights.sends ? ["sqs:SendMessage"] : []),
    ...(rights.readsDepth ? ["sqs:GetQueueAttributes"] : []),
  ];
  if (onQueue.length > 0) allowed.push(new PolicyStatement({ actions: onQueue, resources: [props.queue.queueArn] }));
  if (rights.publishes && props.eventBusArn !== undefined) {
    allowed.push(new PolicyStatement({ actions: ["events:PutEvents"], resources: [props.eventBusArn] }));
  }
  return allowed;
}
