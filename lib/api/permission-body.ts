import * as z from "zod/mini";
import { parseText, printJson } from "../domain/json/json-text.ts";
import { isFault, parsePattern } from "../domain/events/topic.ts";
import { notTaken } from "../http/not-taken.ts";
import { PERMISSION_FIELDS } from "../domain/policy/permissions.ts";
import type { JsonObject } from "../system/ports.ts";

const MAX_PATTERNS = 500;
const wellFormed = (value: string): boolean => value.isWellFormed();
const pattern = z.string().check(z.minLength(1), z.maxLength(1024), z.refine(wellFormed, "must be well-formed text"));
const patterns = z.array(pattern).check(z.maxLength(MAX_PATTERNS));
const topic = z.pipe(
  z.string().check(
    z.refine((value) => !isFault(parsePattern(value)), {
      error: ({ input }) => {
        const parsed = parsePattern(String(input));
        return isFault(parsed) ? parsed.fault : "";
      },
    }),
  ),
  z.transform((value) => String(parsePattern(value))),
);
const operation = z.enum(["read", "write", "subscribe", "delete"]);
const texts = z.optional(z.array(z.string()));

/** A bare array stands for its patterns, with the right to read. */
const orPatterns = <T extends z.ZodMiniType>(schema: T) =>
  z.pipe(
    z.transform((value: unknown) =>
      Array.isArray(value) ? { patterns: value as unknown, operations: ["read"] } : value,
    ),
    schema,
  );

/** What means something to the peer only. */
const other = z.optional(
  orPatterns(
    z.looseObject({ allowed: texts, denied: texts, patterns: texts, excluded_patterns: texts, operations: texts }),
  ),
);

/** The body of `PUT …/permissions`: the members that are known and given, others ignored. */
export const permissionSetBody = z.pipe(
  z.object({
    properties: z.optional(
      orPatterns(
        z.object({
          patterns: z.optional(patterns),
          excluded_patterns: z.optional(patterns),
          operations: z.optional(z.array(operation).check(z.maxLength(20))),
          allowed: notTaken("properties are opened by patterns"),
          denied: notTaken("properties are closed by excluded_patterns"),
        }),
      ),
    ),
    publish: z.optional(z.array(topic).check(z.maxLength(MAX_PATTERNS))),
    methods: other,
    actions: other,
    tools: other,
    resources: other,
    prompts: other,
  }),
  z.transform((set): JsonObject => {
    const given = PERMISSION_FIELDS.filter((field) => set[field] !== undefined);
    return parseText(printJson(Object.fromEntries(given.map((field) => [field, set[field]])))) as JsonObject;
  }),
);
