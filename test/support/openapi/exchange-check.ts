/** Compares exchanges with the service against its OpenAPI document: what the document lacks is a fault. */
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { gatewayPath } from "../../../infra/local/gateway-path.ts";
import { RouteTable } from "../../../infra/local/route-table.ts";
import { meantMethod } from "../../../lib/http/request.ts";

/** One request and its answer. Header names are in lower case. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly status: number;
  readonly answerHeaders: Readonly<Record<string, string>>;
  /** Decompressed. */
  readonly answer: string;
  /** The request was made to be odd: parameters that the document lacks may stand in it. */
  readonly odd?: boolean;
}

type Json = Readonly<Record<string, unknown>>;
interface Named {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Json;
  readonly $ref?: string;
}
interface Operation {
  readonly parameters: readonly Named[];
  readonly requestBody?: { readonly required: boolean; readonly content: Json };
  readonly responses: Readonly<Record<string, Json>>;
}

/** What HTTP itself and its clients send. */
const OF_HTTP = new Set([
  ...[
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
  ],
  ...["content-type", "date", "host", "keep-alive", "sec-fetch-mode", "transfer-encoding", "user-agent"],
]);
const DECOMPRESS: Readonly<Record<string, (body: Uint8Array) => Buffer>> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  deflate: inflateSync,
};
const METHODS = ["get", "put", "post", "delete"];
const DOCUMENT = new URL("../../../docs/openapi.json", import.meta.url);
/** Faults that are shown of one body. */
const MOST_SHOWN = 3;

/** Checks exchanges against one document. Validators are compiled at their first use. */
export class ExchangeCheck {
  readonly #document: Json;
  readonly #gateway: RouteTable;
  /** Schemas as they stand: a request may have members that the document lacks. */
  readonly #open: Validators;
  /** Schemas in which an object has no members but those named: an answer may not. */
  readonly #closed: Validators;
  readonly #operations = new Map<string, { readonly pointer: string; readonly operation: Operation } | undefined>();

  constructor(document: Json) {
    this.#document = document;
    const paths = document["paths"] as Readonly<Record<string, Json>>;
    const keys = Object.entries(paths).map(([path, { parameters }]) => {
      const greedy = (parameters as readonly Json[]).find((parameter) => parameter["x-greedy"] === true)?.["name"];
      return {
        routeKey: `ANY ${greedy === undefined ? path : path.replace(`{${String(greedy)}}`, `{${String(greedy)}+}`)}`,
      };
    });
    this.#gateway = new RouteTable(keys.map((key) => ({ ...key, functionName: "", timeoutMs: 0 })));
    this.#open = new Validators(document);
    this.#closed = new Validators(closed(document));
  }

