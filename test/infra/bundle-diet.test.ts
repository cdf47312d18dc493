import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text as textOf } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterEach, describe, expect, it, vi } from "vitest";
import { diet, environmentCredentials } from "../../infra/bundle-diet.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
type Module = Readonly<Record<string, unknown>>;

/** What a source exports once it is bundled, lean as in the functions or as it is. */
async function bundled(source: string, options: { readonly lean: boolean }): Promise<Module> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    minify: true,
    ...(options.lean ? { alias: environmentCredentials, plugins: [...diet] } : {}),
  });
  const text = outputFiles[0]?.text ?? "";
  return (await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`)) as Module;
}

describe.each(["client-dynamodb", "client-sqs"])("the errors of %s, written in short", (client) => {
  const source = `export * from "./node_modules/@aws-sdk/${client}/dist-es/models/errors.js";`;
  const shapeOf = (ErrorClass: any) => {
    const error = new ErrorClass({ message: "no", $metadata: { requestId: "r" }, extra: 1 });
    return {
      className: ErrorClass.name,
      shapeId: ErrorClass.shapeId,
      bases: [Object.getPrototypeOf(ErrorClass).shapeId, error instanceof ErrorClass, error instanceof Error],
      fields: { ...error },
      text: String(error),
    };
  };

  it("are class for class what the SDK's are", async () => {
    const [lean, full] = await Promise.all([bundled(source, { lean: true }), bundled(source, { lean: false })]);
    expect(Object.keys(lean)).toEqual(Object.keys(full));
    expect(Object.keys(full).length).toBeGreaterThan(20);
    for (const name of Object.keys(full)) {
      // Minifying takes the classes' own names, which nothing of the SDK reads; in short they keep them.
      expect(shapeOf(lean[name])).toEqual({ ...shapeOf(full[name]), className: expect.any(String) });
    }
  });

  it("are fewer bytes by far", async () => {
    const sizes = await Promise.all(
      [true, false].map(async (lean) => {
        const { outputFiles } = await build({
          stdin: { contents: source, resolveDir: root },
          bundle: true,
          write: false,
          external: ["@smithy/core/client"],
          format: "esm",
          minify: true,
          plugins: lean ? [...diet] : [],
        });
        return outputFiles[0]?.contents.length ?? 0;
      }),
    );
    expect(sizes[0]).toBeLessThan(0.6 * (sizes[1] ?? 0));
  });
});

describe("the queue's client without what is left out", () => {
  afterEach(() => vi.unstubAllEnvs());

  /** The queue out of a lean bundle, and a server in the place of SQS that gives this answer to all. */
  async function queueBefore(answer: { status: number; headers?: Record<string, string>; body: object }) {
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      void textOf(request).then((body) => {
        bodies.push(body);
        response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0", ...answer.headers });
        response.end(JSON.stringify(answer.body));
      });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    vi.stubEnv("AWS_RETRY_MODE", "adaptive");
    const { SqsDelayQueue } = (await bundled(`export * from "./lib/queue/sqs-delay-queue.ts";`, { lean: true })) as any;
    const queue = new SqsDelayQueue({ queueUrl: `${endpoint}/1/queue`, region: "eu-north-1", endpoint });
    return { queue, bodies, [Symbol.dispose]: () => void server.close() };
  }
  const work = { kind: "due", pk: "A#a", sk: "LOG", dueAt: 1 } as const;
  const md5 = (text: string) => createHash("md5").update(text).digest("hex");

  it("sends and signs, whatever way of retrying the environment asks for", async () => {
    const MD5OfMessageBody = md5(JSON.stringify(work));
    using sqs = await queueBefore({ status: 200, body: { MessageId: "m", MD5OfMessageBody } });
    await sqs.queue.send(work, 3);
    expect(sqs.bodies.map((body) => JSON.parse(body))).toEqual([
      expect.objectContaining({ MessageBody: JSON.stringify(work), DelaySeconds: 3 }),
    ]);
  });

  it("names an error as the SDK does", async () => {
    using sqs = await queueBefore({
      status: 400,
      headers: { "x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender" },
      body: { __type: "com.amazonaws.sqs#QueueDoesNotExist", message: "There is none." },
    });
    await expect(sqs.queue.send(work, 3)).rejects.toMatchObject({
      name: "QueueDoesNotExist",
      message: "There is none.",
      $fault: "client",
    });
  });
});

describe.each([
  ["DynamoDB", "dynamodb", ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchGetItem"]],
  ["DynamoDB", "dynamodb", ["BatchWriteItem", "TransactGetItems", "TransactWriteItems"]],
  ["SQS", "sqs", ["SendMessage", "SendMessageBatch"]],
])("the errors %s knows of the operations we call", (_, client, operations) => {
  it("are all left in", async () => {
    const folder = `${root}node_modules/@aws-sdk/client-${client}/dist-types/commands/`;
    const texts = await Promise.all(
      operations.map((operation) => readFile(`${folder}${operation}Command.d.ts`, "utf8")),
    );
    const thrown = new Set(
      texts.flatMap((text) => [...text.matchAll(/@throws \{@link (\w+)\}/g)].map(([, name]) => name)),
    );
    const source = `export * as errors from "./node_modules/@aws-sdk/client-${client}/dist-es/schemas/schemas_0.js";`;
    const { errors } = (await bundled(source, { lean: true })) as any;
    const known = new Set(
      errors.errorTypeRegistries
        .flatMap(({ exceptions }: any) => [...exceptions.keys()])
        .map((schema: any) => schema[2]),
    );
    expect(thrown.size).toBeGreaterThan(5);
    expect([...thrown].filter((name) => !known.has(name))).toEqual([]);
    expect(known.size).toBeLessThan(25);
  });
});

describe.each(["client-dynamodb", "client-sqs"])("the shapes of %s", (client) => {
  const file = `./node_modules/@aws-sdk/${client}/dist-es/schemas/schemas_0.js`;
  /** A shape two levels deep: what it refers to is given by functions, round and round. */
  const spelt = (shape: unknown, depth = 2): unknown => {
    if (typeof shape === "function") return depth === 0 ? "another" : spelt(shape(), depth - 1);
    return Array.isArray(shape) ? shape.map((part) => spelt(part, depth)) : shape;
  };

  it("are what the SDK's are", async () => {
    const source = `export * as shapes from "${file}";`;
    const [lean, full] = (await Promise.all([true, false].map((one) => bundled(source, { lean: one })))) as any[];
    const names = Object.keys(lean.shapes).filter((name) => name.endsWith("$"));
    expect(names.length).toBeGreaterThan(50);
    for (const name of names) expect(spelt(lean.shapes[name])).toEqual(spelt(full.shapes[name]));
    const missing = Object.keys(full.shapes).filter((name) => !names.includes(name) && name.endsWith("$"));
    expect(missing.filter((name) => full.shapes[name][0] !== -3)).toEqual([]);
  });
});

it.each([
  ["lib/queue/sqs-delay-queue.ts", /"SendMessageRequest"/, /"(ReceiveMessage|AddPermission|CreateQueue)Request"/],
  ["lib/dynamodb/document-table.ts", /"QueryInput"/, /"ScanInput"/],
])("leaves out of %s the messages nobody sends", async (file, sent, unsent) => {
  const { outputFiles } = await build({
    stdin: { contents: `export * from "./${file}";`, resolveDir: root },
    ...{ bundle: true, write: false, format: "esm", platform: "node", mainFields: ["module", "main"] },
    ...{ minify: true, alias: environmentCredentials, plugins: [...diet] },
  });
  const text = outputFiles[0]?.text ?? "";
  expect(text).toMatch(sent);
  expect(text).not.toMatch(unsent);
});

it("refuses what is left out, loudly", async () => {
  const { AdaptiveRetryStrategy } = (await bundled(
    `export { AdaptiveRetryStrategy } from "./node_modules/@smithy/core/dist-es/submodules/retry/index.js";`,
    { lean: true },
  )) as any;
  expect(() => new AdaptiveRetryStrategy(3)).toThrow(/left out of the functions/);
});
