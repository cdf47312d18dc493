/**
 * The `cdk` command itself, as a deployer runs it, in a copy of the project with functions of its own, and the checks of a
 * synthesis. They are one file because the checks are compiled once in each process, which takes as long as ten syntheses.
 * Without a setting the usual run synthesises in this process.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { App } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { functions } from "../../infra/functions.ts";
import { secretNames } from "../../infra/operator.ts";
import { addService, type Service } from "../../infra/service.ts";
import { settingNames } from "../../infra/settings.ts";
import { EVERY_SETTING } from "../support/every-setting.ts";
import { NODE_COMPILE_CACHE } from "../support/service.ts";
import { withAssemblyFolder } from "../support/service-templates.ts";
import { sized } from "../support/sizes.ts";

const project = fileURLToPath(new URL("../../", import.meta.url));
let root: string;

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), "cdk-"));
  // With what is built, so that only the functions that a test changes are built again.
  for (const copied of ["dist", "docs", "infra", "functions", "lib", "cdk.json", "package.json", "package-lock.json"]) {
    cpSync(path.join(project, copied), path.join(root, copied), { recursive: true });
  }
  symlinkSync(path.join(project, "node_modules"), path.join(root, "node_modules"));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

// Other files of this process leave CloudFormation's own rules out.
beforeEach(() => void vi.stubEnv("CDK_VALIDATION", undefined));
afterAll(() => void vi.unstubAllEnvs());

/** `cdk synth` with these values in the context. */
async function synth(context: Readonly<Record<string, string>> = {}): Promise<void> {
  const values = Object.entries(context).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  await run("node_modules/aws-cdk/bin/cdk", "synth", "--quiet", ...values);
}

/** What the command does with nothing in the context, in this process: the build, and infra/app.ts with its checks. */
async function synthHere(): Promise<void> {
  await run("infra/build.ts");
  const { context } = JSON.parse(readFileSync(path.join(root, "cdk.json"), "utf8")) as { context: object };
  const app = new App({ outdir: path.join(root, "cdk.out"), context: { ...context } });
  addService(app, { environment: {}, code: (name) => Code.fromAsset(path.join(root, "dist", name)) });
  app.synth();
}

async function run(script: string, ...values: readonly string[]): Promise<void> {
  const { PATH, HOME, TMPDIR } = process.env;
  await promisify(execFile)(process.execPath, [path.join(root, script), ...values], {
    cwd: root,
    env: { PATH: `${path.dirname(process.execPath)}:${PATH ?? ""}`, HOME, TMPDIR, NODE_COMPILE_CACHE },
  });
}

const template = (name: string): any => JSON.parse(readFileSync(path.join(root, "cdk.out", name), "utf8"));

/** Whether every function of a stack contains a text. */
function deployed(stack: string, text: string): boolean {
  const { files } = template(`${stack}.assets.json`) as { files: Record<string, { source: { path: string } }> };
  const bundles = Object.values(files).filter(({ source }) => source.path.startsWith("asset."));
  expect(bundles).toHaveLength(Object.keys(functions).length);
  return bundles.every(({ source }) =>
    readFileSync(path.join(root, "cdk.out", source.path, "index.mjs"), "utf8").includes(text),
  );
}

const writeApp = (desc: string): void => {
  const app = readFileSync(path.join(project, "functions/app.ts"), "utf8");
  writeFileSync(path.join(root, "functions/app.ts"), app.replace(/desc: ".*"/, `desc: "${desc}"`));
};

describe("cdk synth", () => {
  it("succeeds with every setting off, builds what it deploys, and protects both stacks", async () => {
    writeApp("the first of them");
    await sized(synthHere, synth)();
    expect(deployed("ActingWeb-Api", "the first of them")).toBe(true);
    const { artifacts } = template("manifest.json");
    for (const stack of ["ActingWeb-Api", "ActingWeb-Data"]) {
      expect(artifacts[stack].properties.terminationProtection).toBe(true);
    }
    expect(Object.keys(template("ActingWeb-Api.template.json").Outputs)).toContain("Endpoint");
  });

  it("succeeds with every setting on, and builds again what has changed", async () => {
    writeApp("the second of them");
    await synth(EVERY_SETTING);
    expect(deployed("Second-Api", "the second of them")).toBe(true);
    expect(template("Second-Api.template.json").Outputs["Endpoint"]).toEqual({ Value: "https://actors.example.com" });
    const { artifacts } = template("manifest.json");
    expect(artifacts["Second-Api"].properties.terminationProtection).toBe(true);
    expect(artifacts["Second-Data"].properties.terminationProtection).toBe(true);
  });
});

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
