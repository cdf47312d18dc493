import { Ajv2020 } from "ajv/dist/2020.js";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CLIENT_TYPES, isMadeFrom } from "../../infra/openapi/client-types.ts";
import { DOCUMENT, documentText } from "../../infra/openapi/document-file.ts";
import { type ExchangeCheck, repositoryCheck, type Exchange } from "../support/openapi/exchange-check.ts";

type Json = Readonly<Record<string, unknown>>;
const text = readFileSync(DOCUMENT, "utf8");
const document = JSON.parse(text) as Json;

/** Every value below a value, with the keys that lead to it. */
function* below(value: unknown, path: readonly string[] = []): Generator<readonly [readonly string[], unknown]> {
  yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* below(member, [...path, key]);
}

const at = (reference: string): unknown =>
  reference
    .slice(2)
    .split("/")
    .reduce<unknown>((value, key) => (value as Json | undefined)?.[key.replaceAll("~1", "/")], document);

describe("the OpenAPI document", () => {
  it("is the one that `npm run openapi` writes", async () => {
    expect(text === (await documentText())).toBe(true);
  });

  it("is what the client's types are made from, by the same command", () => {
    const types = readFileSync(CLIENT_TYPES, "utf8");
    expect(isMadeFrom(types, text)).toBe(true);
    expect(isMadeFrom(types, `${text} `)).toBe(false);
    expect(isMadeFrom(types.replace("interface paths", "interface Paths"), text)).toBe(false);
  });

  it("refers to nothing that it lacks, and has no component that nothing refers to", () => {
    const references = [...below(document)].flatMap(([path, value]) => (path.at(-1) === "$ref" ? [String(value)] : []));
    expect(references.length).toBeGreaterThan(100);
    expect(references.filter((reference) => at(reference) === undefined)).toEqual([]);
    const { schemas, responses, parameters, headers } = document["components"] as Record<string, Json>;
    const unused = Object.entries({ schemas, responses, parameters, headers }).flatMap(([kind, named]) =>
      Object.keys(named ?? {}).filter((name) => !references.includes(`#/components/${kind}/${name}`)),
    );
    // What the answers to unknown paths and methods are.
    expect(unused).toEqual(["Error"]);
  });

  it("names each operation once", () => {
    const ids = [...below(document)].flatMap(([path, value]) => (path.at(-1) === "operationId" ? [value] : []));
    expect(ids).toEqual([...new Set(ids)]);
  });

  it("has schemas that the draft 2020-12 takes, and examples that they take", () => {
    const ajv = new Ajv2020({ strict: false, formats: { uri: true, "date-time": true } });
    ajv.addSchema(document, "doc", false, false);
    let examples = 0;
    for (const [path, value] of below(document)) {
      if (typeof value !== "object" || value === null || !("schema" in value)) continue;
      const { schema, example } = value as { schema: Json; example?: unknown };
      expect(ajv.validateSchema(schema), path.join("/")).toBe(true);
      if (example === undefined) continue;
      examples += 1;
      const pointer = [...path, "schema"].map((key) => encodeURIComponent(key.replaceAll("/", "~1"))).join("/");
      const validate = ajv.compile({ $ref: `doc#/${pointer}` });
      validate(example);
      expect([path.join("/"), validate.errors]).toEqual([path.join("/"), null]);
    }
    expect(examples).toBeGreaterThan(20);
  });
});

const REQUEST_ID = "0123456789abcdef0123456789abcdef";
const DIGEST = `sha-256=:${"A".repeat(43)}=:`;
const answerHeaders = {
  "content-type": "application/json",
  "x-request-id": REQUEST_ID,
  "cache-control": "no-store",
  "content-digest": DIGEST,
};
const error = (code: string, more: Json = {}) =>
  JSON.stringify({ error: { code, message: "Something is wrong.", requestId: REQUEST_ID, ...more } });
const made = { id: "a", creator: "creator", passphrase: "p" };

