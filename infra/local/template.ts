import { compact } from "../../lib/system/compact.ts";
import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
}

/** A synthesized CloudFormation template, as far as the local stack reads it. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<
    Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: unknown } }>
  >;
}

export interface FunctionDefinition {
  /** The name of the function, whose bundle is `<name>/index.mjs`. */
  readonly name: string;
  readonly timeoutMs: number;
  /** The values of the template: texts, and references that `resolve` turns into texts. */
  readonly environment: Readonly<Record<string, unknown>>;
}

export interface RouteDefinition {
  /** `GET /path/{name}/{rest+}`, `ANY /path` or `$default`. */
  readonly routeKey: string;
  readonly functionName: string;
  /** Milliseconds that the gateway waits for the function. */
  readonly timeoutMs: number;
}

interface QueueDefinition {
  readonly logicalId: string;
  readonly visibilitySeconds: number;
  /** After this many receipts a message moves to the dead letters. */
  readonly maxReceives: number;
  /** The function that consumes the queue, and the messages of one batch. */
  readonly consumer: string;
  readonly batchSize: number;
  /** Most batches that the consumer gets at the same time. */
  readonly concurrency: number;
}

/** The parts of the stacks' templates that the local stack needs. */
export interface Service {
  readonly table: Omit<CreateTableCommandInput, "TableName">;
  readonly ttlAttribute: string | undefined;
  readonly functions: readonly FunctionDefinition[];
  readonly routes: readonly RouteDefinition[];
  readonly queue: QueueDefinition | undefined;
  /** The function that the schedule starts. */
  readonly scheduled: string | undefined;
}

/** The local values of the references in the templates. */
export interface Places {
  readonly tableName: string;
  readonly queueUrl: string | undefined;
  readonly baseUrl: string;
}

/** The limit of a mapping without one: that of the account. */
const UNLIMITED_CONCURRENCY = 1_000;
/** The gateway's own limit for an integration. */
const GATEWAY_LIMIT_MS = 30_000;

/** Reads the service from its templates. @throws Error that names a part that is missing or not understood */
export function readTemplates(data: Template, api: Template): Service {
  const [table] = ofType(data, "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable");
  if (!table) throw new Error("The data template holds no table.");
  const ttl = (table.properties["TimeToLiveSpecification"] ?? {}) as { AttributeName?: string; Enabled?: boolean };
  const names = new Map(ofType(api, "AWS::Lambda::Function").map((found) => [found.id, nameOf(found)]));
  const functionOf = (reference: unknown): string => {
    const id = idsIn(reference).find((name) => names.has(name));
    if (id === undefined) throw new Error(`No function is behind ${JSON.stringify(reference)}.`);
    return names.get(id) ?? "";
  };
  return {
    table: tableInput(table.properties),
    ttlAttribute: ttl.Enabled === true ? ttl.AttributeName : undefined,
    functions: ofType(api, "AWS::Lambda::Function").map((found) => ({
      name: nameOf(found),
      timeoutMs: Number(found.properties["Timeout"] ?? 3) * 1000,
      environment: ((found.properties["Environment"] ?? {}) as { Variables?: Record<string, unknown> }).Variables ?? {},
    })),
    routes: routesOf(api, functionOf),
    queue: queueOf(api, functionOf),
    scheduled: scheduledOf(api, functionOf),
  };
}

/** A value of a function's environment as text. @throws Error for a reference without a local value */
export function resolve(value: unknown, places: Places, data: Template, api: Template): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  const [kind, argument] = Object.entries((value ?? {}) as Record<string, unknown>)[0] ?? [];
  if (kind === "Fn::Join") {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map((part) => resolve(part, places, data, api)).join(separator);
  }
  if (kind === "Fn::ImportValue") {
    const exported = Object.values(data.Outputs ?? {}).find((output) => output.Export?.Name === argument);
    if (exported) return resolve(exported.Value, places, data, api);
  }
  if (kind === "Ref" || kind === "Fn::GetAtt") {
    const id = idsIn(value)[0] ?? "";
    const type = (api.Resources[id] ?? data.Resources[id])?.Type ?? "";
    if (type === "AWS::DynamoDB::Table" || type === "AWS::DynamoDB::GlobalTable") return places.tableName;
    if (type === "AWS::SQS::Queue" && places.queueUrl !== undefined) return places.queueUrl;
    if (type === "AWS::SQS::Queue") return "";
    if (type === "AWS::ApiGatewayV2::Api") return places.baseUrl;
  }
  throw new Error(`The local stack does not know what ${JSON.stringify(value)} of the template stands for.`);
}

