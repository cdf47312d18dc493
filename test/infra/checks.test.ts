import { App } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { describe, expect, it } from "vitest";
import { secretNames } from "../../infra/operator.ts";
import { addService, type Service } from "../../infra/service.ts";
import { settingNames } from "../../infra/settings.ts";
import { EVERY_SETTING } from "../support/every-setting.ts";
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

  it.each(Object.entries(EVERY_SETTING))("pass with %s", (name, value) => {
    const { domainName, certificateArn } = EVERY_SETTING;
    const domain = name === "domainName" || name === "certificateArn" ? { domainName, certificateArn } : {};
    const token = name.startsWith("ACTOR_CREATION_TOKEN") ? { ACTOR_CREATION: "token" } : {};
    expect(() => synthesise({ ...domain, ...token, [name]: value })).not.toThrow();
  });

  it("pass with every setting at once", () => {
    expect(() => synthesise(EVERY_SETTING)).not.toThrow();
  });

  it("know every setting there is", () => {
    expect(Object.keys(EVERY_SETTING).sort()).toEqual(
      [...settingNames, ...secretNames, "ACTOR_CREATION", "BUS"].sort(),
    );
  });

  it("would stop a queue without encryption in transit and dead letters", () => {
    expect(() => synthesise({}, ({ api }) => new Queue(api, "Careless"))).toThrow(/[Vv]alidation/);
  });
});
