import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { errorsInShort } from "./bundle-diet-sdk.ts";

/** What takes the place of the SDK's search for credentials (see there). */
export const environmentCredentials: Readonly<Record<string, string>> = {
  "@aws-sdk/credential-provider-node": fileURLToPath(
    new URL("../lib/dynamodb/environment-credentials.ts", import.meta.url),
  ),
};

/** Zod attaches a way to JSON Schema to every schema it makes: 18 KB in each bundle that no function asks for. */
const JSON_SCHEMA = /[\\/]zod[\\/]v4[\\/]core[\\/](to-json-schema|json-schema-processors)\.js$/;

/** Leaves that out: its functions stay, by name, and refuse when they are called after all. */
const withoutJsonSchema: Plugin = {
  name: "without-json-schema",
  setup(build) {
    build.onLoad({ filter: JSON_SCHEMA }, async ({ path }) => ({ contents: refusing(await readFile(path, "utf8")) }));
  },
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

/** A module with the same exports that does nothing but refuse. What is called while a schema is made must not yet. */
function refusing(source: string): string {
  const names = [...source.matchAll(/^export (?:const|function) (\w+)/gm)].map(([, name = ""]) => name);
  const renamed = [...source.matchAll(/^export \{ (\w+ as \w+) \};/gm)].map(([, pair = ""]) => pair);
  return [
    `const refuse = () => { throw new Error("JSON Schema is left out of the functions (infra/bundle-diet.ts)."); };`,
    ...names.map((name) => `export const ${name} = ${name.startsWith("create") ? "() => refuse" : "refuse"};`),
    ...renamed.map((pair) => `export { ${pair} };`),
  ].join("\n");
}

/** All that is left out of the functions. */
export const diet: readonly Plugin[] = [
  withoutJsonSchema,
  withoutEventStreams,
  withoutEndpointCache,
  onlyTheVersion,
  errorsInShort,
];
