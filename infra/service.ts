import { Tags, Validations, type App } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import type { Code } from "aws-cdk-lib/aws-lambda";
import { compact } from "../lib/system/compact.ts";
import { ApiStack } from "./api-stack.ts";
import { DataStack } from "./data-stack.ts";
import { givenBy, readDeployment, refuseUnknown } from "./operator.ts";
import type { FunctionName } from "./functions.ts";

interface ServiceProps {
  /** The deployer's environment; `{}` to ignore it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The code of each function. */
  readonly code: (name: FunctionName) => Code;
  /** Run cdk-nag's AWS Solutions rules at synthesis [true]. */
  readonly checks?: boolean;
}

export interface Service {
  readonly data: DataStack;
  readonly api: ApiStack;
}

/**
 * Puts both stacks and their checks into the app. Needs neither account nor network.
 *
 * @throws Error that names the wrong value of the deployer's configuration
 */
export function addService(app: App, { environment, code, checks = true }: ServiceProps): Service {
  const context = (name: string): unknown => app.node.tryGetContext(name) as unknown;
  refuseUnknown(Object.keys(app.node.getAllContext() as object));
  const deployment = readDeployment(givenBy(context, environment));
  if (checks) Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const data = new DataStack(app, `${deployment.name}-Data`, compact({ eventBusName: deployment.eventBusName }));
  const api = new ApiStack(app, `${deployment.name}-Api`, { table: data.table, deployment, code });
  for (const [key, value] of Object.entries(deployment.tags)) Tags.of(app).add(key, value);
  return { data, api };
}
