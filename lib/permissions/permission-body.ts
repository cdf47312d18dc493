import * as z from "zod";
import { PERMISSION_FIELDS } from "../domain/permissions.ts";
import type { JsonObject } from "../ports.ts";

const MAX_PATTERNS = 500;
const wellFormed = (value: string): boolean => value.isWellFormed();
const patterns = z.array(z.string().min(1).max(1024).refine(wellFormed, "must be well-formed text")).max(MAX_PATTERNS);

/** The body of `PUT …/permissions`: the members that are known and given, others ignored. */
export const permissionSetBody = z
  .object({
    properties: z
      .object({
        patterns: patterns.optional(),
        excluded_patterns: patterns.optional(),
        operations: z.array(z.string().min(1).max(64)).max(20).optional(),
      })
      .optional(),
    methods: z.json().optional(),
    actions: z.json().optional(),
    tools: z.json().optional(),
    resources: z.json().optional(),
    prompts: z.json().optional(),
  })
  .transform((set): JsonObject => {
    const given = PERMISSION_FIELDS.filter((field) => set[field] !== undefined);
    return JSON.parse(JSON.stringify(Object.fromEntries(given.map((field) => [field, set[field]])))) as JsonObject;
  });
