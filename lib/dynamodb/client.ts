import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { compact } from "../system/compact.ts";
import { platform } from "../system/platform.ts";
import type { Clock } from "../system/ports.ts";
import { httpHandler } from "../aws/http-handler.ts";
import { requestSigner, type Credentials } from "../aws/request-signer.ts";

interface TableClientOptions {
  readonly region: string;
  /** The endpoint in place of the region's own: the local emulator, or a private endpoint. */
  readonly endpoint?: string;
  /** `environmentCredentials` in a function. */
  readonly credentials: Credentials | (() => Promise<Credentials>);
  /** Milliseconds for one attempt, answer included [4000]. The largest answer, a batch of 16 MB, takes less. */
  readonly requestTimeoutMs?: number;
  /** Measures for how long a kept connection has been free [the machine's clock]. */
  readonly clock?: Clock;
}

const CONNECT_MS = 1_000;
const MOST_CONNECTIONS = 128;
/** Steps of the SDK that compute for each request what this service needs of none (docs/costs.md has what they cost). */
const UNUSED = ["loggerMiddleware", "getUserAgentMiddleware", "recursionDetectionMiddleware"];

/**
 * The client that a `DocumentTable` needs, one per process: it keeps its connections, and gives up on an answer while the
 * caller still has time to react. It makes one attempt of each request.
 *
 * The SDK puts the steps of each kind of request together once. Steps that are added later are not seen, unless
 * `config.cacheMiddleware` is set to false first.
 */
export function createTableClient(options: TableClientOptions): DynamoDBClient {
  const { region, credentials, clock = platform.clock } = options;
  const credentialsNow = typeof credentials === "function" ? credentials : () => Promise.resolve(credentials);
  const client = new DynamoDBClient({
    region,
    credentials,
    signer: requestSigner({ service: "dynamodb", region }, credentialsNow, () => clock.now()),
    // `DocumentTable` retries, because it knows the deadline of the work; the SDK would wait for seconds beyond it.
    retryMode: "standard",
    maxAttempts: 1,
    cacheMiddleware: true,
    requestHandler: httpHandler({
      timeoutMs: options.requestTimeoutMs ?? 4_000,
      connectMs: CONNECT_MS,
      maxConnections: MOST_CONNECTIONS,
      clock,
      after: platform.after,
    }),
    ...compact({ endpoint: options.endpoint }),
  });
  for (const step of UNUSED) client.middlewareStack.remove(step);
  return client;
}
