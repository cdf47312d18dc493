import { CfnOutput, RemovalPolicy, SecretValue, Stack, Validations } from "aws-cdk-lib";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { compact } from "../lib/system/compact.ts";
import type { Deployment } from "./operator.ts";

/** A bearer of the deployment's. */
interface Token {
  /** The id of a secret that is made for it; the output with its ARN is `<id>Secret`. */
  readonly id: string;
  /** Who holds it, as the end of "The bearer that …". */
  readonly may: string;
  /** Name or ARN of an existing secret; a new one is made when absent. */
  readonly secret: string | undefined;
  /** The version of the secret; the current one when absent. */
  readonly version: string | undefined;
}

/**
 * The tokens as references that CloudFormation resolves while it deploys: the template has no secret, and the function needs
 * no client for secrets, nor time for one at a cold start. CloudFormation reads a secret again only when the template around
 * the reference changes, so a new value takes effect with its version in the reference.
 */
export function tokens(scope: Construct, deployment: Deployment): Readonly<Record<string, string>> {
  const { actorCreation, actorCreationTokenSecret, actorCreationTokenVersion } = deployment;
  const { allEvents, operatorTokenSecret, operatorTokenVersion } = deployment;
  const creation = { id: "ActorCreationToken", may: "may create actors" };
  const operator = { id: "OperatorToken", may: "reads the events of all actors" };
  return {
    ...(actorCreation === "token" && {
      ACTOR_CREATION_TOKEN: referenceTo(scope, {
        ...creation,
        secret: actorCreationTokenSecret,
        version: actorCreationTokenVersion,
      }),
    }),
    ...(allEvents && {
      OPERATOR_TOKEN: referenceTo(scope, { ...operator, secret: operatorTokenSecret, version: operatorTokenVersion }),
    }),
  };
}

function referenceTo(scope: Construct, token: Token): string {
  const secret = token.secret ?? madeSecret(scope, token);
  return SecretValue.secretsManager(secret, compact({ versionId: token.version })).unsafeUnwrap();
}

/** The ARN of a new secret with a generated value. */
function madeSecret(scope: Construct, { id, may }: Token): string {
  const stack = Stack.of(scope);
  const secret = new Secret(scope, id, {
    description: `The bearer that ${may} at ${stack.stackName}`,
    generateSecretString: { passwordLength: 40, excludePunctuation: true },
    removalPolicy: RemovalPolicy.RETAIN,
  });
  Validations.of(secret).acknowledge({
    id: "AwsSolutions-SMG4",
    reason: "Clients of the deployment hold this token; it is changed by its operator, together with them.",
  });
  new CfnOutput(stack, `${id}Secret`, { value: secret.secretArn });
  return secret.secretArn;
}
