/** `npm run openapi`: writes docs/openapi.json, and the client's types from it. */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { CLIENT_TYPES, clientTypes } from "./client-types.ts";
import { documentText, DOCUMENT } from "./document-file.ts";

const text = await documentText();
writeFileSync(DOCUMENT, text);
writeFileSync(CLIENT_TYPES, await clientTypes(text));
process.stdout.write(`${DOCUMENT}\n${CLIENT_TYPES}\n`);
