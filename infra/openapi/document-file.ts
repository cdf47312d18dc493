/** The document as the repository holds it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "oxfmt";
import { openApiDocument } from "./document.ts";

const root = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

export const DOCUMENT = root("docs/openapi.json");

/** Its text. */
export async function documentText(): Promise<string> {
  const { version } = JSON.parse(readFileSync(root("package.json"), "utf8")) as { version: string };
  const { code, errors } = await format(DOCUMENT, JSON.stringify(openApiDocument(version)), { printWidth: 120 });
  if (errors.length > 0) throw new Error(`The document is no JSON: ${errors.map(({ message }) => message).join("; ")}`);
  return code;
}
