/** The document as the repository holds it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { openApiDocument } from "./document.ts";

const root = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

export const DOCUMENT = root("docs/openapi.json");

/** Its text. */
export async function documentText(): Promise<string> {
  const { version } = JSON.parse(readFileSync(root("package.json"), "utf8")) as { version: string };
  return await format(JSON.stringify(openApiDocument(version)), { parser: "json", printWidth: 120 });
}
