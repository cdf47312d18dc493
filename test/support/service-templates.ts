import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Code } from "aws-cdk-lib/aws-lambda";
import { addService, type Service } from "../../infra/service.ts";

type Said = readonly [environment?: Readonly<Record<string, string>>, context?: Readonly<Record<string, unknown>>];

/** Both stacks' templates for one deployer's environment and context, without bundles, checks or network. */
export function serviceTemplates(...said: Said): { readonly data: Template; readonly api: Template } {
  return withAssemblyFolder((outdir) => {
    const { data, api } = stacksIn(outdir, ...said);
    return { data: Template.fromStack(data), api: Template.fromStack(api) };
  });
}

/** The stacks themselves, not synthesised. */
export const serviceStacks = (...said: Said): Service => withAssemblyFolder((outdir) => stacksIn(outdir, ...said));

function stacksIn(outdir: string, environment: Said[0] = {}, context: Said[1] = {}): Service {
  process.env["CDK_VALIDATION"] = "false";
  const app = new App({ outdir, context: { ...context }, treeMetadata: false });
  return addService(app, { environment, code: () => Code.fromInline("//"), checks: false });
}

/** Runs `act` with a folder for CDK's own files, which is gone afterwards. */
export function withAssemblyFolder<T>(act: (outdir: string) => T): T {
  const outdir = mkdtempSync(path.join(tmpdir(), "assembly-"));
  try {
    return act(outdir);
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** One resource of a template, with only what the tests read. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, any>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
}

/** The functions of the API stack by their name. */
export function functionsByName(api: Template): ReadonlyMap<string, Resource & { readonly id: string }> {
  const found = Object.entries(api.findResources("AWS::Lambda::Function") as Record<string, Resource>);
  return new Map(found.map(([id, resource]) => [String(resource.Metadata?.["function"]), { ...resource, id }]));
}
