import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DOCUMENT, documentText } from "../../infra/openapi/document-file.ts";

describe("the OpenAPI document", () => {
  it("is the one that `npm run openapi` writes", async () => {
    expect(readFileSync(DOCUMENT, "utf8") === (await documentText())).toBe(true);
  });
});
