import * as z from "zod/mini";
import { PERMISSION_FIELDS } from "../domain/permissions.ts";
import type { JsonObject } from "../ports.ts";

const MAX_PATTERNS = 500;
const wellFormed = (value: string): boolean => value.isWellFormed();
const pattern = z.string().check(z.minLength(1), z.maxLength(1024), z.refine(wellFormed, "must be well-formed text"));
const patterns = z.array(pattern).check(z.maxLength(MAX_PATTERNS));
const operation = z.string().check(z.minLength(1), z.maxLength(64));

/** The body of `PUT …/permissions`: the members that are known and given, others ignored. */
export const permissionSetBody = z.pipe(
  z.object({
    properties: z.optional(
      z.object({
        patterns: z.optional(patterns),
        excluded_patterns: z.optional(patterns),
        operations: z.optional(z.array(operation).check(z.maxLength(20))),
      }),
    ),
    methods: z.optional(z.json()),
    actions: z.optional(z.json()),
    tools: z.optional(z.json()),
    resources: z.optional(z.json()),
    prompts: z.optional(z.json()),
  }),
  z.transform((set): JsonObject => {
    const given = PERMISSION_FIELDS.filter((field) => set[field] !== undefined);
    return JSON.parse(JSON.stringify(Object.fromEntries(given.map((field) => [field, set[field]])))) as JsonObject;
  }),
);
