import { App } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { describe, expect, it } from "vitest";
import { addService } from "../../infra/service.ts";
import type { Service } from "../../infra/service.ts";
import { withAssemblyFolder } from "../support/service-templates.ts";

/** Synthesises as cdk.json does: cdk-nag, and CloudFormation's own rules as errors. @throws ValidationFailed */
function synthesise(
  given: Readonly<Record<string, string>>,
  spoil: (service: Service) => void = () => undefined,
): void {
  const context = { ...given, "@aws-cdk/core:validateAgainstDefaultRules": true };
  withAssemblyFolder((outdir) => {
    const app = new App({ outdir, context, treeMetadata: false });
    spoil(addService(app, { environment: {}, code: () => Code.fromInline("//") }));
    app.synth();
  });
}

describe("the checks", () => {
  it("pass for the plain service", () => {
    expect(() => synthesise({})).not.toThrow();
  });

  it("pass for a service with a creation token and a mail address for alarms", () => {
    expect(() => synthesise({ ACTOR_CREATION: "token", alarmEmail: "night@example.com" })).not.toThrow();
  });

  it("would stop a queue without encryption in transit and dead letters", () => {
    expect(() => synthesise({}, ({ api }) => new Queue(api, "Careless"))).toThrow(/[Vv]alidation/);
  });
});
