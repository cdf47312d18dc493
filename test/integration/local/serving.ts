import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { NODE_COMPILE_CACHE } from "../../support/service.ts";
import { temporaryFolder } from "./emulated.ts";

const SERVE = fileURLToPath(new URL("../../../infra/local/serve.ts", import.meta.url));
const PEER = fileURLToPath(new URL("../../support/publisher/main.ts", import.meta.url));
const START = fileURLToPath(new URL("../../../infra/local/start.mjs", import.meta.url));

/** The output of a process, and how it ended. */
export interface Ran {
  readonly url: string;
  readonly out: () => string;
  readonly errors: () => string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<number | null>;
}

/** Runs serve.ts with only the given environment. Resolves once it serves, or has ended. */
export function serve(environment: Readonly<Record<string, string>>): Promise<Ran> {
  return runScript(SERVE, environment);
}

/** Runs `npm start` in the same way. */
export function start(environment: Readonly<Record<string, string>>): Promise<Ran> {
  return runScript(START, environment);
}

/** Runs the small publisher of `npm run peer` in the same way. */
export function peer(environment: Readonly<Record<string, string>>): Promise<Ran> {
  return runScript(PEER, environment);
}

async function runScript(script: string, environment: Readonly<Record<string, string>>): Promise<Ran> {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, [script], {
    env: { PATH, HOME, NODE_COMPILE_CACHE, DATA_DIR: ":memory:", PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, errors] = ["", ""];
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  const ended = once(child, "close").then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const ready = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk) => {
      out += String(chunk);
      if (out.includes("\n")) resolve();
    });
  });
  await Promise.race([ready, ended]);
  const url = /^(?:peer )?ready (\S+)\n/.exec(out)?.[1] ?? "";
  return { url, out: () => out, errors: () => errors, kill: (signal) => child.kill(signal), ended };
}

/** A `dist` folder as the build makes it, with small functions that answer with their event. */
export async function smallService(): Promise<string> {
  const dist = await temporaryFolder();
  await mkdir(join(dist, "template"));
  await writeFile(join(dist, "template/data.template.json"), JSON.stringify(DATA));
  await writeFile(join(dist, "template/api.template.json"), JSON.stringify(api(["web", "scheduler", "worker"])));
  for (const [name, source] of Object.entries(SOURCES)) {
    await mkdir(join(dist, name));
    await writeFile(join(dist, name, "index.mjs"), source);
  }
  return dist;
}

const DATA = {
  Resources: {
    T: {
      Type: "AWS::DynamoDB::Table",
      Properties: {
        AttributeDefinitions: [
          { AttributeName: "pk", AttributeType: "S" },
          { AttributeName: "sk", AttributeType: "S" },
        ],
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
      },
    },
  },
  Outputs: { Name: { Value: { Ref: "T" }, Export: { Name: "Data:Table" } } },
};

function api(names: readonly string[]) {
  const functions = names.map((name) => {
    const queue = name === "web" ? { QUEUE_URL: { Ref: "Q" } } : {};
    const Variables = {
      TABLE_NAME: { "Fn::ImportValue": "Data:Table" },
      BASE_URL: { "Fn::GetAtt": ["A", "ApiEndpoint"] },
    };
    const Properties = { Timeout: 29, Environment: { Variables: { ...Variables, ...queue } } };
    return [`${name}F`, { Type: "AWS::Lambda::Function", Metadata: { function: name }, Properties }];
  });
  return {
    Resources: {
      ...(Object.fromEntries(functions) as object),
      A: { Type: "AWS::ApiGatewayV2::Api" },
      Q: { Type: "AWS::SQS::Queue", Properties: { VisibilityTimeout: 30, RedrivePolicy: { maxReceiveCount: 3 } } },
      I: {
        Type: "AWS::ApiGatewayV2::Integration",
        Properties: { IntegrationUri: { "Fn::GetAtt": ["webF", "Arn"] }, TimeoutInMillis: 29000 },
      },
      R: {
        Type: "AWS::ApiGatewayV2::Route",
        Properties: { RouteKey: "$default", Target: { "Fn::Join": ["", ["integrations/", { Ref: "I" }]] } },
      },
      M: {
        Type: "AWS::Lambda::EventSourceMapping",
        Properties: { EventSourceArn: { "Fn::GetAtt": ["Q", "Arn"] }, FunctionName: { Ref: "workerF" } },
      },
      S: { Type: "AWS::Events::Rule", Properties: { Targets: [{ Arn: { "Fn::GetAtt": ["schedulerF", "Arn"] } }] } },
    },
  };
}

/** Each keeps what it saw in the table, through the plain wire protocol. */
const DYNAMO = `
const call = async (endpoint, target, body) => {
  const answer = await fetch(endpoint, { method: "POST", body: JSON.stringify(body),
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": target } });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
};
const dynamo = (operation, body) => call(process.env.DYNAMODB_ENDPOINT, "DynamoDB_20120810." + operation,
  { TableName: process.env.TABLE_NAME, ...body });
const note = (sk, text) => dynamo("PutItem", { Item: { pk: { S: "seen" }, sk: { S: sk }, text: { S: text } } });
`;
const SOURCES = {
  web: `${DYNAMO}
export const handler = async (event) => {
  console.log("web saw " + event.rawPath);
  if (event.rawPath === "/environment") return process.env;
  if (event.rawPath === "/send") {
    await call(process.env.QUEUE_URL, "AmazonSQS.SendMessage", { QueueUrl: process.env.QUEUE_URL, MessageBody: "hello" });
    return { statusCode: 202 };
  }
  if (event.queryStringParameters?.after) fetch(event.queryStringParameters.after).then(() => note("later", "done"));
  const { Item } = await dynamo("GetItem", { ConsistentRead: true, Key: { pk: { S: "seen" }, sk: { S: event.rawPath.slice(1) } } });
  return { text: Item?.text.S ?? null };
};`,
  scheduler: `${DYNAMO} export const handler = (event) => note("scheduler", event["detail-type"]);`,
  worker: `${DYNAMO} export const handler = (event) => note("worker", event.Records[0].body);`,
};
