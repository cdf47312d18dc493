import type { variableNames } from "../lib/system/config.ts";

/** Variables that the stacks, the local stack or Lambda set for each function, never the operator. Imports nothing of CDK. */
export const STACK_VARIABLES = [
  "TABLE_NAME",
  "QUEUE_URL",
  "DYNAMODB_ENDPOINT",
  "SQS_ENDPOINT",
  "INCARNATION",
  "AWS_LAMBDA_FUNCTION_NAME",
  "EVENT_BUS_NAME",
] as const satisfies readonly (typeof variableNames)[number][];