interface Found {
  readonly id: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

function ofType(template: Template, ...types: readonly string[]): Found[] {
  return Object.entries(template.Resources)
    .filter(([, resource]) => types.includes(resource.Type))
    .map(([id, { Properties = {}, Metadata = {} }]) => ({ id, properties: Properties, metadata: Metadata }));
}

/** The name of a function, which the stack notes in the metadata; the logical id begins with it too. */
const nameOf = ({ id, metadata }: Found): string =>
  typeof metadata["function"] === "string" ? metadata["function"] : id.replace(/Function[0-9A-F]{8}$/, "");

/** Every logical id that a value refers to. */
function idsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(idsIn);
  return Object.entries(value).flatMap(([name, inner]) => {
    if (name === "Ref" && typeof inner === "string") return [inner];
    if (name === "Fn::GetAtt") return [String(Array.isArray(inner) ? inner[0] : inner).split(".")[0] ?? ""];
    return idsIn(inner);
  });
}

function routesOf(api: Template, functionOf: (reference: unknown) => string): RouteDefinition[] {
  const integrations = new Map(
    ofType(api, "AWS::ApiGatewayV2::Integration").map((found) => [found.id, found.properties]),
  );
  return ofType(api, "AWS::ApiGatewayV2::Route").map(({ properties }) => {
    const integration = idsIn(properties["Target"])
      .map((id) => integrations.get(id))
      .find((found) => found);
    if (!integration) throw new Error(`The route ${String(properties["RouteKey"])} has no integration.`);
    const timeoutMs = Math.min(GATEWAY_LIMIT_MS, Number(integration["TimeoutInMillis"] ?? GATEWAY_LIMIT_MS));
    return {
      routeKey: String(properties["RouteKey"]),
      functionName: functionOf(integration["IntegrationUri"]),
      timeoutMs,
    };
  });
}

function queueOf(api: Template, functionOf: (reference: unknown) => string): QueueDefinition | undefined {
  const [mapping] = ofType(api, "AWS::Lambda::EventSourceMapping");
  if (!mapping) return undefined;
  const queue = ofType(api, "AWS::SQS::Queue").find(({ id }) =>
    idsIn(mapping.properties["EventSourceArn"]).includes(id),
  );
  if (!queue) return undefined;
  const scaling = (mapping.properties["ScalingConfig"] ?? {}) as { MaximumConcurrency?: number };
  const redrive = (queue.properties["RedrivePolicy"] ?? {}) as { maxReceiveCount?: number };
  return {
    logicalId: queue.id,
    visibilitySeconds: Number(queue.properties["VisibilityTimeout"] ?? 30),
    maxReceives: redrive.maxReceiveCount ?? 5,
    consumer: functionOf(mapping.properties["FunctionName"]),
    batchSize: Number(mapping.properties["BatchSize"] ?? 10),
    concurrency: scaling.MaximumConcurrency ?? UNLIMITED_CONCURRENCY,
  };
}

function scheduledOf(api: Template, functionOf: (reference: unknown) => string): string | undefined {
  const [schedule] = ofType(api, "AWS::Events::Rule", "AWS::Scheduler::Schedule");
  return schedule && functionOf(schedule.properties["Targets"] ?? schedule.properties["Target"]);
}

function tableInput(properties: Readonly<Record<string, unknown>>): Service["table"] {
  const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes } = properties as unknown as CreateTableCommandInput;
  const indexes = GlobalSecondaryIndexes?.map(({ IndexName, KeySchema: keys, Projection }) => ({
    IndexName,
    KeySchema: keys,
    Projection,
  }));
  return {
    AttributeDefinitions,
    KeySchema,
    BillingMode: "PAY_PER_REQUEST",
    ...compact({ GlobalSecondaryIndexes: indexes }),
  };
}