  /** What the document lacks, or says otherwise, of this exchange. */
  faultsOf(exchange: Exchange): readonly string[] {
    const { status, answerHeaders } = exchange;
    // A URL as the browser's rules read it has no segment `%2e%2e`; the service takes the path as it was sent.
    const [, sent = "/", query = ""] = /^[a-z]+:\/\/[^/?]*([^?]*)\??(.*)$/s.exec(exchange.url) ?? [];
    const searchParams = new URLSearchParams(query);
    const path = gatewayPath(sent);
    // The gateway's own answers.
    if (path === undefined || answerHeaders["x-request-id"] === undefined) {
      return status === 400 || status >= 500 ? [] : [`the answer ${String(status)} has no x-request-id`];
    }
    const method = meantMethod(exchange.method, searchParams, exchange.headers["x-http-method-override"]);
    const pattern = this.#gateway.match(method, path)?.route.routeKey.slice("ANY ".length).replace("+}", "}");
    const found = pattern === undefined ? undefined : this.#operation(method === "HEAD" ? "GET" : method, pattern);
    if (found === undefined) {
      const allowed = pattern === undefined ? [404] : [400, 404, 405];
      const unlisted = allowed.includes(status) ? [] : [`no route of the document answers ${String(status)}`];
      return [...unlisted, ...this.#bodyFaults(exchange, method, "/components/schemas/Error")];
    }
    const { operation, pointer } = found;
    const took = status < 300 || status === 304;
    return [
      ...(took ? this.#requestFaults(exchange, searchParams, pointer, operation) : []),
      ...this.#answerFaults(exchange, method, pointer, operation),
    ];
  }

  /** What is wrong with an event that the service has sent. */
  eventFaults(envelope: unknown): readonly string[] {
    return this.#closed.faults("/components/schemas/Event", envelope, "the event");
  }

  #operation(method: string, pattern: string) {
    const key = `${method} ${pattern}`;
    if (!this.#operations.has(key)) {
      const paths = this.#document["paths"] as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
      const name = method.toLowerCase();
      const operation = METHODS.includes(name) ? paths[pattern]?.[name] : undefined;
      const pointer = `/paths/${escaped(pattern)}/${name}`;
      this.#operations.set(key, operation && { pointer, operation });
    }
    return this.#operations.get(key);
  }

  #requestFaults(exchange: Exchange, query: URLSearchParams, pointer: string, operation: Operation): readonly string[] {
    const { headers, odd = false } = exchange;
    const faults: string[] = [];
    const parameters = operation.parameters.map((parameter, index) =>
      parameter.$ref === undefined
        ? { ...parameter, at: `${pointer}/parameters/${String(index)}/schema` }
        : { ...(this.#at(parameter.$ref) as Named), at: `${parameter.$ref.slice(1)}/schema` },
    );
    for (const [place, given] of [
      ["query", Object.fromEntries(query)],
      ["header", headers],
    ] as const) {
      const known = parameters.filter((parameter) => parameter.in === place);
      for (const parameter of known) {
        const value = given[parameter.name];
        if (value === undefined) {
          if (parameter.required === true) faults.push(`the ${place} lacks ${parameter.name}`);
        } else
          faults.push(
            ...this.#open.faults(parameter.at, asSchema(parameter.schema, value), `${place} ${parameter.name}`),
          );
      }
      const prefixes = known.filter(({ name }) => name.endsWith("*")).map(({ name }) => name.slice(0, -1));
      const names = new Set(known.map(({ name }) => name));
      for (const name of odd ? [] : Object.keys(given)) {
        const isOfHttp = place === "header" && OF_HTTP.has(name);
        if (isOfHttp || names.has(name) || prefixes.some((prefix) => name.startsWith(prefix))) continue;
        faults.push(`the document lacks the ${place} ${name}`);
      }
    }
    return [...faults, ...this.#requestBodyFaults(exchange, pointer, operation)];
  }

  #requestBodyFaults({ headers, body }: Exchange, pointer: string, { requestBody }: Operation): readonly string[] {
    const bytes = typeof body === "string" ? Buffer.from(body) : (body ?? new Uint8Array());
    // A body that a route does not read is ignored, as unknown fields are.
    if (requestBody === undefined) return [];
    if (bytes.byteLength === 0) return requestBody.required ? ["the body is missing"] : [];
    const type = mediaOf(headers["content-type"] ?? "application/json");
    const media = fitting(requestBody.content, type);
    if (media === undefined) return [`the document lacks bodies of ${type}`];
    const decompress = DECOMPRESS[headers["content-encoding"] ?? ""];
    const text = Buffer.from(decompress?.(bytes) ?? bytes)
      .toString("utf8")
      .replace(/^\ufeff/, "");
    const isForm = type === "application/x-www-form-urlencoded" && media === type;
    const isText = (requestBody.content[media] as { schema: Json }).schema["type"] === "string";
    const value = isForm ? Object.fromEntries(new URLSearchParams(text)) : isText ? text : valueOf(text);
    return this.#open.faults(`${pointer}/requestBody/content/${escaped(media)}/schema`, value, "the body");
  }

  #answerFaults(exchange: Exchange, method: string, pointer: string, operation: Operation): readonly string[] {
    const { status, answerHeaders } = exchange;
    let at = `${pointer}/responses/${String(status)}`;
    let response = operation.responses[String(status)];
    if (response === undefined) {
      // Names that exist for some methods only, and methods that no list of routes knows.
      return [`the document lacks the status ${String(status)}: ${exchange.answer.slice(0, 300)}`];
    }
    if (typeof response["$ref"] === "string") {
      at = response["$ref"].slice(1);
      response = this.#at(response["$ref"]) as Json;
    }
    const faults: string[] = [];
    const headers = (response["headers"] ?? {}) as Readonly<Record<string, Json>>;
    for (const name of Object.keys(answerHeaders)) {
      if (!OF_HTTP.has(name) && headers[name] === undefined)
        faults.push(`the document lacks the answer's header ${name}`);
    }
    for (const [name, header] of Object.entries(headers)) {
      const reference = header["$ref"] as string | undefined;
      const described = reference === undefined ? header : (this.#at(reference) as Json);
      const value = answerHeaders[name];
      if (value !== undefined) {
        const schema = `${reference?.slice(1) ?? `${at}/headers/${escaped(name)}`}/schema`;
        faults.push(...this.#closed.faults(schema, value, `the answer's header ${name}`));
      } else if (described["required"] === true && method !== "HEAD")
        faults.push(`the answer lacks the header ${name}`);
    }
    const content = response["content"] as Json | undefined;
    if (content === undefined) return exchange.answer === "" ? faults : [...faults, "the answer has a body"];
    if (method === "HEAD") return faults;
    const type = mediaOf(answerHeaders["content-type"] ?? "");
    const media = fitting(content, type);
    if (media === undefined) return [...faults, `the document lacks answers of ${type}`];
    return [...faults, ...this.#bodyFaults(exchange, method, `${at}/content/${escaped(media)}/schema`)];
  }

  #bodyFaults({ answer, answerHeaders, status }: Exchange, method: string, pointer: string): readonly string[] {
    if (method === "HEAD") return [];
    const isJson = /[/+]json$/.test(mediaOf(answerHeaders["content-type"] ?? ""));
    return this.#closed.faults(pointer, isJson ? valueOf(answer) : answer, `the body of the answer ${String(status)}`);
  }

  #at(reference: string): unknown {
    return reference
      .slice(2)
      .split("/")
      .reduce<unknown>(
        (value, key) => (value as Json)[key.replaceAll("~1", "/").replaceAll("~0", "~")],
        this.#document,
      );
  }
}

class Validators {
  readonly #ajv: Ajv2020;
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(document: Json) {
    this.#ajv = new Ajv2020({
      strict: false,
      validateSchema: false,
      validateFormats: true,
      formats: {
        uri: (text: string) => URL.canParse(text),
        "date-time": (text: string) => !Number.isNaN(Date.parse(text)),
      },
    });
    this.#ajv.addSchema(document, "openapi.json");
  }

