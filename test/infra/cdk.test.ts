/** The `cdk` command itself, as a deployer runs it, in a copy of the project with functions of its own. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { functions } from "../../infra/functions.ts";
import { EVERY_SETTING } from "../support/every-setting.ts";
import { NODE_COMPILE_CACHE } from "../support/service.ts";

const project = fileURLToPath(new URL("../../", import.meta.url));
let root: string;

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), "cdk-"));
  // With what is built, so that only the functions that a test changes are built again.
  for (const copied of ["dist", "infra", "functions", "lib", "cdk.json", "package.json", "package-lock.json"]) {
    cpSync(path.join(project, copied), path.join(root, copied), { recursive: true });
  }
  symlinkSync(path.join(project, "node_modules"), path.join(root, "node_modules"));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** `cdk synth` with these values in the context. */
async function synth(context: Readonly<Record<string, string>> = {}): Promise<void> {
  const values = Object.entries(context).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const cdk = path.join(root, "node_modules/aws-cdk/bin/cdk");
  const { PATH, HOME, TMPDIR } = process.env;
  await promisify(execFile)(process.execPath, [cdk, "synth", "--quiet", ...values], {
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
    await synth();
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
