import { App } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { describe, expect, it } from "vitest";
import { secretNames } from "../../infra/operator.ts";
import { addService, type Service } from "../../infra/service.ts";
import { settingNames } from "../../infra/settings.ts";
import { EVERY_SETTING } from "../support/every-setting.ts";
import { withAssemblyFolder } from "../support/service-templates.ts";
import { sized } from "../support/sizes.ts";

/** How many settings are given to one synthesis, which takes most of a second. */
const TOGETHER = sized(12, 1);
const SETTINGS = Object.keys(EVERY_SETTING) as (keyof typeof EVERY_SETTING)[];
const GROUPS = Array.from({ length: Math.ceil(SETTINGS.length / TOGETHER) }, (_, index) => {
  const names = SETTINGS.slice(index * TOGETHER, (index + 1) * TOGETHER);
  return [names.join(", "), names] as const;
});

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

  it.each(GROUPS)("pass with %s", (_, names) => {
    const { domainName, certificateArn } = EVERY_SETTING;
    const needed = (name: string): Readonly<Record<string, string>> => {
      if (name === "domainName" || name === "certificateArn") return { domainName, certificateArn };
      if (name.startsWith("OPERATOR_TOKEN")) return { ALL_EVENTS: "true" };
      return name.startsWith("ACTOR_CREATION_TOKEN") ? { ACTOR_CREATION: "token" } : {};
    };
    const given = names.map((name) => ({ ...needed(name), [name]: EVERY_SETTING[name] }));
    expect(() => synthesise(Object.assign({}, ...given))).not.toThrow();
  });

  it("pass with every setting at once", () => {
    expect(() => synthesise(EVERY_SETTING)).not.toThrow();
  });

  it("know every setting there is", () => {
    expect(Object.keys(EVERY_SETTING).sort()).toEqual(
      [...settingNames, ...secretNames, "ACTOR_CREATION", "ALL_EVENTS", "BUS"].sort(),
    );
  });

  it("would stop a queue without encryption in transit and dead letters", () => {
    expect(() => synthesise({}, ({ api }) => new Queue(api, "Careless"))).toThrow(/[Vv]alidation/);
  });
});