/** An exchange that the document describes. */
const right: Exchange = {
  method: "POST",
  url: "http://127.0.0.1:1/",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ creator: "creator" }),
  status: 201,
  answerHeaders: { ...answerHeaders, location: "http://127.0.0.1:1/a" },
  answer: JSON.stringify(made),
};

describe("the check of exchanges", () => {
  const check: ExchangeCheck = repositoryCheck();
  const faults = (change: Partial<Exchange>): string => check.faultsOf({ ...right, ...change }).join("\n");

  it("finds nothing wrong with what the document describes", () => {
    expect(faults({})).toBe("");
    expect(faults({ status: 400, answerHeaders, answer: error("bad_request", { field: "creator" }) })).toBe("");
    expect(faults({ url: "http://127.0.0.1:1/a/b/c/d", status: 404, answerHeaders, answer: error("not_found") })).toBe(
      "",
    );
    const allow = { ...answerHeaders, allow: "GET, POST" };
    expect(faults({ method: "PUT", status: 405, answerHeaders: allow, answer: error("method_not_allowed") })).toBe("");
    expect(faults({ method: "HEAD", status: 200, body: "", answerHeaders, answer: "" })).toBe("");
  });

  it.each<[string, Partial<Exchange>, string]>([
    ["a route", { url: "http://127.0.0.1:1/a/tasks/b/c", method: "POST", status: 200 }, "no route"],
    ["a method", { method: "PUT", status: 200, answer: "{}" }, "no route"],
    ["a query parameter", { url: "http://127.0.0.1:1/?more=1" }, "lacks the query more"],
    ["a header of the request", { headers: { ...right.headers, "x-more": "1" } }, "lacks the header x-more"],
    ["a media type", { headers: { "content-type": "text/plain" } }, "lacks bodies of text/plain"],
    ["a status", { status: 203 }, "lacks the status 203"],
    ["a header of the answer", { answerHeaders: { ...right.answerHeaders, "x-more": "1" } }, "header x-more"],
    ["a member of the answer", { answer: JSON.stringify({ ...made, more: 1 }) }, '"more"'],
    ["an error code", { status: 400, answerHeaders, answer: error("conflict") }, "allowed values"],
    ["a member of an error", { status: 400, answerHeaders, answer: error("bad_request", { more: 1 }) }, '"more"'],
  ])("finds %s that the document lacks", (_, change, fault) => {
    expect(faults(change)).toContain(fault);
  });

  it.each<[string, Partial<Exchange>, string]>([
    ["a request", { body: JSON.stringify({ creator: 1 }) }, "the body/creator"],
    ["an answer", { answer: JSON.stringify({ ...made, id: 1 }) }, "/id"],
    ["an answer without a header", { answerHeaders }, "lacks the header location"],
    ["a body where there is none", { url: "http://127.0.0.1:1/a", method: "DELETE", status: 204 }, "has a body"],
  ])("finds %s that is otherwise", (_, change, fault) => {
    expect(faults(change)).toContain(fault);
  });

  it("finds an event that is none", () => {
    const event = {
      ...{
        specversion: "1.0",
        id: "e",
        source: "https://us.example/a",
        subject: "orders.new",
        type: "org.actingweb.event",
      },
      ...{ time: "2026-01-31T12:00:00Z", datacontenttype: "application/json", position: "1-1-0", data: 1 },
    };
    expect(check.eventFaults(event)).toEqual([]);
    expect(check.eventFaults({ ...event, sequence: "1" })).not.toEqual([]);
    const { position: _, ...without } = event;
    expect(check.eventFaults(without)).not.toEqual([]);
  });

  it("lets a refused request be wrong, and one that was made to be odd have more parameters", () => {
    const refused = { status: 400, answerHeaders, answer: error("bad_request") };
    expect(faults({ ...refused, body: "[", url: "http://127.0.0.1:1/?more=1" })).toBe("");
    expect(faults({ odd: true, url: "http://127.0.0.1:1/?more=1" })).toBe("");
    expect(faults({ odd: true, body: "[" })).toContain("the body");
  });
});
