/** What `cdk synth` and `cdk deploy` run (see cdk.json). */
import { fileURLToPath } from "node:url";
import { App } from "aws-cdk-lib";
import { addService } from "./service.ts";

const app = new App();
addService(app, { environment: process.env, bundles: fileURLToPath(new URL("../dist/", import.meta.url)) });
app.synth();
