/**
 * The `cdk` command itself, as a deployer runs it, in a copy of the project with functions of its own. Without a setting the
 * usual run synthesises in this process, which shares the loaded packages with the other tests.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { App } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { functions } from "../../infra/functions.ts";
import { addService } from "../../infra/service.ts";
import { EVERY_SETTING } from "../support/every-setting.ts";
import { NODE_COMPILE_CACHE } from "../support/service.ts";
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
