import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { errorsInShort, onlyPaginatorsInUse, onlySchemasInUse } from "./bundle-diet-sdk.ts";

/** What takes the place of the SDK's search for credentials (see there). */
export const environmentCredentials: Readonly<Record<string, string>> = {
  "@aws-sdk/credential-provider-node": fileURLToPath(
    new URL("../lib/dynamodb/environment-credentials.ts", import.meta.url),
  ),
};

/** The SDK loads its event streams when an operation has one; none of DynamoDB's or SQS's has: 15 KB in each bundle. */
const EVENT_STREAMS = /[\\/]@smithy[\\/]core[\\/]dist-es[\\/]submodules[\\/]event-streams[\\/]index\.js$/;

/** Leaves those out: an operation that had one after all would be refused. */
const withoutEventStreams: Plugin = {
  name: "without-event-streams",
  setup(build) {
    build.onLoad({ filter: EVENT_STREAMS }, () => ({
      contents: `const refuse = () => { throw new Error("Event streams are left out of the functions (infra/bundle-diet.ts)."); };
        export { refuse as EventStreamSerde, refuse as eventStreamSerdeProvider };`,
    }));
  },
};

/** DynamoDB's endpoint discovery keeps what it found in a cache of its own making: 8 KB in each bundle, and it is never on. */
const ENDPOINT_CACHE = /[\\/]@aws-sdk[\\/]endpoint-cache[\\/]dist-es[\\/]index\.js$/;

/** Puts an empty cache in its place: discovery, were it switched on, would ask each time. */
const withoutEndpointCache: Plugin = {
  name: "without-endpoint-cache",
  setup(build) {
    build.onLoad({ filter: ENDPOINT_CACHE }, () => ({
      contents: `export class EndpointCache {
        getEndpoint() { return undefined; }
        get() { return undefined; }
        set() {}
        delete() {}
        has() { return false; }
        clear() {}
      }`,
    }));
  },
};

/** The SDK's clients import the whole of their package.json for its version: 5 KB of scripts and dependencies in each bundle. */
const PACKAGE_FILE = /[\\/]@aws-sdk[\\/]client-[\w-]+[\\/]package\.json$/;

/** Leaves the version, which goes into the user agent. */
const onlyTheVersion: Plugin = {
  name: "only-the-version",
  setup(build) {
    build.onLoad({ filter: PACKAGE_FILE }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, "utf8")) as { readonly version: string };
      return { contents: JSON.stringify({ version }), loader: "json" };
    });
  },
};

/** What Node computes itself: the SDK's own SHA-256, for where there is no crypto module, is 3 KB in each bundle. */
const OWN_SHA256 = /[\\/]@smithy[\\/]core[\\/]dist-es[\\/]submodules[\\/]checksum[\\/]sha256[\\/]Sha256Js\.js$/;

/** Leaves it out: a Node without SHA-256 could sign nothing, and would be told so. */
const withoutOwnSha256: Plugin = refusing("without-own-sha256", OWN_SHA256, "Sha256Js", "The SDK's own SHA-256 is");

/** The retries that slow all callers down, `AWS_RETRY_MODE=adaptive`, which both clients rule out: 4 KB in each bundle. */
const ADAPTIVE_RETRIES =
  /[\\/]@smithy[\\/]core[\\/]dist-es[\\/]submodules[\\/]retry[\\/]util-retry[\\/]AdaptiveRetryStrategy\.js$/;

/** Leaves them out: a client that asked for them after all would be refused. */
const withoutAdaptiveRetries: Plugin = refusing(
  "without-adaptive-retries",
  ADAPTIVE_RETRIES,
  "AdaptiveRetryStrategy",
  "Adaptive retries are",
);

/** Puts in the place of a module a class of that name which cannot be made. */
function refusing(name: string, filter: RegExp, className: string, what: string): Plugin {
  const message = JSON.stringify(`${what} left out of the functions (infra/bundle-diet.ts).`);
  const contents = `export class ${className} { constructor() { throw new Error(${message}); } }`;
  return { name, setup: (build) => build.onLoad({ filter }, () => ({ contents })) };
}

/** All that is left out of the functions. */
export const diet: readonly Plugin[] = [
  withoutEventStreams,
  withoutEndpointCache,
  onlyTheVersion,
  withoutOwnSha256,
  withoutAdaptiveRetries,
  errorsInShort,
  onlySchemasInUse,
  onlyPaginatorsInUse,
];