  faults(pointer: string, value: unknown, where: string): readonly string[] {
    let validate = this.#compiled.get(pointer);
    if (validate === undefined) {
      validate = this.#ajv.compile({ $ref: `openapi.json#${pointer.split("/").map(encodeURIComponent).join("/")}` });
      this.#compiled.set(pointer, validate);
    }
    if (validate(value)) return [];
    const errors = (validate.errors ?? []).slice(0, MOST_SHOWN);
    const shown = JSON.stringify([value]).slice(1, 300);
    return errors.map(({ instancePath, message, params }) => {
      return `${where}${instancePath} ${message ?? ""} ${JSON.stringify(params)} in ${shown}`;
    });
  }
}

/** The document with every object closed that names its members and does not say what others are. */
function closed(value: unknown): Json {
  if (Array.isArray(value)) return value.map((each) => closed(each)) as unknown as Json;
  if (typeof value !== "object" || value === null) return value as Json;
  const entries = Object.entries(value).map(([name, member]) => [name, closed(member)] as const);
  const isClosed =
    "type" in value && value.type === "object" && "properties" in value && !("additionalProperties" in value);
  return Object.fromEntries(isClosed ? [...entries, ["additionalProperties", false]] : entries) as Json;
}

const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");
const mediaOf = (type: string): string => type.split(";", 1)[0]?.trim().toLowerCase() ?? "";

/** The media range of a content that a type falls under, the narrowest first. */
const fitting = (content: Json, type: string): string | undefined =>
  [type, `${type.split("/", 1)[0] ?? ""}/*`, "*/*"].find((range) => Object.hasOwn(content, range));

/** The text of a parameter as its schema means it. */
const asSchema = ({ type }: Json, text: string): string | number =>
  type === "integer" && /^-?[0-9]+$/.test(text) ? Number(text) : text;

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The check against the document that the repository holds. */
export const repositoryCheck = (): ExchangeCheck =>
  new ExchangeCheck(JSON.parse(readFileSync(DOCUMENT, "utf8")) as Json);
