import { CfnOutput, RemovalPolicy, SecretValue, Stack, Validations } from "aws-cdk-lib";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { compact } from "../lib/system/compact.ts";
import type { Deployment } from "./operator.ts";

/**
 * The token as a reference that CloudFormation resolves while it deploys: the template has no secret, and the function needs
 * no client for secrets, nor time for one at a cold start. CloudFormation reads the secret again only when the template around
 * the reference changes, so a new value takes effect with its version in the reference.
 */
export function actorCreationToken(
  scope: Construct,
  { actorCreation, actorCreationTokenSecret, actorCreationTokenVersion }: Deployment,
): Readonly<Record<string, string>> {
  if (actorCreation !== "token") return {};
  const secret = actorCreationTokenSecret ?? madeSecret(scope);
  const reference = SecretValue.secretsManager(secret, compact({ versionId: actorCreationTokenVersion }));
  return { ACTOR_CREATION_TOKEN: reference.unsafeUnwrap() };
}

/** The ARN of a new secret with a generated value. */
function madeSecret(scope: Construct): string {
  const stack = Stack.of(scope);
  const secret = new Secret(scope, "ActorCreationToken", {
    description: `The bearer that may create actors at ${stack.stackName}`,
    generateSecretString: { passwordLength: 40, excludePunctuation: true },
    removalPolicy: RemovalPolicy.RETAIN,
  });
  Validations.of(secret).acknowledge({
    id: "AwsSolutions-SMG4",
    reason: "Clients of the deployment hold this token; it is changed by its operator, together with them.",
  });
  new CfnOutput(stack, "ActorCreationTokenSecret", { value: secret.secretArn });
  return secret.secretArn;
}
