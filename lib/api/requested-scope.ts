/** The fields of a request for a subscription, of either side. */
import * as z from "zod/mini";
import { isOwnName, isTarget, OWN_NAME_RULE } from "../domain/terms/names.ts";
import type { Scope } from "../domain/terms/scope.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";

const segment = z.pipe(
  z.nullish(z.string().check(z.maxLength(1_024))),
  z.transform((text) => text ?? ""),
);

/** The fields of what a subscription covers. Null, empty and absent are none. */
export const scopeFields = {
  target: z.string().check(z.refine(isTarget, `must be ${OWN_NAME_RULE}`)),
  subtarget: segment.check(z.refine((text) => text === "" || isOwnName(text), `must be ${OWN_NAME_RULE}`)),
  resource: segment.check(z.refine(isResource, `must be names with one slash between two, each ${OWN_NAME_RULE}`)),
};

export const granularities = z.enum(["high", "low", "none"]);

/** The scope of those fields. @throws ServiceError request.invalid for a resource without a subtarget */
export function requestedScope(body: { target: string; subtarget: string; resource: string }): Scope {
  if (body.resource !== "" && body.subtarget === "") {
    throw new ServiceError("request.invalid", "A resource lies below a subtarget; name the subtarget too.", {
      field: "resource",
    });
  }
  const { target, subtarget, resource } = body;
  return compact({ target, subtarget: subtarget || undefined, resource: resource || undefined });
}

function isResource(text: string): boolean {
  if (text === "") return true;
  return text.split("/").every((part) => part !== "." && part !== ".." && (part === "" || isOwnName(part)));
}
