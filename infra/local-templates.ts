import { App } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { addService } from "./service.ts";

/**
 * The templates as the local stack reads them, by the name of their part (`data`, `api`): routes, functions and table,
 * without anything the deployer's environment says, which the local stack adds itself. The checks belong to `cdk synth`;
 * here they would only cost time. The code is not in them: it runs from `dist/<function>`. `outdir` is a folder for CDK's own files.
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
