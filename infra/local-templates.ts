import { App } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { addService } from "./service.ts";

/**
 * The templates as the local stack reads them, by the name of their part (`data`, `api`): routes, functions and table,
 * without the deployer's environment, which the local stack adds. The checks belong to `cdk synth`; here they would only take
 * time. The code is not in the templates: it runs from `dist/<function>`.
 *
 * @param outdir a folder for CDK's own files
 */
export function templatesForLocal(outdir: string): ReadonlyMap<"data" | "api", object> {
  process.env["CDK_VALIDATION"] = "false";
  const app = new App({
    outdir,
    treeMetadata: false,
  });
  const { data, api } = addService(app, {
    environment: {},
    code: (name) => Code.fromInline(`// dist/${name}`),
    checks: false,
  });
  const assembly = app.synth();
  const template = (stackName: string): object => assembly.getStackByName(stackName).template as object;
  return new Map([
    ["data", template(data.stackName)],
    ["api", template(api.stackName)],
  ]);
}
