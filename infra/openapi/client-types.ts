/** The types of the client, made from the document. The file that holds them names what it was made from. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

export const CLIENT_TYPES = root("lib/client/openapi.ts");

const digest = (...texts: readonly string[]): string =>
  createHash("sha256").update(texts.join("\0")).digest("base64url");

/** The first line of the file: digests of what the types are made from, and of the types. */
function headOf(document: string, types: string): string {
  const generator = readFileSync(root("node_modules/openapi-typescript/package.json"), "utf8");
  const { version } = JSON.parse(generator) as { version: string };
  const from = digest(document, version);
  return `// Written by \`npm run openapi\`; not to be edited. From ${from}, as ${digest(types)}.\n`;
}

/** Whether this file is the one for this document. It makes no types: the generator takes a second to load. */
export function isMadeFrom(file: string, document: string): boolean {
  const end = file.indexOf("\n") + 1;
  return file.slice(0, end) === headOf(document, file.slice(end));
}

/** The file for a document. */
export async function clientTypes(document: string): Promise<string> {
  const { default: openapiTypes, astToString } = await import("openapi-typescript");
  const types = astToString(await openapiTypes(document));
  return headOf(document, types) + types;
}
