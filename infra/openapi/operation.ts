/** What the document says of one route beside what the route table says, and helpers to say it briefly. */
import * as z from "zod/mini";
import { compact } from "../../lib/system/compact.ts";
import type { RouteOf, Area } from "../../lib/api/route-table.ts";

/** A JSON Schema of the draft 2020-12. */
export type Schema = Readonly<Record<string, unknown>>;

/** A parameter of a query or a header. */
export interface Parameter {
  readonly description: string;
  readonly schema: Schema;
  readonly required?: true;
}

/** What stands in a body of one media type. */
export interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface Body {
  /** A request without it is right too. */
  readonly optional?: true;
  readonly content: Readonly<Record<string, Media>>;
}

/** A header of an answer. It may be absent unless it is `required`. */
export interface Header {
  readonly description: string;
  readonly schema: Schema;
  readonly required?: true;
}

/** An answer of a status below 400. Without `content` it has no body. */
export interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, Media>>;
  readonly headers?: Readonly<Record<string, Header>>;
}

export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly query?: Readonly<Record<string, Parameter>>;
  readonly headers?: Readonly<Record<string, Parameter>>;
  readonly body?: Body;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Error codes on the wire beside those that follow from the route's access, path and body (`document.ts`). */
  readonly errors?: readonly string[];
  /** Headers of errors, by status, beside those of every error. */
  readonly errorHeaders?: Readonly<Record<number, Readonly<Record<string, Header>>>>;
}

/** A description of every route of an area, and of nothing else. */
export type Described<A extends Area> = Readonly<Record<RouteOf<A>, Operation>>;

const OPTIONAL = Symbol("optional");
type Member = Schema | { readonly [OPTIONAL]: Schema };

/** A member that an object may leave out. */
export const maybe = (schema: Schema): Member => ({ [OPTIONAL]: schema });

/** An object with these members. */
export function object(members: Readonly<Record<string, Member>>, more: Schema = {}): Schema {
  const isOptional = (member: Member): member is { readonly [OPTIONAL]: Schema } => OPTIONAL in member;
  const entries = Object.entries(members);
  const required = entries.flatMap(([name, member]) => (isOptional(member) ? [] : [name]));
  const properties = entries.map(([name, member]) => [name, isOptional(member) ? member[OPTIONAL] : member]);
  return {
    type: "object",
    properties: Object.fromEntries(properties) as unknown,
    ...compact({ required: required.length === 0 ? undefined : required }),
    ...more,
  };
}

export const text: Schema = { type: "string" };
export const bool: Schema = { type: "boolean" };
/** A whole number that is never negative. */
export const count: Schema = { type: "integer", minimum: 0 };
/** A whole number between two, both included. */
export const whole = (minimum: number, maximum: number): Schema => ({ type: "integer", minimum, maximum });
export const time: Schema = { type: "string", format: "date-time" };
export const uri: Schema = { type: "string", format: "uri" };
/** Any JSON value. */
export const anything: Schema = {};
/** Any JSON object. */
export const anyObject: Schema = { type: "object", additionalProperties: true };
export const array = (items: Schema, more: Schema = {}): Schema => ({ type: "array", items, ...more });
export const choice = (...values: readonly unknown[]): Schema => ({ enum: values });
export const always = (value: unknown): Schema => ({ const: value });
export const mapOf = (values: Schema): Schema => ({ type: "object", additionalProperties: values });
export const oneOf = (...schemas: readonly Schema[]): Schema => ({ anyOf: schemas });
export const said = (description: string, schema: Schema = text): Schema => ({ ...schema, description });
/** A schema of the components. */
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** A body of JSON. */
export const json = (schema: Schema, example?: unknown): Readonly<Record<string, Media>> => ({
  "application/json": compact({ schema, example }),
});

/** An answer with a body of JSON. */
export const shows = (
  description: string,
  schema: Schema,
  { example, headers }: { readonly example?: unknown; readonly headers?: Answer["headers"] } = {},
): Answer => ({ description, content: json(schema, example), ...compact({ headers }) });

/** An answer without a body. */
export const done = (description: string, headers?: Answer["headers"]): Answer => ({
  description,
  ...compact({ headers }),
});

/** The tag of a resource that also shows how it stands. */
export const settingsTag: Header = { description: "Stands for the settings alone.", schema: text, required: true };
/** The header of a GET that knows settings. */
export const knownSettings = { "if-none-match": { description: "Are my settings still these?", schema: text } };
/** The headers of a PUT: which settings it is about. */
export const whichSettings = (of: string) => ({
  "if-match": { description: "The `ETag` of the settings to be changed.", schema: text },
  "if-none-match": { description: `\`*\`: only if there is no such ${of}.`, schema: text },
});

/** The headers of an answer that a position is gone. */
export const goneLink = { 410: { link: { description: "Where the state can be read instead.", schema: text } } };

export const location = (description: string): Readonly<Record<string, Header>> => ({
  location: { description, schema: uri, required: true },
});

/**
 * What the schema that checks a body takes. Where that schema checks by a function, `more` says of a member what JSON Schema
 * can say of it.
 */
export function taken(schema: z.core.$ZodType, more: Readonly<Record<string, Schema>> = {}): Schema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", override }) as Schema;
  const properties = made["properties"] as Readonly<Record<string, Schema>> | undefined;
  if (properties === undefined) return made;
  for (const name of Object.keys(more)) {
    if (properties[name] === undefined) throw new Error(`The body has no member ${name}.`);
  }
  const named = Object.entries(properties).map(([name, member]) => [name, { ...member, ...more[name] }]);
  return { ...made, properties: Object.fromEntries(named) as unknown };
}

/** A schema behind a function that reads its input takes what it takes, and the shorthand that the function expands. */
function override({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: Record<string, unknown>;
}): void {
  const { def } = zodSchema._zod;
  if (def.type !== "pipe" || def.in._zod.def.type !== "transform") return;
  const expanded = taken(def.out);
  for (const name of Object.keys(jsonSchema)) delete jsonSchema[name];
  Object.assign(jsonSchema, { anyOf: [array(text), expanded] });
}
