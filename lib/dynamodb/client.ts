import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { systemClock } from "../system/platform.ts";
import { freshAgents } from "../system/fresh-agents.ts";
import type { Clock } from "../system/ports.ts";

interface DocumentClientOptions {
  readonly region: string;
  /** The endpoint in place of the region's own: the local emulator, or a private endpoint. */
  readonly endpoint?: string;
  /** `environmentCredentials` in a function. */
  readonly credentials: NonNullable<DynamoDBClientConfig["credentials"]>;
  /** Milliseconds for one attempt, answer included [4000]. The largest answer, a batch of 16 MB, takes less. */
  readonly requestTimeoutMs?: number;
  /** Measures for how long a kept connection has been free [the machine's clock]. */
  readonly clock?: Clock;
}

/**
 * Makes numbers be read as JavaScript numbers, also beyond 2^53, where the document client would make a bigint. A new
 * object each time, because the document client changes the one that it gets.
 */
export function readingOptions(): { wrapNumbers: (text: string) => number } {
  return { wrapNumbers: Number };
}

/**
 * The client that a `DocumentTable` needs, one per process: it keeps its connections, and gives up on an answer while the
 * caller still has time to react. It makes one attempt of each request.
 */
export function createDocumentClient(options: DocumentClientOptions): DynamoDBDocumentClient {
  const agents = freshAgents({ keepAlive: true, maxSockets: 128 }, options.clock ?? systemClock);
  const config: DynamoDBClientConfig = {
    region: options.region,
    credentials: options.credentials,
    // `DocumentTable` retries, because it knows the deadline of the work; the SDK would wait for seconds beyond it.
    retryMode: "standard",
    maxAttempts: 1,
    // The options of the SDK's own Node handler, which spares importing it by name.
    requestHandler: {
      connectionTimeout: 1000,
      requestTimeout: options.requestTimeoutMs ?? 4000,
      throwOnRequestTimeout: true,
      httpAgent: agents.plain,
      httpsAgent: agents.secure,
    },
  };
  if (options.endpoint !== undefined) config.endpoint = options.endpoint;
  const client = new DynamoDBClient(config);
  client.middlewareStack.add(
    (next) => async (args) => {
      agents.dropStale();
      return await next(args);
    },
    { step: "finalizeRequest", priority: "low", name: "dropStaleConnections" },
  );
  return DynamoDBDocumentClient.from(client, {
    marshallOptions: { removeUndefinedValues: true, allowImpreciseNumbers: true },
    unmarshallOptions: readingOptions(),
  });
}
