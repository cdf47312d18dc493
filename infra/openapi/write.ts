/** `npm run openapi`: writes docs/openapi.json. */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { documentText, DOCUMENT } from "./document-file.ts";

writeFileSync(DOCUMENT, await documentText());
process.stdout.write(`${DOCUMENT}\n`);
