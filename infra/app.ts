/** The CDK app that `cdk synth` and `cdk deploy` run (see cdk.json), after the build. */
import { fileURLToPath } from "node:url";
import { App } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { addService } from "./service.ts";

const app = new App();
addService(app, {
  environment: process.env,
  code: (name) => Code.fromAsset(fileURLToPath(new URL(`../dist/${name}`, import.meta.url))),
});
app.synth();
